package p2p

import (
	"fmt"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

const (
	maxStandings = 1024 // peers whose standing is kept
	maxDeeds     = 8    // of one peer
)

// Act is something that this node did about a peer, or that happened to the
// connection.
type Act string

// The acts.
const (
	ActLeft     Act = "left"     // the connection ended, by whomever
	ActRefused  Act = "refused"  // it was not let in, or a request of its was turned down
	ActPaused   Act = "paused"   // sync leaves it alone for a while
	ActOffended Act = "offended" // it did what only malice does
	ActBanned   Act = "banned"
	ActLifted   Act = "lifted" // a ban ended by hand
)

// Deed is an act with its reason and time. The same act for the same reason
// several times in a row is one deed.
type Deed struct {
	Act    Act
	Reason Reason
	Detail string    // more of the reason, for people
	At     time.Time // the last time
	Times  int
}

// standing is what is kept of a peer over its connections, so that coming
// again does not wash it clean. The fields are guarded by the network's mu, but
// for the limits, which are safe for concurrent use and are not replaced.
type standing struct {
	offences score  // that lead to a ban
	lies     score  // of those the ones that GossipSub does not see itself
	deeds    []Deed // latest last
	limits   limits
	requests requests
	statuses statuses
	used     time.Time // when it was last asked for

	// Of sync, as it was when the peer left.
	failures    uint
	pausedUntil time.Time
	pauseReason Reason
}

// standing returns a peer's, a new one if there is none. The one not used for
// longest makes room, those of connected peers last. The caller holds mu.
func (n *Network) standing(id peer.ID) *standing {
	s := n.kept[id]
	if s == nil {
		if len(n.kept) >= maxStandings {
			delete(n.kept, n.leastUsed())
		}
		s = &standing{
			limits:   newLimits(n.rules.Params.BlockInterval()),
			requests: newRequests(),
			statuses: newStatuses(),
		}
		n.kept[id] = s
	}
	s.used = n.now()
	return s
}

func (n *Network) leastUsed() peer.ID {
	var least peer.ID
	for id, s := range n.kept {
		here, other := n.remotes[id] != nil, least != "" && n.remotes[least] != nil
		if least == "" || other && !here || here == other && s.used.Before(n.kept[least].used) {
			least = id
		}
	}
	return least
}

// note counts an act and keeps it with the peer. The caller holds mu.
func (n *Network) note(s *standing, act Act, reason Reason, detail string) {
	n.counters.tally(act, reason)
	now := n.now()
	detail = shortened(printable(detail), MaxBanDetail)
	if last := len(s.deeds) - 1; last >= 0 && s.deeds[last].Act == act && s.deeds[last].Reason == reason {
		d := &s.deeds[last]
		d.At, d.Detail, d.Times = now, detail, d.Times+1
		return
	}
	s.deeds = append(s.deeds[max(0, len(s.deeds)+1-maxDeeds):], Deed{Act: act, Reason: reason, Detail: detail, At: now, Times: 1})
}

// shortened returns at most size bytes of text.
func shortened(text string, size int) string {
	if len(text) <= size {
		return text
	}
	return strings.ToValidUTF8(text[:size], "")
}

// turnDown notes that a request was over the peer's rates. Whoever goes on for
// long is disconnected.
func (n *Network) turnDown(r *remote, what string) {
	n.mu.Lock()
	n.note(n.standing(r.ID), ActRefused, ReasonTooMany, what)
	n.mu.Unlock()
	if r.statuses.patience.Allow() {
		return
	}
	n.part(r, ReasonFlooding, what)
	n.disconnect(r)
	n.offend(r.ID, ReasonFlooding, fmt.Errorf("more than %d were turned down: %s", patienceBurst, what))
}
