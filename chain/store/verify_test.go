package store

import (
	"bytes"
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lp2pnode/lp2pnode/chain"
)

// forked makes a store of a chain with a side branch of three blocks, and
// returns the tip of each.
func forked(t *testing.T, c *toy) (s *Store, tip, side *block) {
	t.Helper()
	s = open(t, vfs.NewMem(), c.rules)
	main := c.chain(t, c.genesis, 9, 2)
	branch := c.chain(t, main[3], 3, 2)
	commit(t, s, change(c.genesis, main[8], append(main, branch...)...))
	return s, main[8], branch[2]
}

type row struct{ key, value []byte }

func rows(t *testing.T, s *Store) []row {
	t.Helper()
	var all []row
	err := view{s.db, s.rules}.each(nil, func(key, value []byte) error {
		all = append(all, row{bytes.Clone(key), bytes.Clone(value)})
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// damage replaces one row by another for the time of a Verify, which must fail.
func damage(t *testing.T, s *Store, what string, old, now *row) {
	t.Helper()
	replace := func(old, now *row) {
		t.Helper()
		if old != nil {
			if err := s.db.Delete(old.key, pebble.NoSync); err != nil {
				t.Fatal(err)
			}
		}
		if now != nil {
			if err := s.db.Set(now.key, now.value, pebble.NoSync); err != nil {
				t.Fatal(err)
			}
		}
	}
	replace(old, now)
	defer replace(now, old)
	if err := s.Verify(t.Context(), nil); !errors.Is(err, errRow) {
		t.Errorf("%s: Verify says %v; want a damaged row", what, err)
	}
}

func flipped(b []byte, at int) []byte {
	b = bytes.Clone(b)
	b[at] ^= 1 << (at % 8)
	return b
}

func TestVerifyFindsDamageInAnyRow(t *testing.T) {
	t.Parallel()
	c := newToy(t, "toy")
	s, _, _ := forked(t, c)
	all := rows(t, s)
	seen, keys := map[byte]bool{}, map[string]bool{}
	for _, r := range all {
		keys[string(r.key)] = true
	}
	for _, r := range all {
		seen[r.key[0]] = true
		damage(t, s, "loss of "+rowName(r.key), &r, nil)
		damage(t, s, "longer value of "+rowName(r.key), &r, &row{r.key, append(bytes.Clone(r.value), 0)})
		for range 3 {
			if len(r.value) > 0 {
				damage(t, s, "flip in the value of "+rowName(r.key), &r, &row{r.key, flipped(r.value, c.rng.IntN(len(r.value)))})
			}
		}
		if other := flipped(r.key, c.rng.IntN(len(r.key))); !keys[string(other)] {
			damage(t, s, "flip in the key of "+rowName(r.key), &r, &row{other, r.value})
		}
	}
	if len(seen) != 11 {
		t.Errorf("%d kinds of rows were damaged; want 11", len(seen))
	}
	if err := s.Verify(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyFindsRowsThatNothingExplains(t *testing.T) {
	c := newToy(t, "toy")
	s, tip, side := forked(t, c)
	key := accountKey(make([]byte, 32))
	undo, err := encodeDiff(keys{}, side.diff)
	if err != nil {
		t.Fatal(err)
	}
	other := newToy(t, "other")
	stranger := other.on(t, other.genesis, 0)
	for what, r := range map[string]row{
		"a height above the tip":                 {heightKey(numberRow, tip.Height+1), side.Hash[:]},
		"undo data of a side branch":             {hashKey(undoRow, side.Hash), undo},
		"an account that nobody paid":            {key, encodeAccount(nil, chain.Account{Balance: 1})},
		"an account row of zero":                 {key, encodeAccount(nil, chain.Account{})},
		"a transaction of a side branch":         {hashKey(txRow, side.Transactions[0].ID()), place{side.Height, 0}.encode()},
		"a transaction above the tip":            {hashKey(txRow, side.Transactions[0].ID()), place{99, 0}.encode()},
		"a node of a tree not so large":          {nodeKey(1, (tip.Height+1)/2), side.Hash[:]},
		"a leaf among the nodes":                 {nodeKey(0, 0), tip.Hash[:]},
		"a node of a level that cannot be":       {nodeKey(64, 0), tip.Hash[:]},
		"a body without header":                  {hashKey(bodyRow, stranger.Hash), []byte("[]")},
		"a sibling without header":               {siblingKey(1, stranger.Hash), nil},
		"a row of no kind":                       {[]byte("zzz"), nil},
		"a meta row of no kind":                  {[]byte("mz"), nil},
		"a header of no known parent, and alone": {hashKey(headerRow, stranger.Hash), headerValue{header: stranger.Canonical()}.encode(hashKey(headerRow, stranger.Hash))},
	} {
		t.Run(what, func(t *testing.T) { damage(t, s, what, nil, &r) })
	}
}

func TestVerifyEndsWithItsContextAndTellsItsProgress(t *testing.T) {
	c := newToy(t, "toy")
	s, tip, _ := forked(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	var parts []uint64
	err := s.Verify(ctx, func(done, _ uint64) {
		if parts = append(parts, done); done == 3 {
			cancel()
		}
	})
	if !errors.Is(err, context.Canceled) || !slices.Equal(parts, []uint64{1, 2, 3}) {
		t.Errorf("%v after parts %d; want it canceled after 3", err, parts)
	}
	parts = nil
	err = s.Verify(t.Context(), func(done, total uint64) {
		if parts = append(parts, done); done > total || total <= tip.Height+1 {
			t.Errorf("part %d of %d", done, total)
		}
	})
	if blocks := int(tip.Height + 1); err != nil || len(parts) <= blocks || !slices.IsSorted(parts) {
		t.Errorf("%v after parts %d; want more than the %d blocks", err, parts, blocks)
	}
}

// TestVerifyNamesTheLowestWrongBlock: however far ahead the others are read.
func TestVerifyNamesTheLowestWrongBlock(t *testing.T) {
	c := newToy(t, "toy")
	s, tip, _ := forked(t, c)
	for _, b := range tip.path()[5:] {
		if err := s.db.Set(hashKey(bodyRow, b.Hash), []byte("[]"), pebble.Sync); err != nil {
			t.Fatal(err)
		}
	}
	want := "height 5: " + errRow.Error() + " " + rowName(hashKey(bodyRow, tip.path()[5].Hash))
	for range 20 {
		if err := s.Verify(t.Context(), nil); err == nil || !strings.Contains(err.Error(), want) {
			t.Fatalf("%v; want %s", err, want)
		}
	}
}

// TestDamageIsNobodyElsesFault: an error of chain would blame a peer.
func TestDamageIsNobodyElsesFault(t *testing.T) {
	c := newToy(t, "toy")
	s, tip, _ := forked(t, c)
	key := hashKey(headerRow, tip.Hash)
	value := headerValue{work: tip.state.Work, header: []byte(`{"tx_count":1}`)}.encode(key)
	if err := s.db.Set(key, value, pebble.Sync); err != nil {
		t.Fatal(err)
	}
	for name, ask := range map[string]func() error{
		"Tip":      func() error { _, err := s.Tip(); return err },
		"Block":    func() error { _, err := s.Block(tip.Hash); return err },
		"RawBlock": func() error { _, err := s.RawBlock(tip.Hash); return err },
		"Record":   func() error { _, err := s.Record(tip.Hash); return err },
		"Commit":   func() error { return s.Commit(change(tip, tip.parent)) },
	} {
		if err := ask(); !errors.Is(err, errRow) || errors.Is(err, chain.ErrInvalid) || errors.Is(err, ErrNotFound) {
			t.Errorf("%s: %v; want a damaged row", name, err)
		}
	}
}
