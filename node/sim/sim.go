package sim

import (
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/pow"
)

// Config says what nodes there are, and on what network. Functions take a
// node's number, from 0.
type Config struct {
	Nodes int
	Seed  uint64       // of keys, places, bootstrap lists, luck in mining and loss
	Dials int          // entries of each node's bootstrap list; 0 is 8
	Chain chain.Params // its zero value is ToyChain of all hash power at once

	Latencies Latencies                 // nil is FiveRegions
	Bandwidth func(i int) Bandwidth     // nil is 50 Mbit/s both ways
	Loss      float64                   // share of TCP segments lost
	HashPower func(i int) float64       // hashes a second; 0 does not mine; nil is nobody
	Clock     func(i int) time.Duration // what the node's clock is ahead; nil is right

	// Bad peers come on top of the nodes: they are in their bootstrap lists, and
	// dial them. The nodes then count resources as they do out there.
	Bad  int
	Does Behaviour // of every bad peer

	// Lean nodes take less memory: nobody follows their changes, so that
	// CheckAll cannot compare those, and they cannot Crash.
	Lean bool

	Log slog.Level // what is passed on to the test's log; 0 is nothing but errors
}

const defaultDials = 8

// DSL50 is the bandwidth that nodes have by default.
func DSL50(int) Bandwidth { return Bandwidth{Up: 50e6, Down: 50e6} }

// Same gives every node the same hash power.
func Same(perSecond float64) func(int) float64 { return func(int) float64 { return perSecond } }

// ToyChain returns a chain that begins now with blocks every ten seconds for
// miners of that many hashes per second together.
func ToyChain(perSecond float64) chain.Params {
	const interval = 10
	return chain.Params{
		Allocations:       map[chain.Address]uint64{},
		BlockIntervalMS:   interval * 1000,
		ChainID:           "sim",
		Consensus:         "pow",
		InitialDifficulty: uint64(max(1, perSecond*interval)),
		MaxBlockBytes:     200_000,
		MaxDataBytes:      100_000,
		RetargetWindow:    45,
		Reward:            50,
		Timestamp:         uint64(time.Now().UnixMilli()),
	}
}

// Sim is a network of nodes in one synctest bubble. Its methods are called by
// the test's goroutine only; failures end the test.
type Sim struct {
	t   testing.TB
	cfg Config
	log *events
	rng *rand.Rand

	rules *chain.Rules

	Net   *Network
	Nodes []*Node
	Bad   []*Bad
}

// New makes a network of running nodes. It must be called in a synctest
// bubble; everything is stopped when the test ends.
func New(t testing.TB, cfg Config) *Sim {
	t.Helper()
	fill(&cfg)
	s := &Sim{
		t: t, cfg: cfg, Net: NewNetwork(cfg.Latencies, cfg.Seed),
		rng: rand.New(rand.NewPCG(cfg.Seed, 3)),
		log: newEvents(cfg.Log, func(line string) { t.Log(line) }),
	}
	s.Net.SetLoss(cfg.Loss)
	var err error
	if s.rules, err = chain.NewRules(cfg.Chain, pow.Engine{}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.close)
	for i := range cfg.Nodes {
		s.place(i)
	}
	for range cfg.Bad {
		s.placeBad(cfg.Does)
	}
	for i, n := range s.Nodes {
		n.entries = s.entriesFor(i, len(s.Nodes))
	}
	s.start(s.Nodes...)
	s.startBad(s.Bad...)
	return s
}

func fill(cfg *Config) {
	if cfg.Dials == 0 {
		cfg.Dials = defaultDials
	}
	if cfg.Latencies == nil {
		cfg.Latencies = FiveRegions()
	}
	if cfg.Bandwidth == nil {
		cfg.Bandwidth = DSL50
	}
	if cfg.HashPower == nil {
		cfg.HashPower = Same(0)
	}
	if cfg.Clock == nil {
		cfg.Clock = func(int) time.Duration { return 0 }
	}
	if cfg.Log == 0 {
		cfg.Log = slog.LevelError
	}
	if cfg.Chain.Consensus == "" {
		total := 0.0
		for i := range cfg.Nodes {
			total += cfg.HashPower(i)
		}
		cfg.Chain = ToyChain(total)
	}
}

// place puts a node's machine on the network, with an empty disk.
func (s *Sim) place(i int) *Node {
	s.t.Helper()
	m, err := s.Net.AddMachine(Region(s.rng.IntN(len(s.cfg.Latencies))), s.cfg.Bandwidth(i))
	if err != nil {
		s.t.Fatal(err)
	}
	n, err := newNode(s, i, m)
	if err != nil {
		s.t.Fatal(err)
	}
	s.Nodes = append(s.Nodes, n)
	return n
}

// entriesFor draws a node's bootstrap list: others among the first of nodes,
// one of which comes before it, so that the graph hangs together, and bad peers.
func (s *Sim) entriesFor(i, nodes int) []string {
	var entries []string
	all := nodes + len(s.Bad)
	if s.cfg.Does.Besieges {
		all = nodes
	}
	taken := map[int]bool{i: true}
	add := func(j int) {
		switch {
		case taken[j]:
			return
		case j < nodes:
			entries = append(entries, s.Nodes[j].Addr())
		default:
			entries = append(entries, s.Bad[j-nodes].Addr())
		}
		taken[j] = true
	}
	if i > 0 {
		add(s.rng.IntN(i))
	}
	for len(entries) < min(s.cfg.Dials, all-1) {
		add(s.rng.IntN(all))
	}
	return entries
}

// entriesForBad draws a bad peer's bootstrap list among the nodes.
func (s *Sim) entriesForBad() []string {
	if s.cfg.Does.Besieges {
		return []string{s.Nodes[0].Addr()}
	}
	var entries []string
	for _, i := range s.rng.Perm(len(s.Nodes))[:min(s.cfg.Dials, len(s.Nodes))] {
		entries = append(entries, s.Nodes[i].Addr())
	}
	return entries
}

// start opens nodes, lets their hosts settle, and runs them.
func (s *Sim) start(nodes ...*Node) {
	s.t.Helper()
	for _, n := range nodes {
		if err := n.open(); err != nil {
			s.t.Fatalf("open %s: %v", n, err)
		}
	}
	synctest.Wait() // libp2p's identify subscribes in goroutines of its own
	for _, n := range nodes {
		n.run()
	}
}

// startBad opens bad peers, lets their hosts settle, and runs them.
func (s *Sim) startBad(peers ...*Bad) {
	s.t.Helper()
	for _, b := range peers {
		b.entries = s.entriesForBad()
		if err := b.open(); err != nil {
			s.t.Fatalf("open %s: %v", b, err)
		}
	}
	synctest.Wait()
	for _, b := range peers {
		b.run()
	}
}

// close stops all nodes at once.
func (s *Sim) close() {
	var all sync.WaitGroup
	for _, b := range s.Bad {
		if b.cancel != nil {
			b.cancel()
			all.Go(func() {
				if err := b.stop(); err != nil {
					s.t.Errorf("%s: %v", b, err)
				}
			})
		}
	}
	for _, n := range s.Nodes {
		if n.running() {
			n.cancel()
		}
	}
	for _, n := range s.Nodes {
		if n.running() {
			all.Go(func() {
				if err := n.stop(); err != nil {
					s.t.Errorf("%s: %v", n, err)
				}
			})
		}
	}
	all.Wait()
	synctest.Wait()
}

func (s *Sim) logf(format string, args ...any) {
	s.t.Helper()
	s.t.Logf("%9.1fs %s", time.Since(s.Net.epoch).Seconds(), fmt.Sprintf(format, args...))
}
