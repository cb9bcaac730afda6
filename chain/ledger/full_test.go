package ledger_test

import (
	"errors"
	"math"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/lp2pnode/lp2pnode/chain"
)

// room is how many more changes a disk takes.
type room struct{ left atomic.Int64 }

func (*room) String() string { return "room" }

// MaybeError implements errorfs.Injector.
func (r *room) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && op.Kind != errorfs.OpFileClose && r.left.Add(-1) < 0 {
		return syscall.ENOSPC
	}
	return nil
}

// TestDiskFullInAReorganisationLeavesATipThatWas: no write from the n-th on, for
// each n, of a switch to a heavier branch: the ledger is on the tip before it or
// after it, holds, and is on the heavier branch once there is room.
func TestDiskFullInAReorganisationLeavesATipThatWas(t *testing.T) {
	t.Parallel()
	for name, bring := range map[string]func(*world) error{
		"block by block": func(w *world) error { return w.hear("x", "y", "z") },
		"in one batch":   func(w *world) error { _, err := w.fetch("x", "y", "z"); return err },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			found := map[string]int{}
			for n := int64(0); ; n++ {
				best, filled := fillUp(t, n, bring)
				if !filled {
					break
				}
				found[best]++
			}
			t.Log(found)
			if found["g a b"] == 0 || found["g x y z"] == 0 {
				t.Error("want a full disk before the switch is written, and one after it")
			}
		})
	}
}

// fillUp has a ledger reorganise on a disk that takes n more changes, and returns
// the best chain found after that. It does as a node does, which opens the store
// again to read, and to write when there is room.
func fillUp(t *testing.T, n int64, bring func(*world) error) (best string, filled bool) {
	t.Helper()
	disk := &room{}
	disk.left.Store(math.MaxInt64)
	w := newWorldOn(t, errorfs.Wrap(vfs.NewMem(), disk))
	large := make([]*chain.Transaction, 60) // so that a batch takes several writes
	for i := range large {
		large[i] = w.rules.Sign(chain.Transaction{Nonce: uint64(i), Data: strings.Repeat("x", 1000)}, key("alice"))
	}
	w.draw("g─a─b\n└─x─y─z", map[string][]*chain.Transaction{"a": {w.pay("alice", "bob", 0, 10)}, "x": large[:30], "z": large[30:]})
	if err := w.hear("a", "b"); err != nil {
		t.Fatal(err)
	}
	disk.left.Store(n)
	err := bring(w)
	filled = disk.left.Load() < 0
	disk.left.Store(min(disk.left.Load(), 0))
	if (err != nil) != filled {
		t.Fatalf("room for %d changes: %v, filled %t", n, err, filled)
	}
	w.ledger.Hold("the disk is full")
	if err := errors.Join(w.store.Reopen(true), w.ledger.Reload(), w.store.Verify(t.Context(), nil)); err != nil {
		t.Fatalf("room for %d changes: %v", n, err)
	}
	if best = w.best(); best != "g a b" && best != "g x y z" {
		t.Fatalf("room for %d changes: the best chain is %s", n, best)
	}
	disk.left.Store(math.MaxInt64)
	if err := errors.Join(w.store.Reopen(false), w.ledger.Reload()); err != nil {
		t.Fatalf("room for %d changes: %v", n, err)
	}
	w.ledger.Hold("")
	w.requireBest(best)
	if _, err := w.fetch("x", "y", "z"); err != nil {
		t.Fatalf("room for %d changes: %v", n, err)
	}
	w.grow("next", "z", w.pay("alice", "bob", uint64(len(large)), 10))
	if err := w.hear("next"); err != nil {
		t.Fatalf("room for %d changes: %v", n, err)
	}
	w.requireBest("g x y z next")
	return best, filled
}
