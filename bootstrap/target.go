package bootstrap

import (
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// target is somebody to keep connected: a peer with a known id, or an open entry,
// which has none and is answered by whoever listens there. Owned by the loop.
type target struct {
	id    peer.ID        // "" for an open entry
	text  string         // the user's entry; "" if it came another way
	addrs []ma.Multiaddr // best first
	ids   []peer.ID      // of an open entry: who answered last

	configured bool      // by the user, or answers at an entry of theirs
	found      bool      // by mDNS, or at another's address
	tried      bool      // was reached by dialling before
	anchor     bool      // is to be dialled first, after the start
	self       bool      // led back to this node at the last try
	seen       time.Time // when it was last connected, or last announced itself
	lan        bool      // private or loopback, as far as is known

	dialing bool
	patient bool      // this try has already been put off because there are enough peers
	fails   int       // in a row
	due     time.Time // of the next try
	since   time.Time // of the connection; zero while there is none

	reason string    // of the last failure that was told
	told   time.Time // when
}

// rank orders targets when there are more to dial than may be dialled at once.
func (t *target) rank() int {
	switch {
	case t.anchor:
		return 0
	case t.configured:
		return 1
	case t.found:
		return 2
	case t.tried:
		return 3
	}
	return 4
}

func before(a, b *target) bool {
	if a.rank() != b.rank() {
		return a.rank() < b.rank()
	}
	if !a.due.Equal(b.due) {
		return a.due.Before(b.due)
	}
	return a.seen.After(b.seen)
}

// waiting reports whether the target is neither connected nor being dialled.
func (t *target) waiting() bool { return !t.dialing && t.since.IsZero() }

// learn puts addresses before those already known.
func (t *target) learn(addrs []ma.Multiaddr) {
	t.addrs = ma.Unique(append(slices.Clone(addrs), t.addrs...))
	t.addrs = t.addrs[:min(len(t.addrs), 2*maxPeerAddrs)]
	t.lan = onLAN(t.addrs)
}

func (t *target) circumstances(now time.Time, crowded bool) circumstances {
	return circumstances{configured: t.configured, lan: t.lan, crowded: crowded, gone: now.Sub(t.seen)}
}

// onLAN reports whether one of the addresses is private or loopback. A name may
// be, and asking for it anew costs little: it counts as one until resolved.
func onLAN(addrs []ma.Multiaddr) bool {
	return slices.ContainsFunc(addrs, func(a ma.Multiaddr) bool { return dns(a) || manet.IsPrivateAddr(a) })
}
