package p2p

import (
	"cmp"
	"maps"
	"slices"

	"github.com/libp2p/go-libp2p/core/event"
	manet "github.com/multiformats/go-multiaddr/net"
)

// maxSeen bounds the addresses as which peers see us.
const maxSeen = 4

// SeenAs returns the IP addresses from which met peers say that this node's
// connections come, that of most peers first, at most 4. They may say anything.
func (n *Network) SeenAs() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	times := map[string]int{}
	for _, r := range n.remotes {
		if r.Met && r.seen != nil {
			times[r.seen.String()]++
		}
	}
	ips := slices.SortedFunc(maps.Keys(times), func(a, b string) int { return cmp.Or(times[b]-times[a], cmp.Compare(a, b)) })
	return ips[:min(len(ips), maxSeen)]
}

// noteSeen keeps what a peer says of us when libp2p has identified it.
func (n *Network) noteSeen(e any) {
	n.mu.Lock()
	defer n.mu.Unlock()
	done, is := e.(event.EvtPeerIdentificationCompleted)
	if r := n.remotes[done.Peer]; is && r != nil && len(done.ObservedAddr) > 0 {
		r.seen, _ = manet.ToIP(done.ObservedAddr)
	}
}
