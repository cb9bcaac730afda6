package miner

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

// reference is the loop of testdata/reference.c, a process of its own.
type reference struct {
	b   *testing.B
	in  io.Writer
	out *bufio.Scanner
}

// startReference compiles and checks the loop and starts it until the benchmark
// ends; nil where it cannot run.
func startReference(b *testing.B) *reference {
	b.Helper()
	if !slices.ContainsFunc(kernels(), func(k kernel) bool { return k.instructions == "SHA" }) {
		b.Log("no reference in C: this processor lacks its instructions")
		return nil
	}
	path, err := compileReference(b.TempDir())
	if err != nil {
		b.Logf("no reference in C: %v", err)
		return nil
	}
	checkReference(b, path)
	cmd := exec.CommandContext(b.Context(), path)
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = in.Close()
		if err := cmd.Wait(); err != nil && b.Context().Err() == nil {
			b.Errorf("reference in C: %v", err)
		}
	})
	return &reference{b, in, bufio.NewScanner(out)}
}

func compileReference(dir string) (path string, err error) {
	path = filepath.Join(dir, "reference")
	cmd := exec.Command("gcc", "-O3", "-march=native", "-o", path, filepath.Join("testdata", "reference.c"))
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("gcc: %w: %s", err, out)
	}
	return path, nil
}

// checkReference fails unless the loop really hashes.
func checkReference(b *testing.B, path string) {
	b.Helper()
	const first, count = 5<<32 + 77, 1000
	seal, want := chain.Hash{1, 2, 3}, uint32(0)
	for n := range uint64(count) {
		want ^= firstWord(seal, first+n)
	}
	out, err := exec.CommandContext(b.Context(), path, seal.String(), fmt.Sprint(uint64(first)), fmt.Sprint(count)).Output()
	if err != nil {
		b.Fatal(err)
	}
	if got := strings.TrimSpace(string(out)); got != fmt.Sprintf("%08x", want) {
		b.Fatalf("reference in C: want first words adding up to %08x, got %s", want, got)
	}
}

// run has the loop do that many hashes and returns the processor's time that took.
func (r *reference) run(hashes uint64) time.Duration {
	if _, err := fmt.Fprintln(r.in, hashes); err != nil {
		r.b.Fatal(err)
	}
	var took time.Duration
	if !r.out.Scan() {
		r.b.Fatal("reference in C: no answer")
	}
	if _, err := fmt.Sscan(r.out.Text(), (*int64)(&took)); err != nil {
		r.b.Fatal(err)
	}
	return took
}
