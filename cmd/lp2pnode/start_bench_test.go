package main_test

import (
	"bufio"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"
)

// program puts the program as it is shipped (static, stripped) before the test
// binary in PATH, and returns its path.
func program(b *testing.B) string {
	b.Helper()
	dir := b.TempDir()
	path := filepath.Join(dir, "lp2pnode")
	build := exec.Command("go", "build", "-trimpath", "-ldflags", "-s -w", "-o", path, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	b.Setenv("PATH", dir+string(os.PathListSeparator)+os.Getenv("PATH"))
	return path
}

// BenchmarkStart measures the program as shipped: its size, from its start to
// the greeting, which comes once p2p and API listen, with chains of several
// lengths, its memory then, and the disk that a block takes.
func BenchmarkStart(b *testing.B) {
	needProcesses(b)
	path := program(b)
	for _, c := range []struct {
		name              string
		blocks, transfers int
	}{
		{"blocks=0", 0, 0},
		{"blocks=10000", 10_000, 0},
		{"blocks=100000", 100_000, 0},
		{"transfers=1000", 50, 1000},
	} {
		b.Run(c.name, func(b *testing.B) {
			w := newWorkload(b, c.blocks, c.transfers)
			n := start(b, "node", "--genesis", w.genesis, "--mine=false")
			n.stop()
			before := diskBytes(b, n.dir)
			w.grow(b, n.dir, c.blocks, c.transfers)
			disk := diskBytes(b, n.dir) - before
			var took []time.Duration
			for b.Loop() {
				for range 5 {
					took = append(took, greeted(b, n))
				}
			}
			n.run()
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(median(took), "p50-ms")
			b.ReportMetric(float64(slices.Min(took).Microseconds())/1000, "min-ms")
			b.ReportMetric(float64(memoryMB(b, n, "VmRSS:")), "idle-MB")
			if units := c.blocks * max(c.transfers, 1); units > 0 {
				b.ReportMetric(float64(disk)/float64(units), "disk-B")
			}
			info, err := os.Stat(path)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportMetric(float64(info.Size())/1e6, "binary-MB")
		})
	}
}

// greeted starts the node, returns how long its greeting took, and ends it.
func greeted(b *testing.B, n *process) time.Duration {
	b.Helper()
	cmd := exec.Command("lp2pnode", append([]string{"run", "--data-dir", n.dir, "--api", "127.0.0.1:0", "--mdns=false", "--listen", "/ip4/127.0.0.1/tcp/0"}, n.args...)...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	begin := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	took := time.Since(begin)
	if err != nil {
		b.Fatal(fmt.Errorf("greeting %q: %w", line, err))
	}
	_ = cmd.Process.Signal(syscall.SIGTERM)
	_ = cmd.Wait()
	return took
}

// diskBytes adds up the files of a directory.
func diskBytes(b *testing.B, dir string) int64 {
	b.Helper()
	var sum int64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			sum += info.Size()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return sum
}
