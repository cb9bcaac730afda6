package api_test

import (
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
		n.add(t, n.sign(1, chain.Transaction{Data: "a record", Nonce: nonce}))
	}
	if s, err := c.Status(t.Context()); err != nil || s.Pool != 2 {
		t.Errorf("want 2 waiting, got %+v, %v", s, err)
	}
}
