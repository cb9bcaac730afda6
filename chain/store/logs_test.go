package store

import (
	"errors"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// logSizes returns the sizes of the database's logs.
func logSizes(t *testing.T, fs vfs.FS) []int64 {
	t.Helper()
	names, err := fs.List(dataDir + "/" + databaseName)
	if err != nil {
		t.Fatal(err)
	}
	var sizes []int64
	for _, name := range names {
		if !strings.HasSuffix(name, logSuffix) {
			continue
		}
		info, err := fs.Stat(dataDir + "/" + databaseName + "/" + name)
		if err != nil {
			t.Fatal(err)
		}
		sizes = append(sizes, info.Size())
	}
	return sizes
}

// logChanges crashes where a log appears or goes.
type logChanges struct{ *crasher }

// MaybeError implements errorfs.Injector.
func (l logChanges) MaybeError(op errorfs.Op) error {
	switch op.Kind {
	case errorfs.OpCreate, errorfs.OpReuseForWrite, errorfs.OpRemove:
		if strings.HasSuffix(op.Path, logSuffix) {
			l.crash()
		}
	}
	return nil
}

// TestLogsOfLargeBatchesGo: neither used again nor left by Close, whatever
// moment the power fails at.
func TestLogsOfLargeBatchesGo(t *testing.T) {
	t.Parallel()
	c, watch := newToy(t, "toy"), newCrasher()
	tip := c.genesis
	watch.expect(tip.Hash, tip.Hash)
	s, lock, err := openOn(errorfs.Wrap(watch.mem, logChanges{watch}), c.rules)
	if err != nil {
		t.Fatal(err)
	}
	largest := int64(0)
	for range 3 {
		c.data = 40_000
		blocks := c.chain(t, tip, maxOldLogBytes/c.data+1, 1)
		next := blocks[len(blocks)-1]
		watch.expect(tip.Hash, next.Hash)
		commit(t, s, change(tip, next, blocks...))
		watch.expect(next.Hash, next.Hash)
		for _, b := range blocks[:len(blocks)-1] {
			b.accounts = nil
		}
		tip = next
		for _, size := range logSizes(t, watch.mem) {
			largest = max(largest, size)
		}
	}
	if largest <= maxOldLogBytes {
		t.Fatalf("the largest log had %d bytes; want more than %d", largest, maxOldLogBytes)
	}
	if err := errors.Join(s.Close(), lock.Close()); err != nil {
		t.Fatal(err)
	}
	watch.crash()
	if sizes := logSizes(t, watch.mem); len(sizes) != 1 || sizes[0] > maxOldLogBytes {
		t.Errorf("logs of %d bytes are left; want one small one", sizes)
	}
	t.Logf("%d crashes", len(watch.crashes))
	for i, crash := range watch.crashes {
		if found := recovered(t, crash.fs, c.rules); found != crash.atLeast && found != crash.now {
			t.Fatalf("crash %d: tip %s, want %s or %s", i, found, crash.atLeast, crash.now)
		}
	}
}
