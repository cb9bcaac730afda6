package store

import (
	"errors"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/lp2pnode/lp2pnode/chain"
)

// faults fails changes of the file system: number first, and if lasting all
// after it.
type faults struct {
	first   int64
	lasting bool
	count   atomic.Int64
}

func (f *faults) String() string { return "faults" }

// MaybeError implements errorfs.Injector.
func (f *faults) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() != errorfs.OpIsWrite || op.Kind == errorfs.OpFileClose {
		return nil
	}
	if n := f.count.Add(1) - 1; n == f.first || f.lasting && n > f.first {
		return syscall.ENOSPC
	}
	return nil
}

// TestFailedDiskBreaksTheStoreAndLosesNothing fails each write in turn, once
// and for good.
func TestFailedDiskBreaksTheStoreAndLosesNothing(t *testing.T) {
	c := newToy(t, "toy")
	s := story(t, c, 10)
	for _, lasting := range []bool{false, true} {
		broken := 0
		for first := int64(0); ; first++ {
			f := &faults{first: first, lasting: lasting}
			mem := vfs.NewMem()
			atLeast, now, err := play(t, errorfs.Wrap(mem, f), c, s)
			if f.count.Load() <= first {
				break // nothing was left to fail
			}
			if errors.Is(err, ErrBroken) {
				broken++
			}
			if found := recovered(t, mem, c.rules); found != atLeast && found != now {
				t.Fatalf("write %d failed with %v: tip %s, want %s or %s", first, err, found, atLeast, now)
			}
		}
		t.Logf("lasting %v: broken %d times", lasting, broken)
		if broken == 0 {
			t.Error("no fault broke the store")
		}
	}
}

// play runs a script until something fails and returns the tip that is there
// at least and the one that may be there. It leaves the directory unlocked.
func play(t *testing.T, fs vfs.FS, c *toy, s script) (atLeast, now chain.Hash, err error) {
	t.Helper()
	atLeast, now = c.genesis.Hash, c.genesis.Hash
	st, lock, err := openOn(fs, c.rules)
	if err != nil {
		return atLeast, now, err
	}
	for i := 0; i < len(s.changes) && err == nil; i++ {
		now = s.tips[i].Hash
		if err = st.Commit(s.changes[i]); err == nil {
			atLeast = now
		} else if !errors.Is(err, ErrBroken) {
			t.Fatalf("commit failed with %v; want ErrBroken", err)
		}
	}
	if err != nil {
		answersOnlyBroken(t, st, c)
	}
	return atLeast, now, errors.Join(err, st.Close(), lock.Close())
}

// answersOnlyBroken asks a broken store everything.
func answersOnlyBroken(t *testing.T, s *Store, c *toy) {
	t.Helper()
	h := c.genesis.Hash
	answers := map[string]func() error{
		"Account":     func() error { _, err := s.Account(c.address(0)); return err },
		"At":          func() error { _, err := s.At(0); return err },
		"Block":       func() error { _, err := s.Block(h); return err },
		"Checkpoint":  func() error { return s.Checkpoint("/backup") },
		"Commit":      func() error { return s.Commit(Change{}) },
		"Has":         func() error { _, err := s.Has(h); return err },
		"HashAt":      func() error { _, err := s.HashAt(0); return err },
		"HistoryNode": func() error { _, err := s.HistoryNode(0, 0); return err },
		"RawBlock":    func() error { _, err := s.RawBlock(h); return err },
		"RawHeader":   func() error { _, err := s.RawHeader(h); return err },
		"Record":      func() error { _, err := s.Record(h); return err },
		"StateAt":     func() error { _, err := s.StateAt(h); return err },
		"Tip":         func() error { _, err := s.Tip(); return err },
		"Transaction": func() error { _, err := s.Transaction(h); return err },
		"Undo":        func() error { _, err := s.Undo(h); return err },
		"Verify":      func() error { return s.Verify(t.Context(), func(uint64) {}) },
	}
	for name, ask := range answers {
		if err := ask(); !errors.Is(err, ErrBroken) {
			t.Errorf("%s answers %v; want ErrBroken", name, err)
		}
	}
	if size := s.Size(); size != 0 {
		t.Errorf("Size answers %d; want 0", size)
	}
}
