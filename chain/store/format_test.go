package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/lp2pnode/lp2pnode/chain"
)

// prepare makes a store with a chain of a few blocks, changes its rows by
// edit, closes it and returns the tip.
func prepare(t *testing.T, fs vfs.FS, c *toy, edit func(*pebble.Batch)) (*block, []*block) {
	t.Helper()
	s, lock, err := openOn(fs, c.rules)
	if err != nil {
		t.Fatal(err)
	}
	blocks := c.chain(t, c.genesis, 12, 2)
	tip := blocks[len(blocks)-1]
	commit(t, s, change(c.genesis, tip, blocks...))
	batch := s.db.NewBatch()
	edit(batch)
	if err := errors.Join(batch.Commit(pebble.Sync), s.Close(), lock.Close()); err != nil {
		t.Fatal(err)
	}
	return tip, append(blocks, c.genesis)
}

func setFormat(t *testing.T, b *pebble.Batch, format uint64) {
	t.Helper()
	if err := b.Set(formatKey, binary.BigEndian.AppendUint64(nil, format), nil); err != nil {
		t.Fatal(err)
	}
}

// toFormat1 strips what format 1 lacks.
func toFormat1(t *testing.T) func(*pebble.Batch) {
	return func(b *pebble.Batch) {
		setFormat(t, b, 1)
		strip(t, b, txRow, concernRow, recordedRow)
	}
}

// toFormat2 strips what format 2 lacks.
func toFormat2(t *testing.T) func(*pebble.Batch) {
	return func(b *pebble.Batch) {
		setFormat(t, b, 2)
		strip(t, b, concernRow, recordedRow)
	}
}

func strip(t *testing.T, b *pebble.Batch, rows ...byte) {
	t.Helper()
	for _, row := range rows {
		if err := b.DeleteRange([]byte{row}, []byte{row + 1}, nil); err != nil {
			t.Fatal(err)
		}
	}
}

// recorder lists what changes the file system.
type recorder struct {
	mu  sync.Mutex
	ops []string // guarded by mu
}

func (r *recorder) String() string { return "recorder" }

// MaybeError implements errorfs.Injector.
func (r *recorder) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && op.Kind != errorfs.OpLock && op.Kind != errorfs.OpFileClose {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.ops = append(r.ops, fmt.Sprintf("%d %s", op.Kind, op.Path))
	}
	return nil
}

func TestRefusedDirectoryIsNotTouched(t *testing.T) {
	ours, theirs := newToy(t, "ours"), newToy(t, "theirs")
	for name, row := range map[string]struct {
		rules *chain.Rules
		edit  func(*pebble.Batch)
		want  error
		texts []string
	}{
		"other chain": {
			theirs.rules, func(*pebble.Batch) {}, ErrOtherChain,
			[]string{dataDir, ours.genesis.Hash.String(), theirs.genesis.Hash.String()},
		},
		"newer format": {
			ours.rules, func(b *pebble.Batch) { setFormat(t, b, 7) }, ErrNewerFormat,
			[]string{dataDir, "format 7", "up to 3"},
		},
		"newer format of another chain": {
			theirs.rules, func(b *pebble.Batch) { setFormat(t, b, 4) }, ErrNewerFormat,
			[]string{"format 4"},
		},
		"no format": {
			ours.rules, func(b *pebble.Batch) { _ = b.Delete(formatKey, nil) }, errRow,
			[]string{"format", "missing"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			mem, ops := vfs.NewMem(), &recorder{}
			prepare(t, mem, ours, row.edit)
			_, _, err := openOn(errorfs.Wrap(mem, ops), row.rules)
			if !errors.Is(err, row.want) {
				t.Fatalf("%v; want %v", err, row.want)
			}
			for _, text := range row.texts {
				if !strings.Contains(err.Error(), text) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%q; want one line with %q", err, text)
				}
			}
			if len(ops.ops) > 0 {
				t.Errorf("written: %q", ops.ops)
			}
		})
	}
}

// TestDatabaseWithoutManifestIsRefused: Pebble would take it for none, and
// make a new one over what is left.
func TestDatabaseWithoutManifestIsRefused(t *testing.T) {
	c := newToy(t, "toy")
	mem, ops := vfs.NewMem(), &recorder{}
	prepare(t, mem, c, func(*pebble.Batch) {})
	database := dataDir + "/chain"
	names, err := mem.List(database)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if strings.HasPrefix(name, "marker.manifest") {
			if err := mem.Remove(database + "/" + name); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, _, err := openOn(errorfs.Wrap(mem, ops), c.rules); err == nil || !strings.Contains(err.Error(), database) {
		t.Errorf("%v; want an error that names %s", err, database)
	}
	if len(ops.ops) > 0 {
		t.Errorf("written: %q", ops.ops)
	}
}

func TestMigrationFromFormat2BuildsTheIndexes(t *testing.T) {
	c := newToy(t, "toy")
	mem := vfs.NewMem()
	tip, known := prepare(t, mem, c, toFormat2(t))
	s := open(t, mem, c.rules)
	same(t, s, tip, known)
	tx := tip.Transactions[0]
	if at, err := s.History(tx.From, nil, 1); err != nil || len(at) != 1 || at[0].Block != tip.Hash {
		t.Errorf("history of %s: %v, %v", tx.From, at, err)
	}
}

func TestMigrationFromFormat1BuildsTheIndexAndKeepsTheOldRows(t *testing.T) {
	c := newToy(t, "toy")
	mem := vfs.NewMem()
	tip, known := prepare(t, mem, c, toFormat1(t))
	backup := dataDir + "/chain-format-1"
	if err := mem.MkdirAll(backup+".partial/rest", 0o700); err != nil { // of an earlier try
		t.Fatal(err)
	}
	s := open(t, mem, c.rules)
	same(t, s, tip, known)
	old, err := pebble.Open(backup, &pebble.Options{FS: mem, ReadOnly: true, Logger: newGuard(slog.New(slog.DiscardHandler))})
	if err != nil {
		t.Fatal(err)
	}
	v := view{old, c.rules}
	if format, err := v.format(); format != 1 || err != nil {
		t.Errorf("format of the checkpoint is %d, %v; want 1", format, err)
	}
	if state, err := v.tip(); err != nil || state.Tip.Hash != tip.Hash {
		t.Errorf("tip of the checkpoint is %s, %v; want %s", state.Tip.Hash, err, tip.Hash)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestMigrationSurvivesPowerLossAtEachWrite(t *testing.T) {
	t.Parallel()
	c := newToy(t, "toy")
	watch := newCrasher()
	tip, known := prepare(t, watch.mem, c, toFormat1(t))
	s, lock, err := openOn(errorfs.Wrap(watch.mem, watch), c.rules)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), lock.Close()); err != nil {
		t.Fatal(err)
	}
	t.Logf("%d crashes", len(watch.crashes))
	for _, crash := range watch.crashes {
		s, lock, err := openOn(crash.fs, c.rules)
		if err != nil {
			t.Fatal(err)
		}
		same(t, s, tip, known)
		if err := errors.Join(s.Close(), lock.Close()); err != nil {
			t.Fatal(err)
		}
	}
}

func TestCheckpointOpensAsItIs(t *testing.T) {
	c := newToy(t, "toy")
	mem := vfs.NewMem()
	tip, known := prepare(t, mem, c, func(*pebble.Batch) {})
	s := open(t, mem, c.rules)
	if err := s.Checkpoint("/backup"); err != nil {
		t.Fatal(err)
	}
	if err := s.Checkpoint("/backup"); err == nil {
		t.Error("a second checkpoint overwrote the first")
	}
	more := c.chain(t, tip, 1, 1)
	commit(t, s, change(tip, more[0], more...))
	lock, err := LockDir("/backup", mem)
	if err != nil {
		t.Fatal(err)
	}
	copied, err := Open(lock, c.rules, Options{})
	if err != nil {
		t.Fatal(err)
	}
	same(t, copied, tip, known)
	same(t, s, more[0], append(known, more...))
	if err := errors.Join(copied.Close(), lock.Close()); err != nil {
		t.Fatal(err)
	}
}
