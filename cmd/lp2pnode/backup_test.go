package main_test

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestLongBackupOfABusyNodeHolds: of a node that mines and reorganises all the
// while, each backup proves from genesis, alone and after it was restored.
func TestLongBackupOfABusyNodeHolds(t *testing.T) {
	needProcesses(t)
	backups := 4
	if long() {
		backups = 50
	}
	genesis := fastGenesis(t, map[string]any{"block_interval_ms": 100, "initial_difficulty": 300, "retarget_window": 0})
	// Miners of one speed and blocks within moments: forks all the time.
	busy := start(t, "busy", "--genesis", genesis, "--mine-alone", "--max-hashrate=2500")
	for i := range 2 {
		start(t, fmt.Sprintf("rival%d", i), "--genesis", genesis, "--max-hashrate=2500", "--bootstrap", busy.addr())
	}
	busy.await("a reorganisation", 2*time.Minute, func() bool { return strings.Contains(busy.log.String(), "reorganised") })
	reorganised := func() int { return strings.Count(busy.log.String(), "msg=reorganised") }
	first, from := reorganised(), busy.status().Height
	root := t.TempDir()
	for i := range backups {
		dir := filepath.Join(root, fmt.Sprint("backup", i))
		command(t, "backup", dir, "--data-dir", busy.dir)
		restored := filepath.Join(root, fmt.Sprint("restored", i))
		if out := command(t, "restore", dir, "--data-dir", restored); !strings.Contains(out, "copied and proved") {
			t.Fatal(out)
		}
		command(t, "chain", "verify", "--data-dir", restored, "--genesis", genesis)
	}
	busy.await("another reorganisation", 2*time.Minute, func() bool { return reorganised() > first })
	t.Logf("%d backups held while the node went from height %d to %d with %d reorganisations", backups, from, busy.status().Height, reorganised()-first)
	busy.stop()
}

// command runs the program, which has to do well, and returns what it printed.
func command(t testing.TB, args ...string) string {
	t.Helper()
	out, err := exec.Command("lp2pnode", args...).CombinedOutput()
	if err != nil {
		t.Fatalf("lp2pnode %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}
