package p2p

import (
	"bytes"
	"context"
	"crypto/rand"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/lp2pnode/lp2pnode/chain"
)

// testNode is a host on loopback, a ledger, and the network between them.
type testNode struct {
	*Network
	*memory
	log *logs
}

// logs collect what a node logs.
type logs struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *logs) count(text string) int { return strings.Count(l.String(), text) }

// newTestHost listens on a free port of loopback.
func newTestHost(t testing.TB) host.Host { t.Helper(); return hostWith(t, nil) }

func hostWith(t testing.TB, bans *Bans) host.Host {
	t.Helper()
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	h, err := NewHost(HostConfig{Key: key, Agent: "test", Bans: bans})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.Close() })
	return h
}

// start runs a node over a memory; ledger is what the network sees of it, the
// memory itself if nil. prepare may change timings.
func start(t testing.TB, m *memory, ledger Ledger, prepare ...func(*Network)) *testNode {
	t.Helper()
	return startWith(t, NewBans(nil, nil, nil), m, ledger, prepare...)
}

// startWith is start with bans that were there before.
func startWith(t testing.TB, bans *Bans, m *memory, ledger Ledger, prepare ...func(*Network)) *testNode {
	t.Helper()
	if ledger == nil {
		ledger = m
	}
	h := hostWith(t, bans)
	out := &logs{}
	log := slog.New(slog.NewTextHandler(out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	n, err := New(h, ledger, Config{Rules: m.rules, Agent: "test/1", Bans: bans, Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	n.timing.status, n.timing.retry = time.Second, 100*time.Millisecond
	for _, f := range prepare {
		f(n)
	}
	loopback := Address{Addr: ma.StringCast("/ip4/127.0.0.1/tcp/0"), Named: true}
	if err := Listen(h, []Address{loopback}, log); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v", err)
		}
		if err := n.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		if t.Failed() {
			t.Logf("log of %s:\n%s", h.ID(), out)
		}
	})
	return &testNode{Network: n, memory: m, log: out}
}

func (a *testNode) info() peer.AddrInfo {
	return peer.AddrInfo{ID: a.host.ID(), Addrs: a.host.Addrs()}
}

// dial connects a to the others.
func (a *testNode) dial(t testing.TB, others ...*testNode) {
	t.Helper()
	for _, b := range others {
		if err := a.host.Connect(t.Context(), b.info()); err != nil {
			t.Fatal(err)
		}
	}
}

// dialUntil has a try to connect to b until a condition holds: one try may end on
// a connection that is just breaking off, or within libp2p's pause after a failure.
func (a *testNode) dialUntil(t testing.TB, b *testNode, what string, cond func() bool) {
	t.Helper()
	await(t, what, func() bool {
		_ = a.host.Connect(t.Context(), b.info()) // whether it did, cond says
		return cond()
	})
}

// await waits for a condition, for as long as a busy machine may need.
func await(t testing.TB, what string, cond func() bool) {
	t.Helper()
	deadline := time.Now().Add(time.Minute)
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !cond() {
		if time.Now().After(deadline) {
			t.Fatalf("never: %s", what)
		}
		<-tick.C
	}
}

func awaitTip(t testing.TB, a *testNode, want chain.Hash) {
	t.Helper()
	await(t, "the tip "+want.Short(), func() bool { return a.memory.Tip().Tip.Hash == want })
}

// awaitMesh waits until each sends the other its blocks at once.
func awaitMesh(t testing.TB, a, b *testNode) {
	t.Helper()
	sees := func(x, y *testNode) bool {
		return slices.Contains(x.Met(), y.host.ID()) && slices.Contains(x.Mesh(), y.host.ID())
	}
	await(t, "gossip between two", func() bool { return sees(a, b) && sees(b, a) })
}

// about returns what a knows of b, connected or not.
func (a *testNode) about(b *testNode) Peer {
	for _, p := range a.Peers() {
		if p.ID == b.host.ID() {
			return p
		}
	}
	return Peer{}
}
