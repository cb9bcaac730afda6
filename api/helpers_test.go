package api_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
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

func newNode(t testing.TB, bootstrap ...string) *testNode { return newNodeIn(t, "", bootstrap...) }

// newNodeIn is newNode with a data directory; "" is memory.
func newNodeIn(t testing.TB, dir string, bootstrap ...string) *testNode {
	t.Helper()
	cfg := node.DefaultConfig()
	cfg.DataDir = dir
	cfg.Bootstrap = bootstrap
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

// start runs the node and returns how to stop it.
func (n *testNode) start(t testing.TB) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	<-n.Ready()
	return sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-done, n.Close()); err != nil {
			t.Error(err)
		}
	})
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

// mine puts a block with what the pool has on the tip, for a miner.
func (n *testNode) mine(t testing.TB, miner chain.Address) *chain.Block {
	t.Helper()
	b, _, err := n.ledger.Template(miner, "")
	if err != nil {
		t.Fatal(err)
	}
	for b.Hash = b.ComputeHash(); n.Rules().Engine.Sealed(&b.Header) != nil; b.Hash = b.ComputeHash() {
		b.Nonce++
	}
	sealed := chain.NewBlock(b.Header, b.Transactions)
	if err := n.SubmitBlock(t.Context(), sealed); err != nil {
		t.Fatal(err)
	}
	return sealed
}

// keyOf returns one of 256 keys, and its address.
func keyOf(seed byte) (ed25519.PrivateKey, chain.Address) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	return key, chain.AddressOf(key.Public().(ed25519.PublicKey))
}

// sign returns tx from one of the keys, signed for the node's chain.
func (n *testNode) sign(seed byte, tx chain.Transaction) *chain.Transaction {
	key, from := keyOf(seed)
	tx.From = from
	tx.Signature = chain.Signature(ed25519.Sign(key, tx.SignedBytes(n.Rules().Genesis().Hash)))
	return chain.NewTransaction(tx)
}

// add puts a transaction into the pool.
func (n *testNode) add(t testing.TB, tx *chain.Transaction) *chain.Transaction {
	t.Helper()
	decoded, err := n.Rules().DecodeTransaction(tx.Raw())
	if err != nil {
		t.Fatal(err)
	}
	if err := n.SubmitTransaction(t.Context(), decoded); err != nil {
		t.Fatal(err)
	}
	return decoded
}

// adminToken is what serve's APIs want for work on the node itself.
const adminToken = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

// serve returns the API of a node on a socket, and a client of it.
func serve(t testing.TB, n api.Node) (string, *client.Client) {
	t.Helper()
	s, err := api.New(n, api.Config{Token: adminToken})
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
	return send(t, method, url, nil, lines...)
}

// postJSON sends a body as the API wants it.
func postJSON(t testing.TB, url string, body []byte, lines ...string) (*http.Response, []byte) {
	t.Helper()
	return send(t, http.MethodPost, url, body, append([]string{"Content-Type: application/json"}, lines...)...)
}

func send(t testing.TB, method, url string, content []byte, lines ...string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(content))
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
