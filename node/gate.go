package node

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"time"
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
	looked, met, claims := false, n.cfg.MineAlone, true
	trusting := time.Now().Add(claimsHold)
	for {
		changed, moved := n.net.Changed(), n.ledger.Changed()
		peers, behind := len(n.net.Met()) > 0, n.net.Sync().Behind
		met = met || peers
		claims = claims && (behind || !peers) && time.Now().Before(trusting)
		n.gate.set(n.holdReason(looked, met, n.finder.HasPeers(), claims))
		if !behind {
			moved = nil // no block of ours can change the reason
		}
		select {
		case <-ctx.Done():
			return nil
		case <-changed:
		case <-moved:
		case <-look.C:
			looked = true
			look.Reset(lookRound) // an entry may have turned out to lead back to us
		}
	}
}

// holdReason returns why not to mine, or "". Unless claims, being behind has to
// be proven.
func (n *Node) holdReason(looked, met, expects, claims bool) string {
	offset, peers := n.net.ClockOffset()
	most := time.Duration(n.plan.rules.Params.MaxAheadMS()) * time.Millisecond
	sync := n.net.Sync()
	switch {
	case sync.Proven, sync.Behind && claims:
		return fmt.Sprintf("catching up from height %d to %d", sync.Height, sync.Target)
	case peers > 0 && offset.Abs() > most:
		return fmt.Sprintf("this clock is %s off the median of %d peers; set it right", offset, peers)
	case !met && expects:
		return "waiting for a known peer; --mine-alone mines without"
	case !met && !looked:
		return "looking round the LAN for peers"
	}
	return ""
}
