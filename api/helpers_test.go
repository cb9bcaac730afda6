package api_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lp2pnode/lp2pnode/api"
	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/ledger"
	"github.com/lp2pnode/lp2pnode/node"
)

const someone = chain.Address("12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN")

// testNode is an open node, in memory, with a chain that costs almost nothing.
// It does not listen, look for peers or mine.
type testNode struct {
	*node.Node
	ledger *ledger.Ledger
}

func newNode(t testing.TB) *testNode {
	t.Helper()
	cfg := node.DefaultConfig()
	cfg.Agent = "test/1"
	cfg.Listen, cfg.MDNS, cfg.Mine = []string{"/ip4/127.0.0.1/tcp/0"}, false, false
	cfg.Params = chain.Params{
		BlockIntervalMS:   1000,
		ChainID:           "toy",
		Consensus:         "pow",
		InitialDifficulty: 2,
		MaxBlockBytes:     1 << 20,
		MaxDataBytes:      1 << 10,
		Reward:            50,
		Timestamp:         1_700_000_000_000,
	}
	n, err := node.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return &testNode{Node: n, ledger: n.Ledger()}
}

// grow puts n blocks on parent and into the ledger, and returns the last state.
func (n *testNode) grow(t testing.TB, parent chain.State, note string, count int) []chain.State {
	t.Helper()
	states := []chain.State{parent}
	for range count {
		h := parent.Child(someone, note, parent.Tip.Timestamp+1000)
		for h.Hash = h.ComputeHash(); n.Rules().Engine.Sealed(&h) != nil; h.Hash = h.ComputeHash() {
			h.Nonce++
		}
		src := chain.Source{Via: chain.ViaSync, Peer: string(someone)}
		if _, err := n.ledger.AddBlocks(src, chain.NewBlock(h, nil)); err != nil {
			t.Fatal(err)
		}
		parent = parent.Extend(&h)
		states = append(states, parent)
	}
	return states
}

// serve returns the API of a node on a socket, and a client of it.
func serve(t testing.TB, n api.Node) (string, *client.Client) {
	t.Helper()
	s, err := api.New(n, api.Config{})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return server.URL, client.New(server.URL)
}

// call sends a request with header lines and returns the answer and its body.
func call(t testing.TB, method, url string, lines ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		if name == "Host" {
			req.Host = value
		}
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

// wantProblem fails unless an answer is a problem with a status and words.
func wantProblem(t *testing.T, resp *http.Response, body []byte, status int, words string) {
	t.Helper()
	var p client.Problem
	if err := json.Unmarshal(body, &p); err != nil {
		t.Fatalf("%s: not a problem: %.200q", resp.Status, body)
	}
	switch {
	case resp.StatusCode != status || p.Status != status:
		t.Errorf("want status %d, got %d, in the problem %d", status, resp.StatusCode, p.Status)
	case resp.Header.Get("Content-Type") != "application/problem+json":
		t.Errorf("want a problem, got %s", resp.Header.Get("Content-Type"))
	case p.Title != http.StatusText(status):
		t.Errorf("want title %q, got %q", http.StatusText(status), p.Title)
	case !strings.Contains(p.Detail, words):
		t.Errorf("want a detail with %q, got %q", words, p.Detail)
	case strings.Contains(p.Detail, "\n"):
		t.Errorf("want one line, got %q", p.Detail)
	}
}
