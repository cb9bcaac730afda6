package sim

import (
	"fmt"
	"maps"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/lp2pnode/lp2pnode/p2p"
)

// Attack says what bad peers did to the nodes.
type Attack struct {
	Name       string
	Nodes, Bad int
	Lasted     time.Duration
	Blocks     uint64        // of the best chain meanwhile
	Forked     int           // blocks beside it that the first node has
	OneTip     time.Duration // the longest wait for one tip, ties of equal work too
	Memory     int64         // most live bytes at a look more than at the start, per node
	Sent       float64       // bytes a second, of a node
	Newcomer   time.Duration // until a node that joined last was on the tip
	Refused    uint64        // messages of gossip, by all nodes
	OverRate   uint64        // of them, those beyond what a peer may send
	Busy       time.Duration // of the processor
	Blamed     []string      // nodes that another node left, refused or left alone for a fault
	Dropped    int           // bad peers that a node holds something against, at the end
	Banned     int           // of them banned by a node
	Cut        []string      // nodes that are not connected to a node of their bootstrap list
}

// Suffer lets time pass, and looks at what becomes of the nodes: all but the
// bad peers must be on one tip within some time at each look.
func (s *Sim) Suffer(looks int, pause, within time.Duration) Attack {
	s.t.Helper()
	a := Attack{Name: s.cfg.Does.Name, Nodes: len(s.Nodes), Bad: len(s.Bad), Lasted: time.Duration(looks) * pause}
	before, height, sent, cpu := heap(), s.Height(), s.counts().sent, busy()
	blamed := map[string]bool{}
	for range looks {
		for rest := pause; rest > 0; rest -= lookForBlame {
			time.Sleep(min(rest, lookForBlame))
			s.blame(blamed)
		}
		took, tied := s.RequireOneTip(within)
		a.OneTip = max(a.OneTip, took+tied)
		a.Memory = max(a.Memory, heap()-before)
	}
	a.Cut = s.cut()
	began := time.Now()
	s.Join()
	s.RequireOneTip(lateJoin)
	a.Newcomer = time.Since(began)
	s.blame(blamed)
	a.Busy = busy() - cpu
	a.Refused, a.OverRate = s.refused()
	a.Blocks, a.Forked = s.Height()-height, s.forkedSince(height)
	a.Sent = float64(s.counts().sent-sent) / float64(len(s.Nodes)) / a.Lasted.Seconds()
	a.Memory = max(a.Memory, heap()-before) / int64(len(s.Nodes))
	a.Blamed = slices.Sorted(maps.Keys(blamed))
	a.Dropped, a.Banned = s.dropped(), s.banned()
	return a
}

// lateJoin is how long a newcomer may take.
const lateJoin = 2 * time.Minute

// lookForBlame is how often the nodes' opinions of each other are looked at:
// more often than any of them changes.
const lookForBlame = 5 * time.Second

// blameless are reasons that are nobody's fault.
func blameless(r p2p.Reason) bool {
	return slices.Contains([]p2p.Reason{"", p2p.ReasonClosed, p2p.ReasonBusy, p2p.ReasonAhead}, r)
}

// leftOut tells of messages beyond what a peer may send by gossip. They are left
// out, whoever sends them, and count against nobody: who passes a flood on sends
// them too.
func leftOut(d p2p.Deed) bool {
	return d.Act == p2p.ActRefused && d.Reason == p2p.ReasonTooMany && strings.HasSuffix(d.Detail, " by gossip")
}

// blame notes which nodes hold something against which.
func (s *Sim) blame(blamed map[string]bool) {
	for _, n := range s.Running() {
		for _, other := range s.Running() {
			if r := n.opinion(other.id); !blameless(r) {
				blamed[fmt.Sprintf("%s of %s: %s", n, other, r)] = true
			}
		}
	}
}

// blamed is what nodes hold against each other now.
func (s *Sim) blamed() []string {
	found := map[string]bool{}
	s.blame(found)
	return slices.Sorted(maps.Keys(found))
}

// opinion is what a node holds against a peer.
func (n *Node) opinion(id peer.ID) p2p.Reason {
	for _, p := range n.Network().Peers() {
		if p.ID != id {
			continue
		}
		for _, reason := range []p2p.Reason{p.Reason, p.PauseReason} {
			if !blameless(reason) {
				return reason
			}
		}
		for _, deed := range p.Deeds {
			if !blameless(deed.Reason) && !leftOut(deed) {
				return deed.Reason
			}
		}
	}
	for _, ban := range n.Network().Bans() {
		if ban.ID == id {
			return ban.Reason
		}
	}
	return ""
}

// banned counts the bad peers that some node has banned.
func (s *Sim) banned() int {
	count := 0
	for _, b := range s.Bad {
		if slices.ContainsFunc(s.Running(), func(n *Node) bool {
			return slices.ContainsFunc(n.Network().Bans(), func(ban p2p.Ban) bool { return ban.ID == b.id })
		}) {
			count++
		}
	}
	return count
}

// refused counts the messages of gossip that nodes did not take, and among them
// those beyond what a peer may send.
func (s *Sim) refused() (all, overRate uint64) {
	for _, n := range s.Running() {
		for _, m := range n.Network().Messages() {
			if m.Fate == "reject" || m.Fate == "ignore" {
				all += m.N
			}
			if m.Rule == "rate" {
				overRate += m.N
			}
		}
	}
	return all, overRate
}

// dropped counts the bad peers that some node holds something against.
func (s *Sim) dropped() int {
	count := 0
	for _, b := range s.Bad {
		if slices.ContainsFunc(s.Running(), func(n *Node) bool { return n.opinion(b.id) != "" }) {
			count++
		}
	}
	return count
}

// cut lists the nodes that have lost one of those they were told to dial.
func (s *Sim) cut() []string {
	var list []string
	for _, n := range s.Running() {
		met := n.Network().Met()
		for _, other := range s.Running() {
			if slices.Contains(n.entries, other.Addr()) && !slices.Contains(met, other.id) {
				list = append(list, fmt.Sprintf("%s from %s", n, other))
			}
		}
	}
	return list
}

// forkedSince counts the blocks that the first node has beside its best chain.
func (s *Sim) forkedSince(height uint64) int {
	s.t.Helper()
	count := 0
	for height++; height <= s.Height(); height++ {
		records, err := s.Nodes[0].Ledger().Store().At(height)
		if err != nil {
			s.t.Fatal(err)
		}
		count += max(0, len(records)-1)
	}
	return count
}

// heap is the live memory of the process.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.GC() // what pools kept over the first
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// Attacks lays out what bad peers did, for people.
func Attacks(rows ...Attack) string {
	var b strings.Builder
	b.WriteString("| behaviour | nodes + bad | time | blocks | forked | one tip after | newcomer | memory a node | sent a node | refused | over rate | found out | banned | processor |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|---|---|---|---|\n")
	for _, a := range rows {
		fmt.Fprintf(&b, "| %s | %d + %d | %s | %d | %d | %.1f s | %.1f s | %+.1f MB | %.1f kB/s | %d | %d | %d of %d | %d | %.1f s |\n",
			a.Name, a.Nodes, a.Bad, a.Lasted, a.Blocks, a.Forked, a.OneTip.Seconds(), a.Newcomer.Seconds(), float64(a.Memory)/1e6, a.Sent/1000, a.Refused, a.OverRate, a.Dropped, a.Bad, a.Banned, a.Busy.Seconds())
	}
	return b.String()
}
