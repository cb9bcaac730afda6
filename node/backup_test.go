package node_test

import (
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/lp2pnode/lp2pnode/node"
)

// TestRestoreWritesWhatTheChainIsBeforeTheChain: one that cannot leaves no
// chain, and can be tried again.
func TestRestoreWritesWhatTheChainIsBeforeTheChain(t *testing.T) {
	mem := vfs.NewMem()
	n, stop := run(t, onDisk(mem))
	grows(t, n)
	made, err := n.Backup(t.Context(), "/backup", nil)
	if err != nil {
		t.Fatal(err)
	}
	stop()
	failing := errorfs.Wrap(mem, errorfs.InjectorFunc(func(op errorfs.Op) error {
		if op.Kind == errorfs.OpCreate && strings.HasPrefix(op.Path, "/restored/genesis.json") {
			return syscall.ENOSPC
		}
		return nil
	}))
	if _, err := node.Restore(t.Context(), failing, "/backup", "/restored", nil, nil); err == nil {
		t.Fatal("restored without the chain's parameters")
	}
	if names, err := mem.List("/restored/chain"); err != nil || len(names) > 1 {
		t.Errorf("want no chain, got %v, %v", names, err)
	}
	again, err := node.Restore(t.Context(), mem, "/backup", "/restored", nil, nil)
	if err != nil || again.Tip != made.Tip {
		t.Errorf("tried again: %+v, %v", again, err)
	}
}

// TestRestoreRefusesABackupInItsTarget: it would remove what it reads.
func TestRestoreRefusesABackupInItsTarget(t *testing.T) {
	dir := t.TempDir()
	for _, backup := range []string{dir, filepath.Join(dir, "restoring"), filepath.Join(dir, "chain", "backup")} {
		if _, err := node.Restore(t.Context(), vfs.Default, backup, dir, nil, nil); err == nil || !strings.Contains(err.Error(), "is in it") {
			t.Errorf("%s: %v", backup, err)
		}
	}
	if _, err := node.Restore(t.Context(), vfs.Default, dir+"2", dir, nil, nil); err == nil || strings.Contains(err.Error(), "is in it") {
		t.Errorf("beside it: %v", err)
	}
}
