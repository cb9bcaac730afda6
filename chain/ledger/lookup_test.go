package ledger_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/ledger"
	"github.com/lp2pnode/lp2pnode/chain/pow"
)

func TestReceiptOfAnyTransactionVerifiesAgainstTheTip(t *testing.T) {
	w := newWorld(t)
	last, ids := "g", map[int][]chain.Hash{}
	var names []string
	nonce := uint64(0)
	for i := range 40 {
		var txs []*chain.Transaction
		for range i % 4 {
			txs = append(txs, w.pay("alice", "bob", nonce, 1))
			nonce++
		}
		for _, tx := range txs {
			ids[i] = append(ids[i], tx.ID())
		}
		name := fmt.Sprint("n", i)
		w.grow(name, last, txs...)
		names, last = append(names, name), name
	}
	if _, err := w.fetch(names...); err != nil {
		t.Fatal(err)
	}
	tip := w.ledger.Tip().Tip
	for i, block := range ids {
		for _, id := range block {
			r, err := w.ledger.Receipt(id)
			if i == 39 {
				if !errors.Is(err, ledger.ErrNoHistory) {
					t.Errorf("in the tip block: want ErrNoHistory, got %v", err)
				}
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			again, err := chain.DecodeReceipt(r.Canonical(), pow.Engine{})
			if err != nil {
				t.Fatalf("block %d: %v", i, err)
			}
			if again.Tip.Hash != tip.Hash || chain.NewTransaction(again.Transaction).ID() != id {
				t.Errorf("block %d: a receipt of something else", i)
			}
		}
	}
	if _, err := w.ledger.Receipt(chain.Hash{1}); !errors.Is(err, ledger.ErrNotIncluded) {
		t.Errorf("want ErrNotIncluded, got %v", err)
	}
}

func TestTransactionHasOneStateAtATime(t *testing.T) {
	w := newWorld(t)
	cheap, dear := w.pay("alice", "bob", 0, 1), w.rules.Sign(chain.Transaction{Fee: 2, Data: "instead"}, key("alice"))
	later := w.pay("alice", "bob", 2, 1)
	w.draw("g─a─b", map[string][]*chain.Transaction{"a": {dear}})
	state := func(tx *chain.Transaction) ledger.TxStatus {
		t.Helper()
		s, err := w.ledger.Transaction(tx.ID())
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	if s := state(cheap); s.State != ledger.TxUnknown {
		t.Errorf("before it was sent: %+v", s)
	}
	for _, tx := range []*chain.Transaction{cheap, later, dear} {
		if err := w.ledger.AddTransaction(chain.Source{Via: chain.ViaAPI}, tx); err != nil && !errors.Is(err, chain.ErrWaiting) {
			t.Fatal(err)
		}
	}
	if s := state(cheap); s.State != ledger.TxReplaced || s.By != dear.ID() {
		t.Errorf("replaced: %+v", s)
	}
	if s := state(dear); s.State != ledger.TxPending || s.Waiting || s.Position != 0 {
		t.Errorf("pending: %+v", s)
	}
	if s := state(later); s.State != ledger.TxPending || !s.Waiting {
		t.Errorf("waiting for nonce 1: %+v", s)
	}
	if a, err := w.ledger.Account(cheap.From); err != nil || a.NextNonce != 1 || a.Pending != 2 {
		t.Errorf("account: %+v, %v", a, err)
	}
	if err := w.hear("a", "b"); err != nil {
		t.Fatal(err)
	}
	if s := state(dear); s.State != ledger.TxIncluded || s.Confirmations != 2 || s.Location.Height != 1 {
		t.Errorf("included: %+v", s)
	}
}

func TestPoolNewsForgetsOnlyWhatIsLongAgo(t *testing.T) {
	w := newWorld(t)
	_, start := w.ledger.PoolNews(0, 0)
	var sent []chain.Hash
	for nonce := range uint64(5) {
		tx := w.pay("alice", "bob", nonce, 1)
		changed := w.ledger.Changed()
		if err := w.ledger.AddTransaction(chain.Source{Via: chain.ViaAPI}, tx); err != nil && !errors.Is(err, chain.ErrWaiting) {
			t.Fatal(err)
		}
		requireClosed(t, changed, "a transaction came")
		sent = append(sent, tx.ID())
	}
	var got []chain.Hash
	for at := start; ; {
		ids, next := w.ledger.PoolNews(at, 2)
		if len(ids) == 0 {
			break
		}
		got, at = append(got, ids...), next
	}
	if fmt.Sprint(got) != fmt.Sprint(sent) {
		t.Errorf("want %v, got %v", sent, got)
	}
}
