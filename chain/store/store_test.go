package store

import (
	"bytes"
	"errors"
	"reflect"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/merkle"
)

// same compares a store with the model: tip, and all blocks ever put.
func same(t *testing.T, s *Store, tip *block, known []*block) {
	t.Helper()
	best := map[chain.Hash]bool{}
	for _, b := range tip.path() {
		best[b.Hash] = true
	}
	state, err := s.Tip()
	if err != nil || !reflect.DeepEqual(state, tip.state) {
		t.Fatalf("tip %d %s, %v; want %d %s", state.Tip.Height, state.Tip.Hash, err, tip.Height, tip.Hash)
	}
	for _, b := range known {
		sameBlock(t, s, b, best[b.Hash])
	}
	addresses := map[chain.Address]bool{}
	for _, b := range known {
		for a := range b.accounts {
			addresses[a] = true
		}
	}
	for a := range addresses {
		if got, err := s.Account(a); err != nil || got != tip.accounts[a] {
			t.Fatalf("account %s: %+v, %v; want %+v", a, got, err, tip.accounts[a])
		}
	}
	sameHistory(t, s, tip)
	if err := s.Verify(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

func sameBlock(t *testing.T, s *Store, b *block, best bool) {
	t.Helper()
	if state, err := s.StateAt(b.Hash); err != nil || !reflect.DeepEqual(state, b.state) {
		t.Fatalf("state at %d: %+v, %v; want %+v", b.Height, state, err, b.state)
	}
	raw, err := s.RawBlock(b.Hash)
	if err != nil || !bytes.Equal(raw, b.Raw()) {
		t.Fatalf("block %d: %s, %v; want %s", b.Height, raw, err, b.Raw())
	}
	if raw, err = s.RawHeader(b.Hash); err != nil || !bytes.Equal(raw, b.Canonical()) {
		t.Fatalf("header %d: %s, %v", b.Height, raw, err)
	}
	want := b.entry()
	got, err := s.Record(b.Hash)
	if err != nil || got.Header != b.Header || got.Work != want.Work || b.Height > 0 && (got.Source != want.Source || !got.Seen.Equal(want.Seen)) {
		t.Fatalf("record %d: %+v, %v", b.Height, got, err)
	}
	at, err := s.At(b.Height)
	if err != nil || !containsBlock(at, b.Hash) {
		t.Fatalf("blocks of height %d: %d, %v; want %s among them", b.Height, len(at), err, b.Hash)
	}
	h, err := s.HashAt(b.Height)
	if best != (err == nil && h == b.Hash) || err != nil && !errors.Is(err, ErrNotFound) {
		t.Fatalf("hash at %d: %s, %v; on the best chain is %v", b.Height, h, err, best)
	}
	diff, err := s.Undo(b.Hash)
	if best && (err != nil || !reflect.DeepEqual(diff, b.diff)) || !best && !errors.Is(err, ErrNotFound) {
		t.Fatalf("undo of %d: %v, %v; want %v", b.Height, diff, err, b.diff)
	}
	for i, tx := range b.Transactions {
		at, err := s.Transaction(tx.ID())
		if want := (Location{b.Height, uint64(i), b.Hash}); best && (err != nil || at != want) || !best && !errors.Is(err, ErrNotFound) {
			t.Fatalf("transaction %s: %+v, %v; want %+v", tx.ID(), at, err, want)
		}
	}
}

func containsBlock(records []Record, h chain.Hash) bool {
	for _, r := range records {
		if r.Header.Hash == h {
			return true
		}
	}
	return false
}

// sameHistory proves each block of the best chain from the stored nodes.
func sameHistory(t *testing.T, s *Store, tip *block) {
	t.Helper()
	for _, b := range tip.path()[:tip.Height] {
		proof, err := merkle.Proof(b.Height, tip.Height, func(level uint, index uint64) (merkle.Hash, error) {
			return s.HistoryNode(level, index)
		})
		if err != nil {
			t.Fatal(err)
		}
		if err := merkle.Verify(b.Hash[:], b.Height, tip.Height, proof, tip.HistoryRoot); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNewStoreHoldsGenesis(t *testing.T) {
	c := newToy(t, "toy")
	s := open(t, vfs.NewMem(), c.rules)
	same(t, s, c.genesis, []*block{c.genesis})
}

func TestReorganisationsOfAnyDepthMatchTheModel(t *testing.T) {
	c := newToy(t, "toy")
	fs := vfs.NewMem()
	s := open(t, fs, c.rules)
	tip, known := c.genesis, []*block{c.genesis}
	for _, depth := range []int{0, 0, 1, 2, 5, 0, 8, 13, 3, 20} {
		fork := tip
		for range min(depth, int(tip.Height)) {
			fork = fork.parent
		}
		side := c.chain(t, fork, depth+3, 2)
		stay := c.chain(t, fork, 1, 1) // a branch that nobody follows
		commit(t, s, change(tip, tip, append(stay, side[:len(side)/2]...)...))
		next := side[len(side)-1]
		commit(t, s, change(tip, next, side[len(side)/2:]...))
		known = append(append(known, stay...), side...)
		tip = next
		same(t, s, tip, known)
	}
	shorter := c.chain(t, tip.parent.parent.parent, 1, 3)
	commit(t, s, change(tip, shorter[0], shorter...))
	same(t, s, shorter[0], append(known, shorter...))
}

func TestHashesAreThoseOfTheBestChain(t *testing.T) {
	c := newToy(t, "toy")
	s := open(t, vfs.NewMem(), c.rules)
	blocks := c.chain(t, c.genesis, 6, 0)
	side := c.chain(t, blocks[1], 2, 0)
	commit(t, s, change(c.genesis, blocks[5], append(blocks, side...)...))
	for _, row := range []struct {
		from  uint64
		limit int
		want  []*block
	}{
		{0, 2, []*block{c.genesis, blocks[0]}},
		{3, 100, blocks[2:]},
		{6, 1, blocks[5:]},
		{7, 5, nil},
		{1, 0, nil},
	} {
		got, err := s.Hashes(row.from, row.limit)
		if err != nil || len(got) != len(row.want) {
			t.Fatalf("%d from %d: %d hashes, %v; want %d", row.limit, row.from, len(got), err, len(row.want))
		}
		for i, b := range row.want {
			if got[i] != b.Hash {
				t.Errorf("%d from %d: hash %d is %s, want %s", row.limit, row.from, i, got[i], b.Hash)
			}
		}
	}
}

// TestCommitWritesAnAccountOnce: as the last block leaves it, however many
// blocks of a change pay it or are taken back.
func TestCommitWritesAnAccountOnce(t *testing.T) {
	c := newToy(t, "toy")
	s := open(t, vfs.NewMem(), c.rules)
	old := c.chain(t, c.genesis, 10, 3)
	commit(t, s, change(c.genesis, old[9], old...))
	fresh := c.chain(t, old[4], 12, 3)
	w := s.newWriter(s.db.NewBatch())
	if err := errors.Join(w.change(change(old[9], fresh[11], fresh...)), w.err); err != nil {
		t.Fatal(err)
	}
	written := map[string]int{}
	for rows := w.batch.Reader(); ; {
		_, key, _, ok, err := rows.Next()
		if err != nil {
			t.Fatal(err)
		}
		if !ok {
			break
		}
		if key[0] == accountRow {
			written[string(key)]++
		}
	}
	if len(written) == 0 {
		t.Fatal("no account was written")
	}
	for key, times := range written {
		if times != 1 {
			t.Errorf("%s written %d times", rowName([]byte(key)), times)
		}
	}
	if err := s.write(w.batch); err != nil {
		t.Fatal(err)
	}
	same(t, s, fresh[11], append(append(old, fresh...), c.genesis))
}
