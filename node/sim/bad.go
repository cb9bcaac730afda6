package sim

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	"golang.org/x/sync/errgroup"

	"github.com/lp2pnode/lp2pnode/bootstrap"
	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/ledger"
	"github.com/lp2pnode/lp2pnode/chain/store"
	"github.com/lp2pnode/lp2pnode/node"
	"github.com/lp2pnode/lp2pnode/p2p"
)

// Behaviour is what a bad peer does otherwise than a node.
type Behaviour struct {
	Name string
	// Shows returns what the peer's network takes for its ledger; nil is the
	// real one.
	Shows func(*Bad) p2p.Ledger
	// Streams replaces protocols of the peer's host; nil replaces none.
	Streams func(*Bad)
	// Acts does what no node does, until ctx ends; nil is nothing.
	Acts func(ctx context.Context, b *Bad)
	// Besieges the first node: the peer dials nobody else, and is in nobody's
	// bootstrap list.
	Besieges bool
	// Up is the peer's bandwidth upwards, in bits per second; 0 is a node's.
	Up float64
}

// Bad is a peer that misbehaves: the shipped host, store, ledger, network and
// finder, put together as a node is, with one part of them changed. It does not
// mine of its own accord.
type Bad struct {
	Number  int // among the bad ones, from 0
	Machine *Machine

	does    Behaviour
	sim     *Sim
	id      peer.ID
	address chain.Address
	disk    *vfs.MemFS
	entries []string
	rng     *rand.Rand // of what Acts does

	host   host.Host
	net    *p2p.Network
	ledger *ledger.Ledger
	shown  p2p.Ledger
	finder *bootstrap.Finder
	free   []io.Closer // last first
	cancel context.CancelFunc
	done   chan error
	gone   chan struct{} // closed by stop
}

// placeBad puts a bad peer's machine on the network.
func (s *Sim) placeBad(does Behaviour) {
	s.t.Helper()
	width := DSL50(0)
	if does.Up > 0 {
		width.Up = does.Up
	}
	m, err := s.Net.AddMachine(Region(s.rng.IntN(len(s.cfg.Latencies))), width)
	if err != nil {
		s.t.Fatal(err)
	}
	b := &Bad{
		Number: len(s.Bad), Machine: m, does: does, sim: s, disk: vfs.NewMem(),
		rng: rand.New(rand.NewPCG(s.cfg.Seed, 4<<32+uint64(len(s.Bad)))),
	}
	key, id, err := identity(s.cfg.Seed, 1<<32+b.Number)
	if err == nil {
		var public []byte
		if public, err = key.GetPublic().Raw(); err == nil {
			b.id, b.address = id, chain.AddressOf(public)
			err = keepKey(b.disk, key)
		}
	}
	if err != nil {
		s.t.Fatal(err)
	}
	s.Bad = append(s.Bad, b)
}

// String names the peer in logs.
func (b *Bad) String() string { return fmt.Sprintf("bad peer %d", b.Number) }

// Addr is where others dial the peer.
func (b *Bad) Addr() string { return addrOf(b.Machine, b.id) }

// open puts the peer together as node.Open does.
func (b *Bad) open() error {
	rules := b.sim.rules
	lock, err := store.LockDir(dataDir, b.disk)
	if err != nil {
		return err
	}
	b.free = append(b.free, lock)
	st, err := store.Open(lock, rules, store.Options{CacheBytes: cacheBytes})
	if err != nil {
		return err
	}
	b.free = append(b.free, st)
	if b.ledger, err = ledger.Open(st, rules, ledger.Config{}); err != nil {
		return err
	}
	b.shown = b.ledger
	if b.does.Shows != nil {
		b.shown = b.does.Shows(b)
	}
	key, _, err := identity(b.sim.cfg.Seed, 1<<32+b.Number)
	if err != nil {
		return err
	}
	at := []ma.Multiaddr{b.listens()}
	if b.host, err = p2p.NewHost(p2p.HostConfig{Key: key, Agent: "lp2pnode", Listen: at, Options: b.sim.hostOptions(b.Machine)}); err != nil {
		return err
	}
	b.free = append(b.free, b.host)
	if b.net, err = p2p.New(b.host, b.shown, p2p.Config{Rules: rules, Agent: "lp2pnode"}); err != nil {
		return err
	}
	b.free = append(b.free, b.net)
	entries, err := bootstrap.ParseEntries(b.entries)
	if err != nil {
		return err
	}
	if b.finder, err = bootstrap.New(b.host, bootstrap.Config{Entries: entries, Network: b.net}); err != nil {
		return err
	}
	if b.does.Streams != nil {
		b.does.Streams(b)
	}
	return nil
}

func (b *Bad) listens() ma.Multiaddr {
	return ma.StringCast(fmt.Sprintf("/ip4/%s/tcp/%d", b.Machine.Addr(), node.DefaultPort))
}

// run runs the open peer until stop.
func (b *Bad) run() {
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel, b.done, b.gone = cancel, make(chan error, 1), make(chan struct{})
	go func() { b.done <- b.live(ctx) }()
}

func (b *Bad) live(ctx context.Context) error {
	if err := p2p.Listen(b.host, []p2p.Address{{Addr: b.listens(), Named: true}}, b.sim.log.of(b.String())); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return b.net.Run(ctx) })
	g.Go(func() error { return b.finder.Run(ctx) })
	if b.does.Acts != nil {
		g.Go(func() error {
			b.does.Acts(ctx, b)
			return nil
		})
	}
	if err := g.Wait(); !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// stop ends the peer.
func (b *Bad) stop() error {
	b.cancel()
	close(b.gone)
	err := <-b.done
	for len(b.free) > 0 {
		last := len(b.free) - 1
		err = errors.Join(err, b.free[last].Close())
		b.free = b.free[:last]
	}
	return err
}

// every calls f at a rate, for ever.
func every(ctx context.Context, period time.Duration, f func()) {
	for sleep(ctx, period) == nil {
		f()
	}
}
