package api_test

import (
	"net/http"
	"testing"

	"github.com/lp2pnode/lp2pnode/api/client"
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

// names returns the checks that hold and have a word on it.
func names(h *client.Health) map[string]bool {
	names := map[string]bool{}
	for _, check := range h.Checks {
		names[check.Name] = check.OK && check.Detail != ""
	}
	return names
}

func TestReadinessNamesEachCheck(t *testing.T) {
	url, c := serve(t, newNode(t))
	health, err := c.Ready(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	good := names(health)
	for _, name := range []string{"peers", "tip", "sync", "disk", "clock", "store"} {
		if !good[name] {
			t.Errorf("want a good %s with a word on it, got %+v", name, health.Checks)
		}
	}
	if resp, _ := call(t, http.MethodGet, url+"/readyz"); !health.OK || resp.StatusCode != http.StatusOK {
		t.Errorf("want a node fit for use, got %s %+v", resp.Status, health)
	}
}

// TestUnfitNodeSaysWhichPartAndLives: what is not ready goes by name, and the
// probe of the node's life does not fail for it, lest it be restarted in vain.
func TestUnfitNodeSaysWhichPartAndLives(t *testing.T) {
	url, c := serve(t, newNode(t, "/ip4/127.0.0.1/tcp/1")) // where nobody is
	health, err := c.Ready(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if good := names(health); health.OK || good["peers"] || !good["store"] {
		t.Errorf("want a node that misses its peers, got %+v", health)
	}
	for path, want := range map[string]int{"/readyz": http.StatusServiceUnavailable, "/livez": http.StatusOK} {
		if resp, body := call(t, http.MethodGet, url+path); resp.StatusCode != want {
			t.Errorf("%s: want %d, got %s %s", path, want, resp.Status, body)
		}
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
