package node

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/lp2pnode/lp2pnode/p2p"
)

// lookRound is how long a node without known peers listens to the LAN before
// it mines.
const lookRound = 3 * time.Second

// claimsHold is how long after the start a peer's mere claim of more work holds
// up mining, unless the node was level with its peers before. Later it takes
// headers with that work: claims cost nothing, and an honest one is proven in a
// moment.
const claimsHold = 30 * time.Second

// gate tells the miner whether it may mine. It implements miner.Gate.
type gate struct {
	mu      sync.Mutex
	full    string        // why nothing may be written; guarded by mu
	reason  string        // why not to mine for another reason; guarded by mu
	changed chan struct{} // closed when one of them changes; guarded by mu
}

func newGate() *gate {
	return &gate{reason: "starting", changed: make(chan struct{})}
}

// Hold returns why not to mine, or "", and a channel that is closed when that
// changes.
func (g *gate) Hold() (reason string, changed <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return cmp.Or(g.full, g.reason), g.changed
}

// set says why not to mine, for reasons of the network.
func (g *gate) set(reason string) { g.change(&g.reason, reason) }

// fill says why nothing may be written.
func (g *gate) fill(reason string) { g.change(&g.full, reason) }

func (g *gate) change(what *string, reason string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if reason == *what {
		return
	}
	*what = reason
	close(g.changed)
	g.changed = make(chan struct{})
}

// watchGate keeps the gate: a node mines when it is not behind a peer, its
// clock is not far off, and, if it was given or remembers peers, it has met
// one; else after a look round the LAN.
func (n *Node) watchGate(ctx context.Context) error {
	look := time.NewTimer(lookRound)
	defer look.Stop()
	s := n.firstSight()
	trusting := time.Now().Add(claimsHold)
	for {
		changed, moved := n.net.Changed(), n.ledger.Changed()
		peers := len(n.net.Met()) > 0
		n.see(&s)
		s.met = s.met || peers
		s.claims = s.claims && (s.sync.Behind || !peers) && time.Now().Before(trusting)
		n.gate.set(s.hold())
		if !s.sync.Behind {
			moved = nil // no block of ours can change the reason
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-moved:
		case <-look.C:
			s.looked = true
			look.Reset(lookRound) // an entry may have turned out to lead back to us
		}
	}
}

// sight is what a node knows when it decides whether to mine.
type sight struct {
	sync    p2p.SyncState
	claims  bool          // being behind need not be proven
	offset  time.Duration // of the clock from its peers' median
	clocks  int           // of so many peers
	most    time.Duration // that the clock may be off: F of protocol §7
	expects bool          // peers were given, or are remembered
	met     bool          // a peer was met, or need not be
	looked  bool          // round the LAN
}

// firstSight is that of a node that has met nobody yet.
func (n *Node) firstSight() sight {
	s := sight{claims: true, met: n.cfg.MineAlone, most: time.Duration(n.plan.rules.Params.MaxAheadMS()) * time.Millisecond}
	n.see(&s)
	return s
}

// see brings what changes by itself up to date.
func (n *Node) see(s *sight) {
	s.sync, s.expects = n.net.Sync(), n.finder.HasPeers()
	s.offset, s.clocks = n.net.ClockOffset()
}

// hold returns why not to mine, or "".
func (s sight) hold() string {
	switch {
	case s.sync.Proven, s.sync.Behind && s.claims:
		return fmt.Sprintf("catching up from height %d to %d", s.sync.Height, s.sync.Target)
	case s.clocks > 0 && s.offset.Abs() > s.most:
		return fmt.Sprintf("this clock is %s off the median of %d peers; set it right", s.offset, s.clocks)
	case !s.met && s.expects:
		return "waiting for a known peer; --mine-alone mines without"
	case !s.met && !s.looked:
		return "looking round the LAN for peers"
	}
	return ""
}
