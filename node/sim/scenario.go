package sim

import (
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lp2pnode/lp2pnode/chain"
)

// Partition lets nodes reach only those of their own group, given by numbers;
// who is in none is in one more.
func (s *Sim) Partition(groups ...[]int) {
	machines := make([][]*Machine, len(groups))
	for i, group := range groups {
		for _, j := range group {
			machines[i] = append(machines[i], s.Nodes[j].Machine)
		}
	}
	s.Net.Split(machines...)
}

// Heal ends a partition.
func (s *Sim) Heal() { s.Net.Unite() }

// Join adds a node with an empty disk, which dials nodes that run, and bad
// peers.
func (s *Sim) Join() *Node {
	s.t.Helper()
	var addrs []string
	for _, other := range s.Running() {
		addrs = append(addrs, other.Addr())
	}
	for _, b := range s.Bad {
		if !b.does.Besieges {
			addrs = append(addrs, b.Addr())
		}
	}
	n := s.place(len(s.Nodes))
	for _, i := range s.rng.Perm(len(addrs))[:min(len(addrs), s.cfg.Dials)] {
		n.entries = append(n.entries, addrs[i])
	}
	s.start(n)
	return n
}

// Leave stops a node as its user would, with goodbyes.
func (s *Sim) Leave(n *Node) {
	s.t.Helper()
	if err := n.stop(); err != nil {
		s.t.Errorf("%s: %v", n, err)
	}
}

// Crash cuts a node's power: nobody hears of it, and of its disk remains what
// was synced and some of the rest.
func (s *Sim) Crash(n *Node) {
	s.t.Helper()
	synctest.Wait()
	n.Machine.Off()
	disk := n.disk.CrashClone(vfs.CrashCloneCfg{})
	if err := n.stop(); err != nil { // writes to the old disk
		s.t.Logf("%s, its power cut: %v", n, err)
	}
	n.disk = disk
}

// Restart runs a node that left or crashed, from its disk.
func (s *Sim) Restart(nodes ...*Node) {
	s.t.Helper()
	for _, n := range nodes {
		n.Machine.On()
	}
	s.start(nodes...)
}

// Running returns the nodes that run.
func (s *Sim) Running() []*Node {
	var list []*Node
	for _, n := range s.Nodes {
		if n.running() {
			list = append(list, n)
		}
	}
	return list
}

// Tips returns the running nodes by their tip.
func (s *Sim) Tips() map[chain.Hash][]*Node {
	tips := map[chain.Hash][]*Node{}
	for _, n := range s.Running() {
		hash := n.Ledger().Tip().Tip.Hash
		tips[hash] = append(tips[hash], n)
	}
	return tips
}

// mostTied is how many block intervals in all the nodes' tips may have the same
// work, at one look.
const mostTied = 20

// RequireOneTip waits until all running nodes have one tip, and returns how
// long that took; not within some time is a failure. While all tips have the
// same work the time stands still and counts as tied: between equals each node
// stays with the one it saw first (protocol §7), until a block comes. Ties of
// more than mostTied intervals are a failure too.
func (s *Sim) RequireOneTip(within time.Duration) (took, tied time.Duration) {
	s.t.Helper()
	took, tied, one := s.awaitOneTip(within)
	if one {
		return took, tied
	}
	for hash, nodes := range s.Tips() {
		tip := nodes[0].Ledger().Tip()
		s.logf("%d nodes on %s, height %d, work %s: %v", len(nodes), hash.Short(), tip.Tip.Height, tip.Work, nodes)
	}
	s.t.Fatalf("want one tip within %v, got %d after %v and %v of ties", within, len(s.Tips()), took, tied)
	return took, tied
}

// awaitOneTip is RequireOneTip, but tells whether there is one tip.
func (s *Sim) awaitOneTip(within time.Duration) (took, tied time.Duration, one bool) {
	const look = 50 * time.Millisecond
	longest := mostTied * time.Duration(s.cfg.Chain.BlockIntervalMS) * time.Millisecond
	for len(s.Tips()) > 1 {
		if took >= within || tied >= longest {
			return took, tied, false
		}
		if s.tied() {
			tied += look
		} else {
			took += look
		}
		time.Sleep(look)
	}
	return took, tied, true
}

// tied tells whether all running nodes' tips have the same work.
func (s *Sim) tied() bool {
	running := s.Running()
	for _, n := range running {
		if n.Ledger().Tip().Work != running[0].Ledger().Tip().Work {
			return false
		}
	}
	return true
}

// Height returns the greatest height of a running node.
func (s *Sim) Height() uint64 {
	var height uint64
	for _, n := range s.Running() {
		height = max(height, n.Ledger().Tip().Tip.Height)
	}
	return height
}

// AwaitHeight waits until a node has a block of some height.
func (s *Sim) AwaitHeight(height uint64, within time.Duration) {
	s.t.Helper()
	for began := time.Now(); s.Height() < height; time.Sleep(time.Second) {
		if time.Since(began) > within {
			s.t.Fatalf("want height %d within %v, got %d", height, within, s.Height())
		}
	}
}
