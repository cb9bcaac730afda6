package main_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/multiformats/go-multiaddr"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/ledger"
	"github.com/lp2pnode/lp2pnode/node"
	"github.com/lp2pnode/lp2pnode/p2p"
)

// BenchmarkTip measures from the submission of a block at one node, whose
// transactions all know, to its adoption by the last of the others: real
// sockets, real disks, one sync each. Beside it, in turns, goes raw GossipSub
// with the same bytes between as many bare hosts, and what one node takes to
// judge the block and make it durable: once, as if each node had a machine of
// its own, and so often as all nodes do it on each processor here.
func BenchmarkTip(b *testing.B) {
	for _, c := range []struct {
		name         string
		nodes, count int
		rounds       int
	}{
		{"nodes=2/empty", 2, 0, 40},
		{"nodes=2/transfers=1000", 2, 1000, 20},
		{"nodes=10/empty", 10, 0, 20},
		{"nodes=10/transfers=1000", 10, 1000, 10},
	} {
		b.Run(c.name, func(b *testing.B) {
			w := newWorkload(b, 1000, c.count)
			nodes := cluster(b, w, c.nodes)
			raw := newGossipers(b, c.nodes)
			alone := w.open(b)
			var last, plain, judge []time.Duration
			syncs := syncsOf(b, nodes[1])
			for b.Loop() {
				for range c.rounds {
					txs := w.transactions(c.count)
					for _, n := range nodes {
						w.know(b, n.Ledger(), txs)
					}
					w.know(b, alone, txs)
					block := w.next(txs)
					last = append(last, adopt(b, nodes, block))
					plain = append(plain, raw.send(b, block.Raw()))
					judge = append(judge, w.judge(b, alone, block))
				}
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(float64(syncsOf(b, nodes[1])-syncs)/float64(len(last)), "syncs")
			b.ReportMetric(median(last), "p50-ms")
			b.ReportMetric(median(plain), "gossip-ms")
			b.ReportMetric(median(judge), "judge-ms")
			b.ReportMetric(median(last)/(median(plain)+median(judge)), "of-gossip")
			// Where all nodes share a machine, none is done before the processors are.
			each := max(1, float64(c.nodes)/float64(runtime.GOMAXPROCS(0)))
			b.ReportMetric(median(last)/(median(plain)+each*median(judge)), "of-shared")
		})
	}
}

// syncsOf returns how often a node's store was synced.
func syncsOf(b *testing.B, n *node.Node) uint64 {
	b.Helper()
	families, err := n.Metrics().Gather()
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "lp2pnode_store_sync_seconds" {
			return f.GetMetric()[0].GetHistogram().GetSampleCount()
		}
	}
	b.Fatal("no syncs among the metrics")
	return 0
}

// median returns it in milliseconds.
func median(all []time.Duration) float64 {
	slices.Sort(all)
	return all[len(all)/2].Seconds() * 1000
}

// cluster runs nodes that are all connected with each other.
func cluster(b *testing.B, w *workload, count int) []*node.Node {
	b.Helper()
	var nodes []*node.Node
	for i := range count {
		cfg := node.DefaultConfig()
		cfg.DataDir, cfg.Params = b.TempDir(), w.rules.Params
		cfg.Listen = []string{"/ip4/127.0.0.1/tcp/0"}
		cfg.MDNS, cfg.Mine = false, false
		for _, other := range nodes {
			cfg.Bootstrap = append(cfg.Bootstrap, other.Addrs()...)
		}
		n, err := node.Open(cfg)
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- n.Run(ctx) }()
		b.Cleanup(func() {
			cancel()
			if err := <-done; err != nil {
				b.Errorf("node %d: %v", i, err)
			}
			if err := n.Close(); err != nil {
				b.Errorf("node %d: %v", i, err)
			}
		})
		<-n.Ready()
		nodes = append(nodes, n)
	}
	for _, n := range nodes {
		for len(n.Network().Met()) < count-1 || len(n.Network().Mesh()) == 0 {
			select {
			case <-n.Network().Changed():
			case <-time.After(10 * time.Millisecond): // the mesh tells nobody
			}
		}
	}
	return nodes
}

// know puts transactions into a pool.
func (w *workload) know(b *testing.B, l *ledger.Ledger, txs []*chain.Transaction) {
	b.Helper()
	for _, tx := range txs {
		own := chain.NewTransaction(*tx)
		if err := w.rules.VerifyTransactions([]*chain.Transaction{own}); err != nil {
			b.Fatal(err)
		}
		if err := l.AddTransaction(chain.Source{Via: chain.ViaSync}, own); err != nil {
			b.Fatal(err)
		}
	}
}

// adopt submits a block at the first node and returns how long the last of the
// others took to have it.
func adopt(b *testing.B, nodes []*node.Node, block *chain.Block) time.Duration {
	b.Helper()
	var wait sync.WaitGroup
	begin := time.Now()
	for _, n := range nodes[1:] {
		wait.Go(func() {
			for {
				changed := n.Ledger().Changed()
				if n.Ledger().Tip().Tip.Hash == block.Hash {
					return
				}
				<-changed
			}
		})
	}
	if err := nodes[0].SubmitBlock(b.Context(), block); err != nil {
		b.Fatal(err)
	}
	wait.Wait()
	return time.Since(begin)
}

// judge returns what a ledger takes to decode and adopt a block.
func (w *workload) judge(b *testing.B, l *ledger.Ledger, block *chain.Block) time.Duration {
	b.Helper()
	begin := time.Now()
	own, err := l.DecodeBlock(block.Raw())
	if err != nil {
		b.Fatal(err)
	}
	if _, err := l.AddBlocks(chain.Source{Via: chain.ViaMiner}, own); err != nil {
		b.Fatal(err)
	}
	return time.Since(begin)
}

// gossipers are bare hosts with GossipSub as the node sets it up, all connected
// with each other.
type gossipers struct {
	topic *pubsub.Topic
	got   chan struct{}
	count int
}

func newGossipers(b *testing.B, count int) *gossipers {
	b.Helper()
	g := &gossipers{got: make(chan struct{}, count), count: count}
	var hosts []host.Host
	var topics []*pubsub.Topic
	for range count {
		key, _, err := crypto.GenerateEd25519Key(rand.Reader)
		if err != nil {
			b.Fatal(err)
		}
		h, err := p2p.NewHost(p2p.HostConfig{Key: key, Agent: "raw"})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = h.Close() })
		loopback := p2p.Address{Addr: multiaddr.StringCast("/ip4/127.0.0.1/tcp/0"), Named: true}
		if err := p2p.Listen(h, []p2p.Address{loopback}, slog.New(slog.DiscardHandler)); err != nil {
			b.Fatal(err)
		}
		ps, err := pubsub.NewGossipSub(b.Context(), h,
			pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign), pubsub.WithNoAuthor(),
			pubsub.WithMessageIdFn(func(m *pb.Message) string {
				id := sha256.Sum256(m.GetData())
				return string(id[:])
			}),
			pubsub.WithMaxMessageSize(2<<20), pubsub.WithFloodPublish(true))
		if err != nil {
			b.Fatal(err)
		}
		topic, err := ps.Join("raw")
		if err != nil {
			b.Fatal(err)
		}
		sub, err := topic.Subscribe()
		if err != nil {
			b.Fatal(err)
		}
		go func() {
			for {
				m, err := sub.Next(b.Context())
				if err != nil {
					return
				}
				if m.ReceivedFrom != h.ID() {
					g.got <- struct{}{}
				}
			}
		}()
		for _, other := range hosts {
			if err := h.Connect(b.Context(), peer.AddrInfo{ID: other.ID(), Addrs: other.Addrs()}); err != nil {
				b.Fatal(err)
			}
		}
		hosts, topics = append(hosts, h), append(topics, topic)
	}
	g.topic = topics[0]
	for _, topic := range topics {
		for len(topic.ListPeers()) < count-1 {
			<-time.After(10 * time.Millisecond) // nobody tells
		}
	}
	return g
}

// send returns how long the last of the others took to have raw.
func (g *gossipers) send(b *testing.B, raw []byte) time.Duration {
	b.Helper()
	begin := time.Now()
	if err := g.topic.Publish(b.Context(), raw); err != nil {
		b.Fatal(err)
	}
	for range g.count - 1 {
		select {
		case <-g.got:
		case <-time.After(time.Minute):
			b.Fatal("raw GossipSub lost a message")
		}
	}
	return time.Since(begin)
}

// BenchmarkTemplate makes a template of 1,000 transactions from a pool of
// 50,000 on the shipped ledger: chosen, summed up, encoded.
func BenchmarkTemplate(b *testing.B) {
	const senders, each = 1000, 50
	w := newWorkload(b, 1000, senders, func(p *chain.Params) {
		p.MaxBlockBytes = 1000 * 372 // room for little more than 1,000 transfers
	})
	l := w.open(b)
	for range each {
		w.know(b, l, w.transactions(senders))
	}
	var took []time.Duration
	var count int
	for b.Loop() {
		for range 20 {
			begin := time.Now()
			block, _, err := l.Template(w.payees[0], "")
			if err != nil {
				b.Fatal(err)
			}
			took, count = append(took, time.Since(begin)), len(block.Transactions)
		}
	}
	b.ReportMetric(0, "ns/op")
	if pool := l.Pool(0).Count; pool != senders*each {
		b.Fatal(fmt.Sprint(pool, " in the pool"))
	}
	b.ReportMetric(median(took), "p50-ms")
	b.ReportMetric(float64(count), "transactions")
}
