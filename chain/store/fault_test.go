package store

import (
	"errors"
	"math"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/lp2pnode/lp2pnode/chain"
)

// faults fails changes of the file system: number first, and if lasting all
// after it, of the files below only.
type faults struct {
	lasting bool
	only    string

	mu           sync.Mutex
	first, count int64 // guarded by mu
}

func newFaults(first int64, lasting bool, only string) *faults {
	return &faults{first: first, lasting: lasting, only: only}
}

// failAfter sets which change from now on fails first.
func (f *faults) failAfter(n int64) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.first = f.count + n
}

func (f *faults) never() { f.failAfter(math.MaxInt32) }

// done tells whether the first fault has come.
func (f *faults) done() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.count > f.first
}

func (f *faults) String() string { return "faults" }

// MaybeError implements errorfs.Injector.
func (f *faults) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() != errorfs.OpIsWrite || op.Kind == errorfs.OpFileClose || !strings.HasPrefix(op.Path, f.only) {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	n := f.count
	f.count++
	if n == f.first || f.lasting && n > f.first {
		return syscall.ENOSPC
	}
	return nil
}

// TestFailedDiskBreaksTheStoreAndLosesNothing fails each write in turn, once
// and for good.
func TestFailedDiskBreaksTheStoreAndLosesNothing(t *testing.T) {
	t.Parallel()
	c := newToy(t, "toy")
	s := story(t, c, 10)
	for _, lasting := range []bool{false, true} {
		broken := 0
		for first := int64(0); ; first++ {
			f := newFaults(first, lasting, "")
			mem := vfs.NewMem()
			atLeast, now, err := play(t, errorfs.Wrap(mem, f), c, s)
			if !f.done() {
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
		"Verify":      func() error { return s.Verify(t.Context(), nil) },
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

func TestBrokenStoreOpensAgainUnderTheSameLock(t *testing.T) {
	c := newToy(t, "toy")
	blocks := c.chain(t, c.genesis, 3, 1)
	mem := vfs.NewMem()
	f := newFaults(math.MaxInt32, true, "")
	lock, err := LockDir(dataDir, errorfs.Wrap(mem, f))
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(lock, c.rules, Options{})
	if err != nil {
		t.Fatal(err)
	}
	commit(t, s, change(c.genesis, blocks[0], blocks[0]))
	f.failAfter(0)
	if err := s.Commit(change(blocks[0], blocks[1], blocks[1])); !errors.Is(err, ErrBroken) || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("%v; want ErrBroken and why", err)
	}
	if <-s.Broken(); !errors.Is(s.Err(), ErrBroken) {
		t.Errorf("Err says %v", s.Err())
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(lock, c.rules, Options{}); err == nil {
		t.Fatal("opened on a disk that is still full")
	}
	f.never()
	if s, err = Open(lock, c.rules, Options{}); err != nil {
		t.Fatal(err)
	}
	state, err := s.Tip()
	if err != nil {
		t.Fatal(err)
	}
	tip := blocks[state.Tip.Height-1] // the second one may be there, or not
	same(t, s, tip, tip.path())
	commit(t, s, change(tip, blocks[2], blocks[1:]...))
	same(t, s, blocks[2], blocks[2].path())
	if err := errors.Join(s.Close(), lock.Close()); err != nil {
		t.Fatal(err)
	}
}

// TestFullBackupDiskLeavesTheStoreWhole: a copy that cannot be written is no
// failure of the store.
func TestFullBackupDiskLeavesTheStoreWhole(t *testing.T) {
	t.Parallel()
	c := newToy(t, "toy")
	for first := int64(0); ; first++ {
		mem := vfs.NewMem()
		f := newFaults(math.MaxInt32, true, "/backup")
		s := open(t, errorfs.Wrap(mem, f), c.rules)
		blocks := c.chain(t, c.genesis, 2, 1)
		commit(t, s, change(c.genesis, blocks[0], blocks[0]))
		f.failAfter(first)
		err := s.Checkpoint("/backup")
		if err == nil {
			break
		}
		if errors.Is(err, ErrBroken) {
			t.Fatalf("write %d: %v", first, err)
		}
		commit(t, s, change(blocks[0], blocks[1], blocks[1]))
	}
}

func TestReadersSeeWholeChangesOnly(t *testing.T) {
	t.Parallel()
	c := newToy(t, "toy")
	s := open(t, vfs.NewMem(), c.rules)
	blocks := c.chain(t, c.genesis, 40, 1)
	fork := c.chain(t, blocks[35], 2, 1)
	done := make(chan struct{})
	var readers sync.WaitGroup
	for range 3 {
		readers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				state, err := s.Tip()
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := s.StateAt(state.Tip.Hash); err != nil {
					t.Error(err)
					return
				}
				if s.Size() == 0 {
					t.Error("no size")
					return
				}
			}
		})
	}
	tip := c.genesis
	for i, b := range blocks {
		commit(t, s, change(tip, b, b))
		if tip = b; i%10 == 0 {
			if err := s.Verify(t.Context(), nil); err != nil {
				t.Error(err)
			}
		}
	}
	commit(t, s, change(tip, fork[1], fork...))
	close(done)
	readers.Wait()
}

// TestCommitRefusesWhatDoesNotFit: a fault of the caller changes nothing.
func TestCommitRefusesWhatDoesNotFit(t *testing.T) {
	c := newToy(t, "toy")
	s := open(t, vfs.NewMem(), c.rules)
	blocks := c.chain(t, c.genesis, 4, 1)
	commit(t, s, change(c.genesis, blocks[1], blocks[:2]...))
	for name, bad := range map[string]Change{
		"apply above a gap":          {Put: []Entry{blocks[3].entry()}, Apply: []Applied{blocks[3].applied()}},
		"apply what is below":        {Apply: []Applied{blocks[1].applied()}},
		"apply what is not stored":   {Apply: []Applied{blocks[2].applied()}},
		"apply without its nodes":    {Put: []Entry{blocks[2].entry()}, Apply: []Applied{{Block: blocks[2].Block}}},
		"revert what is not the tip": {Revert: []chain.Hash{blocks[0].Hash}},
		"revert genesis":             {Revert: []chain.Hash{blocks[1].Hash, blocks[0].Hash, c.genesis.Hash}},
	} {
		if err := s.Commit(bad); err == nil || errors.Is(err, ErrBroken) {
			t.Errorf("%s: %v; want a refusal", name, err)
		}
	}
	same(t, s, blocks[1], blocks[1].path())
	if _, err := s.Record(blocks[3].Hash); !errors.Is(err, ErrNotFound) {
		t.Errorf("%v; want ErrNotFound", err)
	}
}
