package store

import (
	"context"
	"errors"
	"math"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/lp2pnode/lp2pnode/chain"
)

// TestFullDiskIsReadFromAndWrittenAgainOnceItHasRoom fails each write in turn
// and all after it, once before it is done and once after: the store serves
// what was committed while the disk is full, and takes blocks again in the same
// process when it is not.
func TestFullDiskIsReadFromAndWrittenAgainOnceItHasRoom(t *testing.T) {
	t.Parallel()
	c := newToy(t, "toy")
	s := story(t, c, 8)
	for name, wrap := range map[string]func(*faults, vfs.FS) vfs.FS{
		"not written": func(f *faults, fs vfs.FS) vfs.FS { return errorfs.Wrap(fs, f) },
		"written":     func(f *faults, fs vfs.FS) vfs.FS { return lateFS{fs, f} },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first := int64(0)
			for fillUp(t, c, s, first, wrap) {
				first++
			}
			t.Logf("filled up %d times", first)
			if first < int64(len(s.changes)) {
				t.Error("too few writes filled the disk")
			}
		})
	}
}

// fillUp plays a script on a disk that has no room from write number first on,
// looks at what the store says then, and ends the script when there is room
// again. It returns false when the disk was large enough.
func fillUp(t *testing.T, c *toy, s script, first int64, wrap func(*faults, vfs.FS) vfs.FS) (filled bool) {
	t.Helper()
	f := newFaults(math.MaxInt32, true, "")
	lock, err := LockDir(dataDir, wrap(f, vfs.NewMem()))
	if err != nil {
		t.Fatal(err)
	}
	st, err := Open(lock, c.rules, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := errors.Join(st.Close(), lock.Close()); err != nil {
			t.Errorf("write %d: %v", first, err)
		}
	}()
	f.failAfter(first)
	tip := c.genesis.Hash
	for i := 0; i < len(s.changes); i++ {
		if err := st.Commit(s.changes[i]); err == nil {
			tip = s.tips[i].Hash
			continue
		} else if !errors.Is(err, ErrBroken) {
			t.Fatalf("write %d: %v; want ErrBroken", first, err)
		}
		filled = true
		if err := st.Reopen(true); err != nil || !st.ReadOnly() || st.Err() != nil {
			t.Fatalf("write %d: read from a full disk: %v, %v", first, err, st.Err())
		}
		found := tipOf(t, st)
		if found != tip && found != s.tips[i].Hash {
			t.Fatalf("write %d: tip %s, want %s or %s", first, found, tip, s.tips[i].Hash)
		}
		if err := st.Verify(t.Context(), nil); err != nil {
			t.Fatalf("write %d: %v", first, err)
		}
		refusesToWrite(t, st)
		f.never()
		if err := st.Reopen(false); err != nil || st.ReadOnly() {
			t.Fatalf("write %d: write again: %v", first, err)
		}
		if tip = tipOf(t, st); tip != found {
			t.Fatalf("write %d: tip %s, before it was %s", first, tip, found)
		}
		if tip != s.tips[i].Hash {
			i-- // the change was lost, and is made again
		}
	}
	f.never() // what follows is no write of a change
	if err := st.Verify(t.Context(), nil); err != nil || tip != s.tips[len(s.tips)-1].Hash {
		t.Fatalf("write %d: %v, tip %s", first, err, tip)
	}
	return filled
}

func tipOf(t *testing.T, s *Store) chain.Hash {
	t.Helper()
	state, err := s.Tip()
	if err != nil {
		t.Fatal(err)
	}
	return state.Tip.Hash
}

func refusesToWrite(t *testing.T, s *Store) {
	t.Helper()
	for what, err := range map[string]error{
		"Commit":        s.Commit(Change{}),
		"KeepPending":   s.KeepPending(Pending{Raw: []byte("{}")}, true),
		"ForgetPending": s.ForgetPending([]chain.Hash{{}}),
	} {
		if !errors.Is(err, ErrReadOnly) {
			t.Errorf("%s: %v; want ErrReadOnly", what, err)
		}
	}
	if err := s.Err(); err != nil {
		t.Errorf("a refusal broke the store: %v", err)
	}
}

// TestReopenThatFailsCanBeTriedAgain: nothing is answered in between.
func TestReopenThatFailsCanBeTriedAgain(t *testing.T) {
	c := newToy(t, "toy")
	f := newFaults(math.MaxInt32, true, "")
	lock, err := LockDir(dataDir, errorfs.Wrap(vfs.NewMem(), f))
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(lock, c.rules, Options{})
	if err != nil {
		t.Fatal(err)
	}
	blocks := c.chain(t, c.genesis, 2, 1)
	commit(t, s, change(c.genesis, blocks[0], blocks[0]))
	f.failAfter(0)
	if err := s.Reopen(false); !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("%v; want that there is no room", err)
	}
	<-s.Broken()
	answersOnlyBroken(t, s, c)
	if err := s.Reopen(true); err != nil {
		t.Fatal(err)
	}
	same(t, s, blocks[0], blocks[0].path())
	f.never()
	if err := s.Reopen(false); err != nil {
		t.Fatal(err)
	}
	commit(t, s, change(blocks[0], blocks[1], blocks[1]))
	if err := errors.Join(s.Close(), lock.Close()); err != nil {
		t.Fatal(err)
	}
	if err := s.Reopen(false); !errors.Is(err, errClosed) {
		t.Errorf("%v; want that it is closed", err)
	}
}

// TestReopenCutsAVerifyShort: a proof of hours must not keep a node from
// writing again.
func TestReopenCutsAVerifyShort(t *testing.T) {
	c := newToy(t, "toy")
	s, _, _ := forked(t, c)
	began, verified, reopened := make(chan struct{}), make(chan error, 1), make(chan error, 1)
	go func() {
		verified <- s.Verify(t.Context(), func(done, _ uint64) {
			if done == 1 {
				close(began)
				<-s.leave // so that Reopen finds it at work
			}
		})
	}()
	<-began
	go func() { reopened <- s.Reopen(true) }()
	if err := <-verified; !errors.Is(err, errReopened) || errors.Is(err, context.Canceled) {
		t.Errorf("%v; want errReopened", err)
	}
	if err := <-reopened; err != nil {
		t.Error(err)
	}
	if err := s.Verify(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// TestReadOnlyOpeningChangesNoFile: what looks at a directory leaves it alone.
func TestReadOnlyOpeningChangesNoFile(t *testing.T) {
	c := newToy(t, "toy")
	fs := vfs.NewMem()
	lock, err := LockDir(dataDir, fs)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(lock, c.rules, Options{ReadOnly: true}); !errors.Is(err, ErrNotFound) {
		t.Fatalf("%v; want that there is no chain", err)
	}
	s, err := Open(lock, c.rules, Options{})
	if err != nil {
		t.Fatal(err)
	}
	blocks := c.chain(t, c.genesis, 5, 2)
	commit(t, s, change(c.genesis, blocks[4], blocks...))
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	f := newFaults(0, true, "")
	lock.fs = errorfs.Wrap(fs, f)
	if s, err = Open(lock, c.rules, Options{ReadOnly: true}); err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(t.Context(), nil); err != nil {
		t.Error(err)
	}
	same(t, s, blocks[4], blocks[4].path())
	if err := errors.Join(s.Close(), lock.Close()); err != nil {
		t.Error(err)
	}
	if f.done() || f.count > 0 {
		t.Errorf("%d changes of the file system", f.count)
	}
}
