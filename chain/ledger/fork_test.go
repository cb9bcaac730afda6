package ledger_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/ledger"
)

func TestHeaviestBranchWinsAtAnyDepth(t *testing.T) {
	for _, c := range []struct {
		claim   string
		tree    string
		heard   string
		best    string
		sinceG  string // since the tip before the last block
		last    string
		history string
	}{
		{
			claim: "the only chain", tree: "g─a─b─c", heard: "a b c", best: "g a b c", last: "b", history: "+c",
		},
		{
			claim: "between equals the first seen stays", tree: "g─a─b\n  └─x", heard: "a b x", best: "g a b", last: "b", history: "",
		},
		{
			claim: "one more block wins", tree: "g─a─b\n  └─x─y", heard: "a b x y", best: "g a x y", last: "b", history: "-b +x +y",
		},
		{
			claim: "back and forth", tree: "g─a─b─c─d\n  └─x─y", heard: "a b x y c d", best: "g a b c d", last: "y", history: "-y -x +b +c +d",
		},
		{
			claim: "from genesis on", tree: "g─a─b─c\n└─x─y─z─w", heard: "a b c x y z w", best: "g x y z w", last: "c", history: "-c -b -a +x +y +z +w",
		},
		{
			claim: "a branch of a branch", tree: "g─a─b─c\n  └─x─y\n    └─p─q─r", heard: "a b c x y p q r", best: "g a x p q r", last: "c", history: "-c -b +x +p +q +r",
		},
	} {
		t.Run(c.claim, func(t *testing.T) {
			w := newWorld(t)
			w.draw(c.tree, nil)
			for _, name := range strings.Fields(c.heard) {
				if err := w.hear(name); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
			w.requireBest(c.best)
			if got, _ := w.steps(c.last, 100); got != c.history {
				t.Errorf("since %s: want %q, got %q", c.last, c.history, got)
			}
		})
	}
}

func TestBatchFollowsTheHeavierBranchInOneStep(t *testing.T) {
	w := newWorld(t)
	w.draw("g─a─b─c\n└─x─y─z─w", nil)
	if n, err := w.fetch("a", "b", "c"); n != 3 || err != nil {
		t.Fatal(n, err)
	}
	changed := w.ledger.Changed()
	if n, err := w.fetch("x", "y", "z", "w"); n != 4 || err != nil {
		t.Fatal(n, err)
	}
	select {
	case <-changed:
	default:
		t.Error("Changed was not closed")
	}
	w.requireBest("g x y z w")
	if n, err := w.fetch("x", "y", "z", "w"); n != 4 || err != nil {
		t.Errorf("known blocks in a batch are skipped: got %d, %v", n, err)
	}
	if err := w.hear("w"); !errors.Is(err, chain.ErrKnown) {
		t.Errorf("a known block alone: want ErrKnown, got %v", err)
	}
}

func TestBlockThatCannotBeExecutedCondemnsItsBranchOnly(t *testing.T) {
	w := newWorld(t)
	overdraft := w.pay("alice", "bob", 0, 5000)
	w.draw("g─a─b\n  └─x─bad─z─w", map[string][]*chain.Transaction{"bad": {overdraft}})
	if err := w.hear("a", "b", "x"); err != nil {
		t.Fatal(err)
	}
	if err := w.hear("bad"); !errors.Is(err, chain.ErrUnfit) || errors.Is(err, chain.ErrInvalid) {
		t.Fatalf("want ErrUnfit, got %v", err)
	}
	var broken *chain.RuleError
	if err := w.hear("bad"); !errors.As(err, &broken) || broken.Rule != chain.RuleBalance {
		t.Errorf("the rule is kept with the block: got %v", err)
	}
	if err := w.hear("z"); !errors.Is(err, chain.ErrUnfit) {
		t.Errorf("a child of a broken block: want ErrUnfit, got %v", err)
	}
	w.requireBest("g a b")
}

func TestBranchOnABrokenBlockThatWasKeptUnexecutedIsRefused(t *testing.T) {
	for _, late := range [][]string{{"w"}, {"w", "v"}} {
		w := newWorld(t)
		overdraft := w.pay("alice", "bob", 0, 5000)
		w.draw("g─a─b─c\n└─x─bad─z─w─v", map[string][]*chain.Transaction{"bad": {overdraft}})
		if err := w.hear("a", "b", "c"); err != nil {
			t.Fatal(err)
		}
		if n, err := w.fetch("x", "bad", "z"); n != 3 || err != nil {
			t.Fatal(n, err) // a side branch that sync fetches is not executed
		}
		if n, err := w.fetch(late...); n != 0 || !errors.Is(err, chain.ErrUnfit) {
			t.Fatalf("want no block and ErrUnfit, got %d, %v", n, err)
		}
		w.requireBest("g a b c")
		for _, name := range late {
			if err := w.hear(name); !errors.Is(err, chain.ErrUnfit) {
				t.Errorf("%s stands on a broken block: want ErrUnfit, got %v", name, err)
			}
		}
		w.grow("q", "z")
		if err := w.hear("q"); !errors.Is(err, chain.ErrUnfit) {
			t.Errorf("another block on the broken branch: want ErrUnfit, got %v", err)
		}
		w.grow("d", "c")
		if err := w.hear("d"); err != nil {
			t.Fatal(err)
		}
		w.requireBest("g a b c d")
	}
}

func TestSideBlockFromGossipIsExecutedBeforeItIsKept(t *testing.T) {
	w := newWorld(t)
	first, again := w.pay("alice", "bob", 0, 10), w.pay("alice", "carol", 0, 10)
	third := w.pay("alice", "carol", 2, 10)
	w.draw("g─a─b─c─d\n  ├─good─y\n  └─bad", map[string][]*chain.Transaction{
		"a": {first}, "good": {w.pay("alice", "bob", 1, 5)}, "bad": {again}, "y": {third},
	})
	if err := w.hear("a", "b", "c", "d", "good"); err != nil {
		t.Fatal(err)
	}
	var broken *chain.RuleError
	if err := w.hear("bad"); !errors.Is(err, chain.ErrUnfit) || !errors.As(err, &broken) || broken.Rule != chain.RuleNonce {
		t.Errorf("want the nonce rule, got %v", err)
	}
	if has, err := w.ledger.Has(w.blocks["bad"].Hash); has || err != nil {
		t.Errorf("bad is kept (%v)", err)
	}
	if err := w.hear("y"); err != nil {
		t.Errorf("nonce 2 fits after a and good: %v", err)
	}
	w.requireBest("g a b c d")
}

func TestBatchStopsAtTheBrokenBlockAndKeepsWhatIsBefore(t *testing.T) {
	w := newWorld(t)
	overdraft := w.pay("alice", "bob", 0, 5000)
	w.draw("g─a─b\n└─x─y─z─bad─v", map[string][]*chain.Transaction{"bad": {overdraft}})
	if err := w.hear("a", "b"); err != nil {
		t.Fatal(err)
	}
	n, err := w.fetch("x", "y", "z", "bad", "v")
	if n != 3 || !errors.Is(err, chain.ErrUnfit) {
		t.Fatalf("want 3 blocks and ErrUnfit, got %d, %v", n, err)
	}
	w.requireBest("g x y z")
	for name, want := range map[string]bool{"z": true, "bad": false, "v": false} {
		if has, err := w.ledger.Has(w.blocks[name].Hash); has != want || err != nil {
			t.Errorf("%s: want kept %t, got %t, %v", name, want, has, err)
		}
	}
}

func TestRevertedTransactionsGoBackToThePool(t *testing.T) {
	w := newWorld(t)
	first, second := w.pay("alice", "bob", 0, 10), w.pay("alice", "carol", 1, 20)
	w.draw("g─a─b\n└─x─y─z", map[string][]*chain.Transaction{"a": {first}, "b": {second}, "y": {first}})
	if err := w.hear("a", "b", "x", "y", "z"); err != nil {
		t.Fatal(err)
	}
	w.requireBest("g x y z")
	block, _, err := w.ledger.Template(addressOf(w.rules, "miner"), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(block.Transactions) != 1 || block.Transactions[0].ID() != second.ID() {
		t.Fatalf("want the second transfer back in the pool, the template has %d transactions", len(block.Transactions))
	}
	if freed := w.ledger.FreedTransactions(); len(freed) != 1 || freed[0].ID() != second.ID() {
		t.Errorf("want it to be published again, got %d", len(freed))
	}
}

func TestSinceTellsEveryChangeInPiecesOfAnySize(t *testing.T) {
	w := newWorld(t)
	w.draw("g─a─b─c─d\n  └─x─y─z─w─v", nil)
	if err := w.hear("a", "b", "c", "d"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.fetch("x", "y", "z", "w", "v"); err != nil {
		t.Fatal(err)
	}
	for size := 1; size <= 9; size++ {
		var told []string
		at := "d"
		for {
			part, next := w.steps(at, size)
			if part == "" {
				break
			}
			told = append(told, part)
			at = w.names[next.Hash]
		}
		if got, want := strings.Join(told, " "), "-d -c -b +x +y +z +w +v"; got != want {
			t.Errorf("in pieces of %d: want %q, got %q", size, want, got)
		}
	}
	if _, _, err := w.ledger.Since(chain.Cursor{Height: 3, Hash: chain.Hash{1}}, 1); !errors.Is(err, ledger.ErrUnknownCursor) {
		t.Errorf("a cursor never seen: want ErrUnknownCursor, got %v", err)
	}
}

// TestAnyOrderEndsOnTheMostWork feeds random trees in random orders, orphans
// through the waiting room, and follows the chain by Since all the while.
func TestAnyOrderEndsOnTheMostWork(t *testing.T) {
	for seed := range uint64(20) {
		rnd := rand.New(rand.NewPCG(seed, 1))
		w := newWorld(t)
		names := []string{"g"}
		for i := range 25 {
			name := fmt.Sprint("n", i)
			w.grow(name, names[rnd.IntN(len(names))])
			names = append(names, name)
		}
		follower := []string{"g"}
		for _, i := range rnd.Perm(len(names)) {
			_ = w.hear(names[i]) // orphans and known ones are refused, and wait or not
			for {
				ready, sources, _ := w.ledger.Ready()
				if len(ready) == 0 {
					break
				}
				for j := range ready {
					if _, err := w.ledger.AddBlocks(sources[j], ready[j]); err != nil && !errors.Is(err, chain.ErrUnwanted) && !errors.Is(err, chain.ErrKnown) {
						t.Fatal(err)
					}
				}
			}
			follower = w.follow(follower)
		}
		if got, want := strings.Join(follower, " "), w.best(); got != want {
			t.Errorf("seed %d: the follower has %s, the ledger %s", seed, got, want)
		}
		for name, s := range w.states {
			if tip := w.ledger.Tip(); s.Work.Cmp(tip.Work) > 0 {
				t.Errorf("seed %d: %s has more work than the tip", seed, name)
			}
		}
	}
}

func (w *world) follow(have []string) []string {
	w.t.Helper()
	for {
		steps, _, err := w.ledger.Since(w.blocks[have[len(have)-1]].Cursor(), 3)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(steps) == 0 {
			return have
		}
		for _, s := range steps {
			name := w.names[s.Block.Hash]
			if !s.Revert {
				have = append(have, name)
				continue
			}
			if have[len(have)-1] != name {
				w.t.Fatalf("told to revert %s, the tip is %s", name, have[len(have)-1])
			}
			have = have[:len(have)-1]
		}
	}
}
