package main_test

import (
	"io"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	lp2pnode "github.com/lp2pnode/lp2pnode/cmd/lp2pnode"
)

// onTerminal runs the program with a terminal as its stderr, and returns what it
// showed there.
func onTerminal(t *testing.T, args ...string) string {
	t.Helper()
	master, slave := lp2pnode.OpenTerminal(t)
	shown := make(chan string)
	go func() {
		raw, _ := io.ReadAll(master) // ends with an error when the terminal is closed
		shown <- string(raw)
	}()
	cmd := exec.CommandContext(t.Context(), "lp2pnode", args...)
	cmd.Stderr = slave
	out, err := cmd.Output()
	if closed := slave.Close(); closed != nil {
		t.Fatal(closed)
	}
	text := <-shown
	if err != nil {
		t.Fatalf("lp2pnode %v: %v\n%s%s", args, err, out, text)
	}
	return text
}

func TestWorkOnAChainShowsABarOnATerminal(t *testing.T) {
	needProcesses(t)
	c := makeChain(t, 300, 1000, nil)
	file, fresh := filepath.Join(t.TempDir(), "blocks"), t.TempDir()
	for _, args := range [][]string{
		{"verify", "--data-dir", c.dir},
		{"export", file, "--data-dir", c.dir},
		{"import", file, "--data-dir", fresh},
	} {
		text := onTerminal(t, append([]string{"chain"}, append(args, "--genesis", c.genesis)...)...)
		if !strings.Contains(text, "\r\x1b[K"+args[0]+" [") || !strings.Contains(text, "########################] 100%") {
			t.Errorf("%s shows %q", args[0], text)
		}
	}
}
