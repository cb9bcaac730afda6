package sim

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

// Spread says how blocks reached the nodes.
type Spread struct {
	Blocks, Nodes        int
	Bytes                int             // of the median block
	P50, P90, P99, Last  time.Duration   // from the making of a block to a node's accepting it
	Slowest              []time.Duration // per block, the last node's
	BySync, Missing      int             // arrivals by sync instead of gossip, and none at all
	Forked               int             // blocks that are not on the best chain
	DuplicatesPerArrival float64
	SentPerNode          float64 // bytes per node and block, all protocols
}

// counts is what grows while blocks spread.
type counts struct {
	duplicates, sent uint64
}

func (s *Sim) counts() counts {
	var c counts
	for _, n := range s.Running() {
		for _, m := range n.Network().Messages() {
			if m.Topic == "blocks" && m.Fate == "duplicate" {
				c.duplicates += m.N
			}
		}
		sent, _ := n.Machine.Traffic()
		c.sent += sent
	}
	return c
}

// Measure has blocks made and looks at how they spread.
func (s *Sim) Measure(count, bytes int, interval time.Duration) Spread {
	s.t.Helper()
	before := s.counts()
	blocks := s.MineForAWhile(count, bytes, interval)
	time.Sleep(interval)
	after := s.counts()
	sp, err := s.spread(blocks)
	if err != nil {
		s.t.Fatal(err)
	}
	arrivals := float64(len(blocks) * (sp.Nodes - 1))
	sp.DuplicatesPerArrival = float64(after.duplicates-before.duplicates) / arrivals
	sp.SentPerNode = float64(after.sent-before.sent) / float64(len(blocks)*sp.Nodes)
	return sp
}

func (s *Sim) spread(blocks []*chain.Block) (Spread, error) {
	nodes := s.Running()
	sp := Spread{Blocks: len(blocks), Nodes: len(nodes)}
	var took []time.Duration
	var sizes []int
	for _, b := range blocks {
		times, err := sp.arrivals(nodes, b)
		if err != nil {
			return sp, err
		}
		took = append(took, times...)
		if len(times) > 0 {
			sp.Slowest = append(sp.Slowest, slices.Max(times))
		}
		sizes = append(sizes, len(b.Raw()))
		on, err := nodes[0].Ledger().Store().HashAt(b.Height)
		if err != nil && !errors.Is(err, store.ErrNotFound) {
			return sp, fmt.Errorf("read height %d: %w", b.Height, err)
		}
		if on != b.Hash {
			sp.Forked++
		}
	}
	slices.Sort(took)
	slices.Sort(sizes)
	if len(took) == 0 {
		return sp, errors.New("no block arrived anywhere")
	}
	at := func(share float64) time.Duration { return took[int(share*float64(len(took)-1))] }
	sp.P50, sp.P90, sp.P99, sp.Last = at(.5), at(.9), at(.99), at(1)
	sp.Bytes = sizes[len(sizes)/2]
	return sp, nil
}

// arrivals returns how long a block took to each node but its maker.
func (sp *Spread) arrivals(nodes []*Node, b *chain.Block) ([]time.Duration, error) {
	var made time.Time
	var times []time.Time
	for _, n := range nodes {
		r, err := n.Ledger().Store().Record(b.Hash)
		switch {
		case errors.Is(err, store.ErrNotFound):
			sp.Missing++
			continue
		case err != nil:
			return nil, fmt.Errorf("%s: %w", n, err)
		case r.Source.Via == chain.ViaMiner:
			made = r.Seen
			continue
		case r.Source.Via == chain.ViaSync:
			sp.BySync++
		}
		times = append(times, r.Seen)
	}
	took := make([]time.Duration, len(times))
	for i, at := range times {
		took[i] = at.Sub(made)
	}
	return took, nil
}

// Table lays out measurements for people.
func Table(rows ...Spread) string {
	var b strings.Builder
	fmt.Fprintf(&b, "| %5s | %8s | %6s | %6s | %6s | %6s | %6s | %6s | %7s | %9s | %10s |\n",
		"nodes", "block", "blocks", "p50", "p90", "p99", "last", "forked", "by sync", "dup/block", "sent/block")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|\n")
	s := func(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }
	for _, r := range rows {
		fmt.Fprintf(&b, "| %5d | %5.0f kB | %6d | %s | %s | %s | %s | %6d | %7d | %9.2f | %7.0f kB |\n",
			r.Nodes, float64(r.Bytes)/1000, r.Blocks, s(r.P50), s(r.P90), s(r.P99), s(r.Last),
			r.Forked, r.BySync+r.Missing, r.DuplicatesPerArrival, r.SentPerNode/1000)
	}
	return b.String()
}

// PeakMemory returns the most memory that this process has had resident, in
// bytes; 0 where the system does not tell.
func PeakMemory() uint64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	for line := range strings.Lines(string(status)) {
		var kilobytes uint64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kilobytes); n == 1 {
			return kilobytes << 10
		}
	}
	return 0
}
