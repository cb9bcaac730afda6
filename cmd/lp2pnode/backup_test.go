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
// while, at least once from each backup to the next, each backup proves from
// genesis, alone and after it was restored.
func TestLongBackupOfABusyNodeHolds(t *testing.T) {
	needProcesses(t)
	backups := 4
	if long() {
		backups = 50
	}
	genesis := fastGenesis(t, map[string]any{"block_interval_ms": 100, "initial_difficulty": 300, "retarget_window": 0})
	// Miners of one speed that hear of each other's blocks late: forks all the time.
	busy := start(t, "busy", "--genesis", genesis, "--mine-alone", "--max-hashrate=2500")
	wire, _ := behindSlowWire(t, busy.addr(), 1_000_000)
	for i := range 2 {
		start(t, fmt.Sprintf("rival%d", i), "--genesis", genesis, "--max-hashrate=2500", "--bootstrap", wire)
	}
	reorganised := func() int { return strings.Count(busy.log.String(), "msg=reorganised") }
	seen, from := 0, busy.status().Height
	root := t.TempDir()
	for i := range backups {
		busy.await("a reorganisation since the last backup", 2*time.Minute, func() bool { return reorganised() > seen })
		seen = reorganised()
		dir := filepath.Join(root, fmt.Sprint("backup", i))
		command(t, "backup", dir, "--data-dir", busy.dir)
		restored := filepath.Join(root, fmt.Sprint("restored", i))
		if out := command(t, "restore", dir, "--data-dir", restored); !strings.Contains(out, "copied and proved") {
			t.Fatal(out)
		}
		command(t, "chain", "verify", "--data-dir", restored, "--genesis", genesis)
	}
	t.Logf("%d backups held while the node went from height %d to %d with %d reorganisations", backups, from, busy.status().Height, reorganised())
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
