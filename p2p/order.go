package p2p

import (
	"cmp"
	"slices"

	"github.com/libp2p/go-libp2p/core/peer"
)

// choose returns whom to ask next of the peers that are ahead, given heaviest
// claim first, without those that are skipped. Claims cost nothing, and many
// identities little: so after every peer chosen by its claim, one is chosen by
// its standing, which is ours or time's to give. asked is how many were chosen
// before, turns how often one had its turn.
func choose(ahead []Peer, skip map[peer.ID]bool, asked int, turns func(peer.ID) int) (Peer, bool) {
	ahead = slices.DeleteFunc(slices.Clone(ahead), func(p Peer) bool { return skip[p.ID] })
	if len(ahead) == 0 {
		return Peer{}, false
	}
	if asked%2 == 0 {
		return slices.MinFunc(ahead, func(a, b Peer) int { return cmp.Compare(turns(a.ID), turns(b.ID)) }), true
	}
	return slices.MinFunc(ahead, func(a, b Peer) int {
		return cmp.Or(
			cmp.Compare(b.Direction, a.Direction), // outbound before inbound
			cmp.Compare(turns(a.ID), turns(b.ID)),
			a.Connected.Compare(b.Connected),
		)
	}), true
}

// chooseFetcher returns who may fetch blocks next: first the owner of the
// headers that they are of, then as choose has it.
func chooseFetcher(ahead []Peer, owner peer.ID, tried map[peer.ID]bool) (Peer, bool) {
	if !tried[owner] {
		if at := slices.IndexFunc(ahead, func(p Peer) bool { return p.ID == owner }); at >= 0 {
			return ahead[at], true
		}
	}
	return choose(ahead, tried, len(tried), func(peer.ID) int { return 0 })
}
