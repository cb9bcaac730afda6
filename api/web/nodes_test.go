package web_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/api"
	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/node"
)

// liveNode is a node on loopback, with its API. It mines when told to.
type liveNode struct {
	*node.Node
	t   testing.TB
	url string
	run func() // starts it, if it does not run

	api  *httptest.Server
	down atomic.Bool // its API answers nobody
}

// params are of a chain whose blocks cost almost nothing.
func params() chain.Params {
	_, alice := keyOf(1)
	_, bob := keyOf(2)
	return chain.Params{
		Allocations:       map[chain.Address]uint64{alice: 100_000, bob: 5_000},
		BlockIntervalMS:   10_000,
		ChainID:           "class-of-26",
		Consensus:         "pow",
		InitialDifficulty: 3000,
		MaxBlockBytes:     200_000,
		MaxDataBytes:      4096,
		Reward:            50,
		RetargetWindow:    45,
		Timestamp:         uint64(time.Now().Add(-2 * time.Hour).UnixMilli()),
	}
}

// newNode opens a node that knows others by their addresses.
func newNode(t testing.TB, p chain.Params, agent string, others ...*liveNode) *liveNode {
	t.Helper()
	cfg := node.DefaultConfig()
	cfg.Params, cfg.Agent = p, agent
	cfg.Listen, cfg.MDNS, cfg.Mine = []string{"/ip4/127.0.0.1/tcp/0"}, false, false
	for _, o := range others {
		cfg.Bootstrap = append(cfg.Bootstrap, o.Addrs()[0])
	}
	n, err := node.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	s, err := api.New(n, api.Config{})
	if err != nil {
		t.Fatal(err)
	}
	l := &liveNode{Node: n, t: t}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if l.down.Load() {
			panic(http.ErrAbortHandler)
		}
		s.ServeHTTP(w, r)
	}))
	l.api, l.url = server, server.URL
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	started := false
	l.run = sync.OnceFunc(func() {
		started = true
		go func() { done <- n.Run(ctx) }()
		<-n.Ready()
	})
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
		cancel()
		if !started {
			done <- nil
		}
		if err := errors.Join(<-done, n.Close()); err != nil {
			t.Error(err)
		}
	})
	return l
}

// cluster returns running nodes, each of which knows the first.
func cluster(t testing.TB, p chain.Params, agents ...string) []*liveNode {
	t.Helper()
	var all []*liveNode
	for _, agent := range agents {
		n := newNode(t, p, agent, all...)
		n.run()
		all = append(all, n)
	}
	for _, n := range all {
		n.until("it has met the others", func() bool { return len(n.Network().Met()) == len(all)-1 })
	}
	return all
}

// until awaits a condition of a node.
func (n *liveNode) until(what string, ok func() bool) {
	n.t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			n.t.Fatalf("in vain for %s: %s", patience, what)
		}
	}
}

// mine puts blocks with what the pool has on the tip and publishes them.
func (n *liveNode) mine(seed byte, note string, count int) *chain.Block {
	n.t.Helper()
	_, miner := keyOf(seed)
	var last *chain.Block
	for range count {
		b, _, err := n.Ledger().Template(miner, note)
		if err != nil {
			n.t.Fatal(err)
		}
		last = n.seal(b.Header, b.Transactions)
		if err := n.SubmitBlock(n.t.Context(), last); err != nil {
			n.t.Fatal(err)
		}
	}
	return last
}

// fill gives a node a history: blocks with timestamps of their own.
func (n *liveNode) fill(count int, step func(i int) (ms uint64)) {
	n.t.Helper()
	_, miner := keyOf(3)
	state := n.Ledger().Tip()
	var batch []*chain.Block
	for i := range count {
		h := state.Child(miner, "", state.Tip.Timestamp+step(i))
		b := n.seal(h, nil)
		state = state.Extend(&b.Header)
		if batch = append(batch, b); len(batch) == 500 || i == count-1 {
			if _, err := n.Ledger().AddBlocks(chain.Source{Via: chain.ViaMiner}, batch...); err != nil {
				n.t.Fatal(err)
			}
			batch = nil
		}
	}
}

func (n *liveNode) seal(h chain.Header, txs []*chain.Transaction) *chain.Block {
	for h.Hash = h.ComputeHash(); n.Rules().Engine.Sealed(&h) != nil; h.Hash = h.ComputeHash() {
		h.Nonce++
	}
	return chain.NewBlock(h, txs)
}

// follow waits until the nodes are on one tip.
func follow(tip *chain.Block, nodes ...*liveNode) {
	for _, n := range nodes {
		n.t.Helper()
		n.until("block "+tip.Hash.Short()+" is its tip", func() bool { return n.Ledger().Tip().Tip.Hash == tip.Hash })
	}
}

// send signs a transaction with one of the keys and hands it in.
func (n *liveNode) send(seed byte, tx chain.Transaction) *chain.Transaction {
	n.t.Helper()
	key, from := keyOf(seed)
	account, err := n.Ledger().Account(from)
	if err != nil {
		n.t.Fatal(err)
	}
	tx.From, tx.Nonce = from, account.NextNonce
	tx.Signature = chain.Signature(ed25519.Sign(key, tx.SignedBytes(n.Rules().Genesis().Hash)))
	decoded, err := n.Rules().DecodeTransaction(chain.NewTransaction(tx).Raw())
	if err != nil {
		n.t.Fatal(err)
	}
	if err := n.SubmitTransaction(n.t.Context(), decoded); err != nil {
		n.t.Fatal(err)
	}
	return decoded
}

func keyOf(seed byte) (ed25519.PrivateKey, chain.Address) {
	key := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{seed}, ed25519.SeedSize))
	return key, chain.AddressOf(key.Public().(ed25519.PublicKey))
}

// record returns the data that record a file, as `record --file` does.
func record(name, sum string, size int) string {
	return strings.NewReplacer("NAME", name, "SUM", sum, "SIZE", itoa(size)).Replace(`{"name":"NAME","sha256":"SUM","size":SIZE}`)
}
