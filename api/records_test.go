package api_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/api"
	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain"
)

func signFor(key ed25519.PrivateKey, tx *chain.Transaction, genesis chain.Hash) []byte {
	return ed25519.Sign(key, tx.SignedBytes(genesis))
}

func stateOf(t *testing.T, c *client.Client, tx *chain.Transaction) *client.TxStatus {
	t.Helper()
	s, err := c.Transaction(t.Context(), tx.ID())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestTransactionHasOneState: from handing it in to the confirmations.
func TestTransactionHasOneState(t *testing.T) {
	n := newNode(t)
	_, rich := keyOf(1)
	n.mine(t, rich)
	_, c := serve(t, n)
	cheap := n.sign(1, chain.Transaction{To: someone, Amount: 7, Fee: 1})
	better := n.sign(1, chain.Transaction{To: someone, Amount: 7, Fee: 9})
	later := n.sign(1, chain.Transaction{Nonce: 2, Data: "after a gap"})

	if s := stateOf(t, c, cheap); s.State != client.StateUnknown || s.Pending != nil || s.Included != nil || !s.Transaction.IsZero() {
		t.Errorf("never handed in: %+v", s)
	}
	for _, tx := range []*chain.Transaction{cheap, better, later} {
		if _, err := c.Submit(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
	}
	if s := stateOf(t, c, cheap); s.State != client.StateReplaced || s.ReplacedBy != better.ID() || s.Detail == "" {
		t.Errorf("replaced: %+v", s)
	}
	s := stateOf(t, c, better)
	if s.State != client.StatePending || *s.Pending != (client.TxPending{}) || !bytes.Equal(s.Transaction.Raw(), better.Raw()) {
		t.Errorf("pending: %+v", s)
	}
	if s := stateOf(t, c, later); s.State != client.StatePending || !s.Pending.Waiting {
		t.Errorf("behind a gap: %+v", s)
	}
	account, err := c.Account(t.Context(), rich)
	if want := (client.Account{Address: rich, Balance: 50, Nonce: 0, NextNonce: 1, Pending: 2}); err != nil || *account != want {
		t.Errorf("want %+v, got %+v, %v", want, account, err)
	}
	b := n.mine(t, rich)
	n.mine(t, rich)
	s = stateOf(t, c, better)
	if want := (client.TxIncluded{Block: b.Hash, Height: 2, Index: 0, Confirmations: 2}); s.State != client.StateIncluded || *s.Included != want {
		t.Errorf("want %+v, got %+v", want, s)
	}
	if account, err := c.Account(t.Context(), someone); err != nil || account.Balance != 7 || account.NextNonce != 0 {
		t.Errorf("got %+v, %v", account, err)
	}
}

func TestPoolIsListedAsItWouldBeMined(t *testing.T) {
	n := newNode(t)
	_, rich := keyOf(1)
	n.mine(t, rich)
	_, c := serve(t, n)
	slow := n.add(t, n.sign(2, chain.Transaction{Data: "without fee"}))
	fast := n.add(t, n.sign(1, chain.Transaction{Data: "with a fee", Fee: 40}))
	for limit, want := range [][]chain.Hash{{}, {fast.ID()}, {fast.ID(), slow.ID()}, {fast.ID(), slow.ID()}} {
		p, err := c.Pool(t.Context(), limit, 400)
		if err != nil {
			t.Fatal(err)
		}
		if p.Count != 2 || p.Bytes != uint64(len(slow.Raw())+len(fast.Raw())) || p.MinFee != 0 || len(p.Transactions) != len(want) {
			t.Fatalf("limit %d: got %+v", limit, p)
		}
		for i, e := range p.Transactions {
			if e.ID != want[i] || e.Waiting || e.Seen.IsZero() || e.Source.Via != chain.ViaAPI {
				t.Errorf("limit %d: want %s, got %+v", limit, want[i], e)
			}
		}
	}
	if _, err := c.Pool(t.Context(), 1001, 0); err == nil {
		t.Error("more than 1000 were listed")
	}
}

// TestReceiptVerifiesAndEachChangedByteFails: by the node's own word, which
// adds only whether the tip is on its chain.
func TestReceiptVerifiesAndEachChangedByteFails(t *testing.T) {
	n := newNode(t)
	tx := n.add(t, n.sign(1, chain.Transaction{Data: "a record"}))
	n.mine(t, someone)
	url, c := serve(t, n)
	path := url + "/v1/transactions/" + tx.ID().String() + "/receipt"
	resp, body := call(t, "GET", path)
	wantProblem(t, resp, body, http.StatusConflict, "with the next one")
	parent := n.ledger.Tip()
	n.mine(t, someone)

	resp, raw := call(t, "GET", path)
	etag := `"` + tx.ID().String() + "-" + n.ledger.Tip().Tip.Hash.String() + `"`
	if resp.StatusCode != http.StatusOK || resp.Header.Get("Etag") != etag || resp.Header.Get("Cache-Control") != "no-cache" {
		t.Fatalf("got %s, %v", resp.Status, resp.Header)
	}
	if resp, body = call(t, "GET", path, "If-None-Match: "+etag); resp.StatusCode != http.StatusNotModified || len(body) > 0 {
		t.Errorf("want 304 for a receipt that the asker has, got %s", resp.Status)
	}
	tip := n.ledger.Tip().Tip
	receipt, err := c.Receipt(t.Context(), tx.ID())
	if err != nil || !bytes.Equal(receipt.Canonical(), raw) {
		t.Fatalf("the client got %+v, %v", receipt, err)
	}
	v, err := c.VerifyReceipt(t.Context(), raw)
	if err != nil || !v.OnBestChain || v.Transaction != tx.ID() || v.Height != 1 || v.Tip != tip.Cursor() || v.Proved == "" || v.Trusted == "" {
		t.Fatalf("got %+v, %v", v, err)
	}
	n.grow(t, parent, "another branch", 2) // the tip of the receipt is left
	if v, err = c.VerifyReceipt(t.Context(), raw); err != nil || v.OnBestChain {
		t.Errorf("want a receipt that holds, of a branch that was left; got %+v, %v", v, err)
	}

	s, err := api.New(n, api.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range raw {
		changed := bytes.Clone(raw)
		changed[i] ^= 1
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/v1/receipts/verify", bytes.NewReader(changed))
		r.Host = "localhost"
		r.Header.Set("Content-Type", "application/json")
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		var p client.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != http.StatusUnprocessableEntity || p.Rule == "" || p.Want == "" {
			t.Fatalf("byte %d changed: %d %s", i, w.Code, w.Body)
		}
	}
}

// TestWaitingEndsWithTheConfirmations: a block is mined at each step of progress.
func TestWaitingEndsWithTheConfirmations(t *testing.T) {
	n := newNode(t)
	_, c := serve(t, n)
	tx := n.add(t, n.sign(1, chain.Transaction{Data: "a record"}))
	var steps []uint64
	s, err := c.WaitFor(t.Context(), tx.ID(), 3, func(s *client.TxStatus) {
		have := uint64(0)
		if s.Included != nil {
			have = s.Included.Confirmations
		}
		if len(steps) == 0 || steps[len(steps)-1] != have {
			steps = append(steps, have)
			n.mine(t, someone)
		}
	})
	if err != nil || s.State != client.StateIncluded || s.Included.Confirmations < 3 {
		t.Fatalf("got %+v, %v", s, err)
	}
	if len(steps) < 3 || steps[0] != 0 {
		t.Errorf("want progress from 0 on, got %v", steps)
	}
}

// TestWaitingForWhatWasReplacedEnds: at once, with no block to tell of it,
// whether it comes between the questions or while they wait for news.
func TestWaitingForWhatWasReplacedEnds(t *testing.T) {
	for question := range 2 {
		n := newNode(t)
		_, rich := keyOf(1)
		n.mine(t, rich)
		_, c := serve(t, n)
		old := n.add(t, n.sign(1, chain.Transaction{Fee: 1}))
		next := n.sign(1, chain.Transaction{Fee: 5})
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		asked := 0
		_, err := c.WaitFor(ctx, old.ID(), 1, func(*client.TxStatus) {
			if asked == question {
				n.add(t, next)
			}
			asked++
		})
		var lost *client.LostError
		if !errors.As(err, &lost) || lost.Status.State != client.StateReplaced || lost.Status.ReplacedBy != next.ID() || !strings.HasSuffix(err.Error(), "send this one anew") {
			t.Errorf("replaced after question %d: got %v", question, err)
		}
	}
}
