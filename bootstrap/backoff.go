package bootstrap

import (
	"math/rand/v2"
	"time"
)

const (
	firstWait  = time.Second      // after the first failure; doubles with each
	lanWait    = 15 * time.Second // the longest wait for an address of the LAN
	publicWait = 5 * time.Minute  // the longest wait for any other
	freshFor   = 24 * time.Hour   // how long a peer that is gone counts as gone for a moment

	// enoughPeers connected make a node patient with peers that nobody configured:
	// a LAN of five hundred need not become a complete graph, but two halves of it
	// that fell apart still meet within minutes.
	enoughPeers = 32
)

// circumstances are what the longest wait for a peer depends on.
type circumstances struct {
	configured bool          // given by the user
	lan        bool          // at a private or loopback address, or at a name not yet resolved
	crowded    bool          // enoughPeers are connected
	gone       time.Duration // since it was last heard of
}

// longest returns the cap of the backoff.
func longest(c circumstances) time.Duration {
	switch {
	case !c.lan:
		return publicWait
	case c.configured:
		return lanWait
	case c.crowded, c.gone > freshFor:
		return publicWait
	}
	return lanWait
}

// backoff returns the wait after so many failures in a row, before jitter.
func backoff(fails int, limit time.Duration) time.Duration {
	wait := firstWait
	for range fails - 1 {
		if wait >= limit {
			break
		}
		wait *= 2
	}
	return min(wait, limit)
}

// jitter spreads a wait over its last quarter, so that nodes which lost the same
// peer at once do not come back at once; it is never longer than wait.
func jitter(wait time.Duration) time.Duration {
	return wait - rand.N(wait/4+1)
}
