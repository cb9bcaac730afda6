package api_test

import (
	"crypto/ed25519"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
)

func TestStatusSaysWhereTheNodeStands(t *testing.T) {
	n := newNode(t)
	states := n.grow(t, n.ledger.Tip(), "", 3)
	_, c := serve(t, n)
	s, err := c.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tip := states[3]
	switch {
	case s.ChainID != "toy" || s.Genesis != n.Rules().Genesis().Hash:
		t.Errorf("got chain %s, %s", s.ChainID, s.Genesis)
	case s.Height != 3 || s.Tip != tip.Tip.Hash || s.Work != tip.Work || s.TipTime != tip.Tip.Timestamp || s.Difficulty != 2:
		t.Errorf("want tip %+v, got %+v", tip.Tip, s)
	case s.PeerID != n.ID() || s.Agent != n.Agent() || !s.Started.Equal(n.Started()):
		t.Errorf("got %+v", s)
	case s.Mining || s.Hashrate != 0 || s.Peers != 0 || !s.Synced:
		t.Errorf("a node that is alone and does not mine says %+v", s)
	case s.Addresses == nil:
		t.Error("want an empty list of addresses, got null")
	}
}

func TestReadinessNamesEachCheck(t *testing.T) {
	_, c := serve(t, newNode(t))
	health, err := c.Ready(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	for _, check := range health.Checks {
		names[check.Name] = check.OK && check.Detail != ""
	}
	for _, name := range []string{"store", "sync", "clock"} {
		if !names[name] {
			t.Errorf("want a good %s with a word on it, got %+v", name, health.Checks)
		}
	}
	if !health.OK {
		t.Errorf("want a node fit for use, got %+v", health)
	}
}

// TestStatusCountsWhatWaits: a record without a fee is taken from anybody.
func TestStatusCountsWhatWaits(t *testing.T) {
	n := newNode(t)
	_, c := serve(t, n)
	for nonce := range uint64(2) {
		tx := record(t, n, nonce)
		if err := n.ledger.AddTransaction(chain.Source{Via: chain.ViaAPI}, tx); err != nil {
			t.Fatal(err)
		}
	}
	if s, err := c.Status(t.Context()); err != nil || s.Pool != 2 {
		t.Errorf("want 2 waiting, got %+v, %v", s, err)
	}
}

// record returns a signed transaction that carries data only.
func record(t *testing.T, n *testNode, nonce uint64) *chain.Transaction {
	t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	tx := chain.Transaction{Data: "a record", From: chain.AddressOf(key.Public().(ed25519.PublicKey)), Nonce: nonce}
	tx.Signature = chain.Signature(ed25519.Sign(key, tx.SignedBytes(n.Rules().Genesis().Hash)))
	raw := chain.NewTransaction(tx).Raw()
	signed, err := n.Rules().DecodeTransaction(raw)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}
