package store

import (
	"context"
	"errors"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func TestRollbackForgetsWhatIsAboveAndHoldsAtEveryHeight(t *testing.T) {
	c := newToy(t, "toy")
	for height := range uint64(10) {
		s, tip, side := forked(t, c)
		var done, total uint64
		if err := s.Rollback(t.Context(), height, func(d, n uint64) { done, total = d, n }); err != nil {
			t.Fatal(err)
		}
		if want := tip.Height - height; done != want || total != want {
			t.Errorf("height %d: told %d of %d", height, done, total)
		}
		if err := s.Verify(t.Context(), nil); err != nil {
			t.Fatalf("height %d: %v", height, err)
		}
		path := tip.path()
		if got := tipOf(t, s); got != path[height].Hash {
			t.Fatalf("height %d: tip %s, want %s", height, got, path[height].Hash)
		}
		for _, b := range append(path, side.path()...) {
			if has, err := s.Has(b.Hash); err != nil || has != (b.Height <= height) {
				t.Errorf("height %d: block of height %d is there: %t, %v", height, b.Height, has, err)
			}
		}
		waiting, err := s.Pending()
		want := 0
		for _, b := range path[height+1:] {
			want += len(b.Transactions)
		}
		if err != nil || len(waiting) != want {
			t.Errorf("height %d: %d transactions wait, want %d: %v", height, len(waiting), want, err)
		}
		commit(t, s, change(path[height], tip, path[height+1:]...))
		if err := s.Verify(t.Context(), nil); err != nil || tipOf(t, s) != tip.Hash {
			t.Fatalf("height %d: forwards again: %v", height, err)
		}
	}
}

func TestRollbackGoesInWholeSteps(t *testing.T) {
	c := newToy(t, "toy")
	s := open(t, vfs.NewMem(), c.rules)
	grow(t, s, c, 600)
	ctx, cancel := context.WithCancel(t.Context())
	steps := 0
	err := s.Rollback(ctx, 10, func(uint64, uint64) {
		steps++
		cancel()
	})
	if state, tipErr := s.Tip(); !errors.Is(err, context.Canceled) || steps != 1 || tipErr != nil || state.Tip.Height != 600-rollbackStep {
		t.Errorf("%v after %d steps, tip %d", err, steps, state.Tip.Height)
	}
	if err := s.Verify(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Rollback(t.Context(), 10, nil); err != nil {
		t.Fatal(err)
	}
	if err := s.Rollback(t.Context(), 11, nil); err == nil {
		t.Error("rolled back upwards")
	}
	if err := s.Verify(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}

// TestRollbackOfFullBlocksIsBounded: in the bytes of a step, and in those of the
// transactions that wait again, of which the lowest blocks' come first.
func TestRollbackOfFullBlocksIsBounded(t *testing.T) {
	c := newToy(t, "toy")
	c.data = 40_000
	s := open(t, vfs.NewMem(), c.rules)
	const n = 120
	blocks := c.chain(t, c.genesis, n, 2)
	commit(t, s, change(c.genesis, blocks[n-1], blocks...))
	of := func(b *block) int { return len(b.Transactions[0].Raw()) + len(b.Transactions[1].Raw()) + len("[,]") }
	for limit, want := range map[int]uint64{0: 20, of(blocks[20]): 21, of(blocks[20]) + of(blocks[21]) - 1: 21, 1 << 30: n} {
		if last, err := read(s, func(v view) (uint64, error) { return v.lastToWait(21, n, limit) }); err != nil || last != want {
			t.Errorf("within %d bytes: up to block %d, %v; want %d", limit, last, err, want)
		}
	}
	at, err := s.rollbackStep(0, 100)
	if err != nil || at == 0 || at >= n-20 {
		t.Fatalf("a step went to block %d, %v", at, err)
	}
	waiting, err := s.Pending()
	if want := 2 * (100 - int(at)); err != nil || len(waiting) != want {
		t.Errorf("%d transactions wait, %v; want %d", len(waiting), err, want)
	}
	if err := s.Verify(t.Context(), nil); err != nil || tipOf(t, s) != blocks[at-1].Hash {
		t.Errorf("after a step: %v", err)
	}
	if err := errors.Join(s.Rollback(t.Context(), 0, nil), s.Verify(t.Context(), nil)); err != nil {
		t.Error(err)
	}
}

func TestRollbackForgetsReorganisationsThatSpeakOfForgottenBlocks(t *testing.T) {
	c := newToy(t, "toy")
	s := open(t, vfs.NewMem(), c.rules)
	low := c.chain(t, c.genesis, 1, 0)
	high := c.chain(t, c.genesis, 8, 0)
	fork := c.chain(t, high[5], 4, 0)
	commit(t, s, change(c.genesis, low[0], low...))
	commit(t, s, change(low[0], high[1], high[:2]...)) // speaks of heights 1 and 2
	commit(t, s, change(high[1], high[7], high[2:]...))
	commit(t, s, change(high[7], fork[3], fork...)) // of 8 and 10
	if err := s.Rollback(t.Context(), 5, nil); err != nil {
		t.Fatal(err)
	}
	if list, err := s.Reorganisations(nil, 10); err != nil || len(list) != 1 || list[0].New.Height != 2 {
		t.Errorf("left %+v, %v", list, err)
	}
	if err := s.Verify(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
}
