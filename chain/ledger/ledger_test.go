package ledger_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

func TestOrphanWaitsForItsParent(t *testing.T) {
	w := newWorld(t)
	w.draw("g─a─b─c", nil)
	if err := w.hear("c"); !errors.Is(err, chain.ErrUnknownParent) {
		t.Fatalf("want ErrUnknownParent, got %v", err)
	}
	if ready, _, next := w.ledger.Ready(); len(ready) != 0 || !next.IsZero() {
		t.Fatalf("nothing can be judged yet, got %d, %s", len(ready), next)
	}
	if err := w.hear("a", "b"); err != nil {
		t.Fatal(err)
	}
	ready, sources, _ := w.ledger.Ready()
	if len(ready) != 1 || ready[0].Hash != w.blocks["c"].Hash || sources[0] != fromPeer {
		t.Fatalf("want c from its peer, got %v, %v", ready, sources)
	}
	if _, err := w.ledger.AddBlocks(sources[0], ready[0]); err != nil {
		t.Fatal(err)
	}
	w.requireBest("g a b c")
}

func TestBlockASecondTooEarlyIsTakenWhenItIsDue(t *testing.T) {
	w := newWorld(t)
	s := w.states["g"]
	ahead := uint64(w.now.UnixMilli()) + w.rules.Params.MaxAheadMS() + 1000
	w.seal("early", s, s.Child(addressOf(w.rules, "miner"), "", ahead), nil)
	if err := w.hear("early"); !errors.Is(err, chain.ErrFuture) {
		t.Fatalf("want ErrFuture, got %v", err)
	}
	_, _, next := w.ledger.Ready()
	if want := w.now.Add(time.Second); !next.Equal(want) {
		t.Fatalf("want to be asked again at %s, got %s", want, next)
	}
	w.now = next
	ready, sources, _ := w.ledger.Ready()
	if len(ready) != 1 {
		t.Fatal("not ready when due")
	}
	if _, err := w.ledger.AddBlocks(sources[0], ready[0]); err != nil {
		t.Fatal(err)
	}
	w.requireBest("g early")
}

func TestBlockFarAheadOfTheClockIsNotKept(t *testing.T) {
	w := newWorld(t)
	s := w.states["g"]
	ahead := uint64(w.now.UnixMilli()) + w.rules.Params.MaxAheadMS() + uint64(10*time.Minute/time.Millisecond)
	w.seal("last", s, s.Child(addressOf(w.rules, "miner"), "", ahead), nil)
	w.seal("late", s, s.Child(addressOf(w.rules, "miner"), "", ahead+1), nil)
	for _, name := range []string{"late", "last"} {
		if err := w.hear(name); !errors.Is(err, chain.ErrFuture) {
			t.Fatalf("want ErrFuture, got %v", err)
		}
	}
	s = w.states["late"]
	w.seal("orphan", s, s.Child(addressOf(w.rules, "miner"), "", ahead+2), nil)
	if err := w.hear("orphan"); !errors.Is(err, chain.ErrUnknownParent) {
		t.Fatalf("want ErrUnknownParent, got %v", err)
	}
	w.now = w.now.Add(11 * time.Minute)
	if err := w.hear("late"); err != nil {
		t.Fatal(err)
	}
	if ready, _, _ := w.ledger.Ready(); len(ready) != 1 || ready[0].Hash != w.blocks["last"].Hash {
		t.Errorf("want the block that was due in ten minutes, got %d", len(ready))
	}
}

func TestWaitingRoomIsBounded(t *testing.T) {
	w := newWorld(t)
	w.draw("g─missing", nil)
	for i := range 2000 {
		b := w.grow(fmt.Sprint("o", i), "missing")
		peer := chain.Source{Via: chain.ViaGossip, Peer: fmt.Sprint("peer", i%4)}
		if _, err := w.ledger.AddBlocks(peer, b); !errors.Is(err, chain.ErrUnknownParent) {
			t.Fatal(err)
		}
	}
	if err := w.hear("missing"); err != nil {
		t.Fatal(err)
	}
	ready, sources, _ := w.ledger.Ready()
	each := map[string]int{}
	for _, s := range sources {
		each[s.Peer]++
	}
	for peer, n := range each {
		if n != 64 {
			t.Errorf("%s holds %d places, want 64", peer, n)
		}
	}
	if len(ready) != 4*64 {
		t.Errorf("want %d blocks kept, got %d", 4*64, len(ready))
	}
}

func TestGossipOfUselessSideBlocksIsUnwanted(t *testing.T) {
	w := newWorld(t)
	w.draw("g─a─b─c─d─e─f─h─i─j─k─l─m─n", nil)
	if err := w.hear("a", "b", "c", "d", "e", "f", "h", "i", "j", "k", "l", "m", "n"); err != nil {
		t.Fatal(err)
	}
	w.grow("deep", "a")
	if err := w.hear("deep"); !errors.Is(err, chain.ErrUnwanted) {
		t.Errorf("more than 10 below the tip: want ErrUnwanted, got %v", err)
	}
	if n, err := w.fetch("deep"); n != 1 || err != nil {
		t.Errorf("sync asked for it: want it kept, got %d, %v", n, err)
	}
	for i := range 7 { // with n these are 8 children of m
		name := fmt.Sprint("s", i)
		w.grow(name, "m")
		if err := w.hear(name); err != nil {
			t.Fatalf("sibling %d: %v", i, err)
		}
	}
	w.grow("ninth", "m")
	if err := w.hear("ninth"); !errors.Is(err, chain.ErrUnwanted) {
		t.Errorf("a ninth block on one parent: want ErrUnwanted, got %v", err)
	}
}

func TestHeaderRuleBrokenOnAKnownParentIsInvalid(t *testing.T) {
	w := newWorld(t)
	s := w.states["g"]
	h := s.Child(addressOf(w.rules, "miner"), "", s.Tip.Timestamp+1000)
	h.Difficulty = 2
	for ; ; h.Nonce++ {
		if h.Hash = h.ComputeHash(); w.rules.Engine.Sealed(&h) == nil {
			break
		}
	}
	b, err := w.rules.DecodeBlock(chain.NewBlock(h, nil).Raw())
	if err != nil {
		t.Fatal(err)
	}
	var broken *chain.RuleError
	if _, err := w.ledger.AddBlocks(fromPeer, b); !errors.Is(err, chain.ErrInvalid) || !errors.As(err, &broken) || broken.Rule != chain.RuleDifficulty {
		t.Fatalf("want the difficulty rule, got %v", err)
	}
}

func TestBadSignatureIsFoundBeforeAnythingIsKept(t *testing.T) {
	w := newWorld(t)
	forged := *w.pay("alice", "bob", 0, 10)
	forged.Data = "not what alice signed"
	w.draw("g─a─b", map[string][]*chain.Transaction{"b": {chain.NewTransaction(forged)}})
	for _, add := range []func() (int, error){
		func() (int, error) { return w.fetch("a", "b") },
		func() (int, error) { return 1, w.hear("b") },
	} {
		n, err := add()
		var broken *chain.RuleError
		if n != 1 || !errors.Is(err, chain.ErrInvalid) || !errors.As(err, &broken) || broken.Rule != chain.RuleSignature {
			t.Fatalf("want the signature rule after one block, got %d, %v", n, err)
		}
	}
	w.requireBest("g a")
}

func TestTemplateIsStaleWhenTheTipMovesOrThePoolFills(t *testing.T) {
	w := newWorld(t)
	w.draw("g─a", nil)
	_, stale, err := w.ledger.Template(addressOf(w.rules, "miner"), "")
	if err != nil {
		t.Fatal(err)
	}
	if err := w.hear("a"); err != nil {
		t.Fatal(err)
	}
	requireClosed(t, stale, "the tip moved")
	block, stale, err := w.ledger.Template(addressOf(w.rules, "miner"), "")
	if err != nil || len(block.Transactions) != 0 {
		t.Fatal(err, len(block.Transactions))
	}
	if err := w.ledger.AddTransaction(chain.Source{Via: chain.ViaAPI}, w.pay("alice", "bob", 0, 1)); err != nil {
		t.Fatal(err)
	}
	requireClosed(t, stale, "an empty template, and the pool has something")
	block, _, err = w.ledger.Template(addressOf(w.rules, "miner"), "note")
	if err != nil || len(block.Transactions) != 1 {
		t.Fatal(err, len(block.Transactions))
	}
	block.Header.Hash = block.ComputeHash()
	if _, err := w.ledger.AddBlocks(chain.Source{Via: chain.ViaMiner}, chain.NewBlock(block.Header, block.Transactions)); err != nil {
		t.Fatalf("the template, sealed, is no valid block: %v", err)
	}
	if got := w.ledger.Transactions(10); len(got) != 0 {
		t.Errorf("mined, yet %d in the pool", len(got))
	}
}

func requireClosed(t *testing.T, c <-chan struct{}, why string) {
	t.Helper()
	select {
	case <-c:
	default:
		t.Errorf("not stale: %s", why)
	}
}

func TestLocatorGoesBackInDoublingStepsToGenesis(t *testing.T) {
	w := newWorld(t)
	last := "g"
	var names []string
	for i := range 60 {
		name := fmt.Sprint("n", i+1)
		w.grow(name, last)
		names, last = append(names, name), name
	}
	if _, err := w.fetch(names...); err != nil {
		t.Fatal(err)
	}
	hashes, err := w.ledger.Locator()
	if err != nil {
		t.Fatal(err)
	}
	var heights []uint64
	for _, h := range hashes {
		r, err := w.store.Record(h)
		if err != nil {
			t.Fatal(err)
		}
		heights = append(heights, r.Header.Height)
	}
	want := []uint64{60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 49, 45, 37, 21, 0}
	if fmt.Sprint(heights) != fmt.Sprint(want) {
		t.Fatalf("want %v, got %v", want, heights)
	}
	raw, err := w.ledger.RawHeadersAfter([]chain.Hash{{9}, w.blocks["n21"].Hash}, 5)
	if err != nil || len(raw) != 5 {
		t.Fatal(len(raw), err)
	}
	h, err := w.rules.DecodeHeader(raw[0])
	if err != nil || h.Height != 22 {
		t.Fatalf("want height 22 first, got %d, %v", h.Height, err)
	}
}

func TestReadersNeverWaitForWriters(t *testing.T) {
	w := newWorld(t)
	last := "g"
	var names []string
	for i := range 200 {
		name := fmt.Sprint("n", i+1)
		w.grow(name, last)
		names, last = append(names, name), name
	}
	var wg sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		wg.Go(func() {
			height := uint64(0)
			for {
				select {
				case <-done:
					return
				default:
				}
				if tip := w.ledger.Tip().Tip.Height; tip < height {
					t.Errorf("the tip went from %d to %d", height, tip)
				} else {
					height = tip
				}
				if _, err := w.ledger.Locator(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	if err := w.hear(names...); err != nil {
		t.Fatal(err)
	}
	close(done)
	wg.Wait()
}

// TestOwnBlocksAreDurableBeforeTheyArePassedOn, and those of others need not be;
// what is refused is not passed on.
func TestOwnBlocksAreDurableBeforeTheyArePassedOn(t *testing.T) {
	w := newWorld(t)
	w.draw("g─a─b─c", map[string][]*chain.Transaction{"c": {w.pay("alice", "bob", 7, 1)}})
	for _, row := range []struct {
		name    string
		via     chain.Via
		passed  int
		durable bool
		err     error
	}{
		{"a", chain.ViaMiner, 1, true, nil},
		{"a", chain.ViaMiner, 0, false, chain.ErrKnown},
		{"a", chain.ViaGossip, 0, false, chain.ErrKnown},
		{"c", chain.ViaGossip, 0, false, chain.ErrUnknownParent},
		{"b", chain.ViaGossip, 1, false, nil},
		{"c", chain.ViaGossip, 0, false, chain.ErrUnfit},
		{"c", chain.ViaMiner, 0, false, chain.ErrUnfit},
	} {
		b, passed := w.fresh(row.name), 0
		err := w.ledger.AddBlock(chain.Source{Via: row.via}, b, func() {
			passed++
			if kept, err := w.store.Has(b.Hash); kept != row.durable || err != nil {
				t.Errorf("%s by %s: passed on while kept is %t, %v", row.name, row.via, kept, err)
			}
		})
		if passed != row.passed || !errors.Is(err, row.err) {
			t.Errorf("%s by %s: passed on %d times, %v; want %d, %v", row.name, row.via, passed, err, row.passed, row.err)
		}
	}
}
