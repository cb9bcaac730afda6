package node_test

import (
	"crypto/rand"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/lp2pnode/lp2pnode/node"
	"github.com/lp2pnode/lp2pnode/p2p"
)

// claimant is a host that claims a work in its status, and never answers
// anything else.
func claimant(t *testing.T, n *node.Node, work string) {
	t.Helper()
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	h, err := p2p.NewHost(p2p.HostConfig{Key: key, Agent: "claimant"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	genesis := n.Rules().Genesis().Hash
	h.SetStreamHandler("/lp2p/sync/1", func(network.Stream) {})
	h.SetStreamHandler("/lp2p/status/1", func(s network.Stream) {
		_, _ = fmt.Fprintf(s, `{"agent":"claimant","genesis":"%s","height":9,"time":%d,"tip":"%s","work":"%s"}`+"\n",
			genesis, time.Now().UnixMilli(), genesis, work)
		_ = s.Close()
	})
	connect(t, h, n)
}

func connect(t *testing.T, h host.Host, n *node.Node) {
	t.Helper()
	addr, err := multiaddr.NewMultiaddr(n.Addrs()[0])
	if err != nil {
		t.Fatal(err)
	}
	info, err := peer.AddrInfoFromP2pAddr(addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Connect(t.Context(), *info); err != nil {
		t.Fatal(err)
	}
}

func await(t *testing.T, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		<-tick.C
	}
}

func TestClaimOfMoreWorkWithoutHeadersDoesNotStopMining(t *testing.T) {
	cfg := node.DefaultConfig()
	cfg.Params = node.LANParams()
	cfg.Params.ChainID, cfg.Params.InitialDifficulty, cfg.Params.RetargetWindow = "gate", 2000, 0
	cfg.Params.Timestamp = uint64(time.Now().Add(-time.Hour).UnixMilli())
	cfg.MDNS, cfg.MaxHashrate = false, 100_000
	cfg.Listen = []string{"/ip4/127.0.0.1/tcp/0"}
	n := open(t, cfg)
	claimant(t, n, "0")
	height := func() uint64 { return n.Ledger().Tip().Tip.Height }
	await(t, "a block while nobody claims more", func() bool { return height() > 0 })
	claimant(t, n, "99999999999999999999")
	await(t, "the claim", func() bool { return n.Network().Sync().Behind })
	for want := height() + 5; height() < want; {
		if s := n.Network().Sync(); !s.Behind {
			t.Fatal("the claimant was found out before the test was over")
		}
		await(t, "a block", func() bool { return height() >= want || !n.Network().Sync().Behind })
	}
}

// TestNodeWithPeersConfiguredDoesNotMineBeforeItHasMetOne: unless it may mine
// alone, and then only by a clock that is about right.
func TestNodeWithPeersConfiguredDoesNotMineBeforeItHasMetOne(t *testing.T) {
	expecting := func(change func(*node.Config)) *node.Node {
		cfg := node.DefaultConfig()
		cfg.Params = node.LANParams()
		cfg.Params.ChainID, cfg.Params.InitialDifficulty, cfg.Params.RetargetWindow = "gate", 2000, 0
		cfg.Params.Timestamp = uint64(time.Now().Add(-time.Hour).UnixMilli())
		cfg.MDNS, cfg.MaxHashrate = false, 100_000
		cfg.Listen, cfg.Bootstrap = []string{"/ip4/127.0.0.1/tcp/0"}, []string{"/ip4/127.0.0.1/tcp/1"}
		change(&cfg)
		return open(t, cfg)
	}
	holds := func(n *node.Node, why string) {
		t.Helper()
		await(t, why, func() bool { return strings.Contains(n.Miner().State().Reason, why) })
		if at := height(n); at != 0 {
			t.Errorf("%s: it has mined up to height %d", why, at)
		}
	}
	n := expecting(func(*node.Config) {})
	holds(n, "waiting for a known peer")
	claimant(t, n, "0")
	grows(t, n)

	grows(t, expecting(func(cfg *node.Config) { cfg.MineAlone = true }))

	off := expecting(func(cfg *node.Config) {
		cfg.Now = func() time.Time {
			return time.Now().Add(time.Duration(cfg.Params.MaxAheadMS()+5000) * time.Millisecond)
		}
	})
	holds(off, "waiting for a known peer")
	claimant(t, off, "0")
	holds(off, "this clock is -3")
}

// open runs a node until the test ends.
func open(t *testing.T, cfg node.Config) *node.Node {
	t.Helper()
	n, err := node.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	ctx := t.Context()
	go func() { ended <- n.Run(ctx) }()
	t.Cleanup(func() { // t.Context has ended
		if err := <-ended; err != nil {
			t.Errorf("run: %v", err)
		}
		if err := n.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	select {
	case <-n.Ready():
	case err := <-ended:
		ended <- err
		t.Fatal("the node did not start")
	}
	return n
}
