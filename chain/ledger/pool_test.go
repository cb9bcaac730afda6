package ledger_test

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/ledger"
)

func TestPoolSurvivesARestart(t *testing.T) {
	w := newWorld(t)
	mined, waits, gap := w.pay("alice", "bob", 0, 1), w.pay("alice", "bob", 1, 1), w.pay("alice", "bob", 3, 1)
	for _, tx := range []*chain.Transaction{mined, waits, gap} {
		if err := w.ledger.AddTransaction(chain.Source{Via: chain.ViaAPI}, tx); err != nil && !errors.Is(err, chain.ErrWaiting) {
			t.Fatal(err)
		}
	}
	w.draw("g─a", map[string][]*chain.Transaction{"a": {mined}})
	if err := w.hear("a"); err != nil {
		t.Fatal(err)
	}
	kept, err := w.store.Pending()
	if err != nil || len(kept) != 2 {
		t.Fatalf("want 2 rows, got %d, %v", len(kept), err)
	}
	again, err := ledger.Open(w.store, w.rules, ledger.Config{Now: func() time.Time { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	for tx, want := range map[*chain.Transaction]ledger.TxState{mined: ledger.TxIncluded, waits: ledger.TxPending, gap: ledger.TxPending} {
		if s, err := again.Transaction(tx.ID()); err != nil || s.State != want {
			t.Errorf("want %s, got %s, %v", want, s.State, err)
		}
	}
	w.now = w.now.Add(4 * time.Hour)
	if _, err := ledger.Open(w.store, w.rules, ledger.Config{Now: func() time.Time { return w.now }}); err != nil {
		t.Fatal(err)
	}
	w.ledger = again
	w.draw("g─a─b", nil)
	if err := w.hear("b"); err != nil {
		t.Fatal(err)
	}
	if s, err := again.Transaction(waits.ID()); err != nil || s.State != ledger.TxExpired {
		t.Errorf("after four hours: want expired, got %s, %v", s.State, err)
	}
	if kept, err := w.store.Pending(); err != nil || len(kept) != 0 {
		t.Errorf("expired, yet %d rows are kept, %v", len(kept), err)
	}
}

// TestWaitingTransactionsNeedNoReading: a block that comes finds the pool's
// transactions, and other bytes of the same fields do not pass for them.
func TestWaitingTransactionsNeedNoReading(t *testing.T) {
	w := newWorld(t)
	known, other := w.pay("alice", "bob", 0, 1), w.pay("alice", "bob", 1, 1)
	if err := w.ledger.AddTransaction(chain.Source{Via: chain.ViaGossip}, known); err != nil {
		t.Fatal(err)
	}
	w.draw("g─a", map[string][]*chain.Transaction{"a": {known, other}})
	raw := w.fresh("a").Raw()
	b, err := w.ledger.DecodeBlock(raw)
	if err != nil {
		t.Fatal(err)
	}
	if b.Transactions[0] != known || b.Transactions[1] == other || b.Transactions[1].ID() != other.ID() || b.Transactions[1].Verified() {
		t.Fatal("want the pool's transaction, and one that was read")
	}
	if _, err := w.ledger.AddBlocks(chain.Source{Via: chain.ViaGossip}, b); err != nil {
		t.Fatal(err)
	}
	w.requireBest("g a")
	signature := []byte(known.Signature.String())
	forged := bytes.Replace(raw, signature, bytes.Repeat([]byte("0"), len(signature)), 1)
	if _, err := w.ledger.DecodeBlock(forged); !errors.Is(err, chain.ErrInvalid) {
		t.Fatalf("forged: %v", err)
	}
}
