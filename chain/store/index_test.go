package store

import (
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lp2pnode/lp2pnode/chain"
)

// concerns lists what concerns an account in the model, the latest first.
func concerns(tip *block, a chain.Address) []Location {
	var all []Location
	for _, b := range tip.path() {
		for i, t := range b.Transactions {
			if t.From == a || t.To == a {
				all = append(all, Location{b.Height, uint64(i), b.Hash})
			}
		}
		if b.Miner == a {
			all = append(all, Location{b.Height, uint64(len(b.Transactions)), b.Hash})
		}
	}
	slices.Reverse(all)
	return all
}

// pages reads an account's whole history, n places at a time.
func pages(t *testing.T, s *Store, a chain.Address, n int) []Location {
	t.Helper()
	var all []Location
	var before *Place
	for {
		page, err := s.History(a, before, n)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, page...)
		if len(page) < n {
			return all
		}
		last := page[len(page)-1]
		before = &Place{last.Height, last.Index}
	}
}

// TestHistoryAndRecordsFollowTheBestChain: over reorganisations, page by page.
func TestHistoryAndRecordsFollowTheBestChain(t *testing.T) {
	c := newToy(t, "toy")
	s := open(t, vfs.NewMem(), c.rules)
	tip := c.genesis
	for _, depth := range []int{0, 1, 3, 2} {
		fork := tip
		for range depth {
			fork = fork.parent
		}
		branch := c.chain(t, fork, depth+4, 3)
		left := tip
		commit(t, s, change(tip, branch[len(branch)-1], branch...))
		tip = branch[len(branch)-1]
		for i := range c.seeds {
			a := c.address(i)
			want := concerns(tip, a)
			for _, n := range []int{1, 2, 100} {
				if got := pages(t, s, a, n); !slices.Equal(got, want) {
					t.Fatalf("history of %s, %d a page: %v; want %v", a, n, got, want)
				}
			}
		}
		tx := tip.Transactions[1]
		for _, h := range chain.RecordedHashes(tx.Data) {
			got, err := s.Recorded(h, 10)
			if want := []Location{{tip.Height, 1, tip.Hash}}; err != nil || !slices.Equal(got, want) {
				t.Fatalf("record %s: %v, %v; want %v", h, got, err, want)
			}
		}
		if depth > 0 {
			for _, h := range chain.RecordedHashes(left.Transactions[0].Data) {
				if got, err := s.Recorded(h, 10); err != nil || len(got) > 0 {
					t.Fatalf("record of a block that left: %v, %v", got, err)
				}
			}
		}
	}
	if err := s.Verify(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

// TestReorganisationsAreKept: each with its fork and both tips, over a restart.
func TestReorganisationsAreKept(t *testing.T) {
	c := newToy(t, "toy")
	mem := vfs.NewMem()
	s := open(t, mem, c.rules)
	tip := c.genesis
	var want []Reorganisation
	for i, depth := range []int{0, 2, 0, 1, 4} {
		fork := tip
		for range depth {
			fork = fork.parent
		}
		branch := c.chain(t, fork, depth+2, 1)
		ch := change(tip, branch[len(branch)-1], branch...)
		ch.At, ch.Source = time.UnixMilli(1_700_000_000_000+int64(i)), chain.Source{Via: chain.ViaSync, Peer: "p"}
		commit(t, s, ch)
		old := tip
		tip = branch[len(branch)-1]
		if depth > 0 {
			want = append(want, Reorganisation{uint64(len(want)), ch.At, ch.Source, fork.Cursor(), old.Cursor(), tip.Cursor()})
		}
	}
	slices.Reverse(want)
	got, err := s.Reorganisations(nil, 10)
	if err != nil || !slices.Equal(got, want) {
		t.Fatalf("%v, %v; want %v", got, err, want)
	}
	before := uint64(2)
	if got, err = s.Reorganisations(&before, 1); err != nil || !slices.Equal(got, want[1:2]) {
		t.Errorf("before %d: %v, %v; want %v", before, got, err, want[1:2])
	}
	all := rows(t, s)
	for _, r := range all {
		if r.key[0] != reorganisationRow {
			continue
		}
		if r.key[8] < 2 {
			damage(t, s, "loss of "+rowName(r.key), &r, nil)
		}
		for range 20 {
			damage(t, s, "flip in the value of "+rowName(r.key), &r, &row{r.key, flipped(r.value, c.rng.IntN(len(r.value)))})
		}
		damage(t, s, "longer value of "+rowName(r.key), &r, &row{r.key, append(slices.Clone(r.value), 0)})
	}
	if err := s.Verify(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

func TestVerifyFindsIndexRowsThatNothingExplains(t *testing.T) {
	c := newToy(t, "toy")
	s, tip, side := forked(t, c)
	public, err := c.address(0).Key()
	if err != nil {
		t.Fatal(err)
	}
	for what, key := range map[string][]byte{
		"an account that is not named":    concernKey(public, place{tip.Height, 9}),
		"a hash that is not on record":    recordedKey(side.Hash, place{tip.Height, 0}),
		"a hash recorded above the tip":   recordedKey(side.Hash, place{tip.Height + 1, 0}),
		"a record's key that is too long": append(recordedKey(side.Hash, place{1, 0}), 0),
	} {
		damage(t, s, what, nil, &row{key, nil})
	}
	if err := s.Verify(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}
