package ledger_test

import (
	"errors"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/ledger"
)

func TestHeldLedgerTakesNothingAndForgetsNothing(t *testing.T) {
	w := newWorld(t)
	w.draw("g─a─b", nil)
	if err := w.hear("a"); err != nil {
		t.Fatal(err)
	}
	changed := w.ledger.Changed()
	w.ledger.Hold("the disk is full")
	requireClosed(t, changed, "it was held")
	pay := w.pay("alice", "bob", 0, 10)
	for what, err := range map[string]error{
		"gossip":      w.hear("b"),
		"transaction": w.ledger.AddTransaction(fromPeer, pay),
		"Held":        w.ledger.Held(),
	} {
		if !errors.Is(err, chain.ErrHeld) || err.Error() == chain.ErrHeld.Error() {
			t.Errorf("%s: want ErrHeld and why, got %v", what, err)
		}
	}
	if n, err := w.fetch("b"); n != 0 || !errors.Is(err, chain.ErrHeld) {
		t.Errorf("sync: want ErrHeld, got %d, %v", n, err)
	}
	w.requireBest("g a")
	changed = w.ledger.Changed()
	w.ledger.Hold("")
	requireClosed(t, changed, "it goes on")
	if err := errors.Join(w.ledger.Held(), w.hear("b"), w.ledger.AddTransaction(fromPeer, pay)); err != nil {
		t.Fatal(err)
	}
	w.requireBest("g a b")
}

// TestReloadFollowsAChangeThatCameToDiskAfterAll: a commit that failed may be
// there when the store is opened again.
func TestReloadFollowsAChangeThatCameToDiskAfterAll(t *testing.T) {
	w := newWorld(t)
	first, second := w.pay("alice", "bob", 0, 10), w.pay("alice", "carol", 1, 20)
	w.draw("g─a─b\n└─x─y─z", map[string][]*chain.Transaction{"a": {first}, "b": {second}, "y": {first}})
	behind := w.ledger
	if err := w.hear("a", "b"); err != nil {
		t.Fatal(err)
	}
	var err error
	if w.ledger, err = ledger.Open(w.store, w.rules, ledger.Config{Now: func() time.Time { return w.now }}); err != nil {
		t.Fatal(err)
	}
	if err := w.hear("x", "y", "z"); err != nil {
		t.Fatal(err)
	}
	w.ledger = behind
	changed := w.ledger.Changed()
	if err := w.ledger.Reload(); err != nil {
		t.Fatal(err)
	}
	requireClosed(t, changed, "the tip has moved")
	w.requireBest("g x y z")
	block, _, err := w.ledger.Template(addressOf(w.rules, "miner"), "")
	if err != nil {
		t.Fatal(err)
	}
	if len(block.Transactions) != 1 || block.Transactions[0].ID() != second.ID() {
		t.Errorf("want the second transfer back in the pool, the template has %d transactions", len(block.Transactions))
	}
	w.grow("n", "z", second)
	if err := w.hear("n"); err != nil {
		t.Fatal(err)
	}
	w.requireBest("g x y z n")
	changed = w.ledger.Changed()
	if err := w.ledger.Reload(); err != nil {
		t.Fatal(err)
	}
	select {
	case <-changed:
		t.Error("told of a change where there is none")
	default:
	}
}
