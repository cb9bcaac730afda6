package store

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lp2pnode/lp2pnode/chain"
)

// smallFS is a file system that has room for so many bytes.
type smallFS struct {
	*vfs.MemFS
	room atomic.Int64
	mu   sync.Mutex // one write at a time, so that it has what was free
}

func newSmallFS(room int64) *smallFS {
	s := &smallFS{MemFS: vfs.NewMem()}
	s.room.Store(room)
	return s
}

// used returns the bytes of all files in the database, and the names of the
// tables among them.
func (s *smallFS) used() (used int64, tables []string) {
	dir := s.PathJoin(dataDir, databaseName)
	names, err := s.List(dir)
	if err != nil {
		return 0, nil
	}
	for _, name := range names {
		if info, err := s.Stat(s.PathJoin(dir, name)); err == nil {
			used += info.Size()
		}
		if strings.HasSuffix(name, ".sst") {
			tables = append(tables, name)
		}
	}
	return used, tables
}

// GetDiskUsage implements vfs.FS.
func (s *smallFS) GetDiskUsage(string) (vfs.DiskUsage, error) {
	used, _ := s.used()
	room := s.room.Load()
	return vfs.DiskUsage{AvailBytes: uint64(max(0, room-used)), TotalBytes: uint64(room), UsedBytes: uint64(used)}, nil
}

func (s *smallFS) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := s.MemFS.Create(name, c)
	return smallFile{f, s}, err
}

func (s *smallFS) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := s.MemFS.ReuseForWrite(from, to, c)
	return smallFile{f, s}, err
}

type smallFile struct {
	vfs.File
	fs *smallFS
}

func (f smallFile) Write(b []byte) (int, error) {
	f.fs.mu.Lock()
	defer f.fs.mu.Unlock()
	used, _ := f.fs.used()
	if free := max(0, f.fs.room.Load()-used); free < int64(len(b)) {
		n, err := f.File.Write(b[:free])
		return n, errors.Join(err, syscall.ENOSPC)
	}
	return f.File.Write(b)
}

// TestDiskTooSmallToMergeTablesBreaksNothing: while there is room for blocks but
// for no merge, blocks are taken; when there is none, what was committed can be
// read; and once there is room again, blocks are taken and what failed attempts
// have left is gone.
func TestDiskTooSmallToMergeTablesBreaksNothing(t *testing.T) {
	t.Parallel()
	c := newToy(t, "toy")
	c.data = 40_000
	disk := newSmallFS(1 << 40)
	lock, err := LockDir(dataDir, disk)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(lock, c.rules, Options{})
	if err != nil {
		t.Fatal(err)
	}
	tip := c.genesis
	add := func() error {
		b := c.on(t, tip, 2)
		err := s.Commit(change(tip, b, b))
		if err == nil {
			tip = b
		}
		return err
	}
	leave := func(room int64) {
		used, _ := disk.used()
		disk.room.Store(used + room)
	}
	grow := func(n int) {
		t.Helper()
		for range n {
			if err := add(); err != nil {
				t.Fatalf("block %d: %v", tip.Height+1, err)
			}
			if err := s.db.Flush(); err != nil {
				t.Fatal(err)
			}
			leave(SpareRoom)
		}
	}
	leave(SpareRoom)
	var failed error
	for ; failed == nil; failed = s.guard.mergeFailure() {
		if s.db.Metrics().Levels[0].Sublevels > 8 {
			time.Sleep(time.Millisecond) // a merge is under way
		} else if grow(1); tip.Height > 2000 {
			t.Fatal("there was room for every merge")
		}
	}
	if !errors.Is(failed, syscall.ENOSPC) {
		t.Fatalf("want a merge without room, got %v", failed)
	}
	t.Logf("no merge at block %d", tip.Height)
	grow(12)
	if n := s.db.Metrics().Levels[0].Sublevels; n < 13 {
		t.Errorf("%d tables wait for a merge; want more than Pebble stops at by itself", n)
	}
	leave(memTableBytes / 4)
	for err = nil; err == nil; err = add() {
	}
	if !errors.Is(err, ErrBroken) || !errors.Is(err, syscall.ENOSPC) {
		t.Fatalf("want a store without room, got %v", err)
	}
	at := tip.Height
	for _, room := range []int64{0, 64 << 10, memTableBytes / 8} {
		if err := s.Reopen(true); err != nil {
			t.Fatal(err)
		}
		if at = tipHeight(t, s); at != tip.Height && at != tip.Height+1 {
			t.Fatalf("tip %d; want %d, or the block that failed", at, tip.Height)
		}
		leave(room)
		_, before := disk.used()
		if s.Reopen(false) == nil {
			continue // there was as much as it took
		}
		if _, now := disk.used(); len(now) > len(before) {
			t.Errorf("a failed attempt has left tables: %v, then %v", before, now)
		}
	}
	leave(SpareRoom)
	if err := s.Reopen(false); err != nil || tipHeight(t, s) != at {
		t.Fatalf("with room again: %v, tip %d; want %d", err, tipHeight(t, s), at)
	}
	if err := s.Verify(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	leave(1 << 40)
	if err := errors.Join(s.Reopen(false), s.Close(), lock.Close()); err != nil {
		t.Fatal(err)
	}
	onlyTablesInUse(t, disk, c.rules)
}

func tipHeight(t *testing.T, s *Store) uint64 {
	t.Helper()
	state, err := s.Tip()
	if err != nil {
		t.Fatal(err)
	}
	return state.Tip.Height
}

// onlyTablesInUse looks for files that a database does not know.
func onlyTablesInUse(t *testing.T, disk *smallFS, rules *chain.Rules) {
	t.Helper()
	s := open(t, disk, rules)
	levels, err := s.db.SSTables()
	if err != nil {
		t.Fatal(err)
	}
	want := 0
	for _, tables := range levels {
		want += len(tables)
	}
	if _, tables := disk.used(); len(tables) != want || want == 0 {
		t.Errorf("%d tables are there, %d in use", len(tables), want)
	}
}

// TestOnlyMergesMayFail: a flush that has no more room than a merge had breaks
// the store, and so do merges that fail while commits wait for them.
func TestOnlyMergesMayFail(t *testing.T) {
	merge, flush := &mergeError{syscall.ENOSPC}, fmt.Errorf("flush: %w", syscall.ENOSPC)
	for _, row := range []struct {
		name   string
		happen func(*guard, *pebble.EventListener)
		broken bool
	}{
		{"a merge", func(g *guard, e *pebble.EventListener) { e.BackgroundError(fmt.Errorf("compaction: %w", merge)) }, false},
		{"a flush after a merge", func(g *guard, e *pebble.EventListener) { g.merged(merge); e.BackgroundError(flush) }, true},
		{"a stall after a merge", func(g *guard, e *pebble.EventListener) {
			g.merged(merge)
			e.WriteStallBegin(pebble.WriteStallBeginInfo{Reason: "L0 file count limit exceeded"})
		}, true},
		{"a merge in a stall", func(g *guard, e *pebble.EventListener) {
			e.WriteStallBegin(pebble.WriteStallBeginInfo{Reason: "L0 file count limit exceeded"})
			g.merged(merge)
		}, true},
		{"a stall of flushes", func(g *guard, e *pebble.EventListener) {
			g.merged(merge)
			e.WriteStallBegin(pebble.WriteStallBeginInfo{Reason: "memtable count limit reached"})
		}, false},
		{"a stall, and a merge when it is over", func(g *guard, e *pebble.EventListener) {
			e.WriteStallBegin(pebble.WriteStallBeginInfo{Reason: "L0 file count limit exceeded"})
			e.WriteStallEnd()
			g.merged(merge)
		}, false},
	} {
		t.Run(row.name, func(t *testing.T) {
			g := newGuard(slog.New(slog.DiscardHandler))
			row.happen(g, g.events())
			if err := g.check(); (err != nil) != row.broken || err != nil && !errors.Is(err, syscall.ENOSPC) {
				t.Errorf("want broken %v, got %v", row.broken, err)
			}
		})
	}
}
