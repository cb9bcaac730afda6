package bootstrap

import (
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

// Limits of the peer book; a file beyond them is damaged.
const (
	maxBookPeers    = 500
	maxGroupPeers   = 32 // of one subnet, LANs apart
	maxPeerAddrs    = 8
	maxAddrSize     = 256 // bytes of text
	maxBookEntries  = 256
	maxEntryAnswers = 16
	maxBookSize     = 4 << 20 // bytes of the file
)

// book remembers peers that were met, and who answered at entries without a
// peer id. It is not safe for concurrent use.
type book struct {
	peers   map[peer.ID]*remembered
	anchors []peer.ID            // of peers, at most maxAnchors: dialled first after a restart
	answers map[string][]peer.ID // by the text of the entry, latest last
	dirty   bool                 // differs from the file
}

// remembered is a peer of our chain.
type remembered struct {
	addrs []ma.Multiaddr // best first, at most maxPeerAddrs
	seen  time.Time      // when it was last connected, to the second
	sight                // how it was connected
}

func newBook() *book {
	return &book{peers: make(map[peer.ID]*remembered), answers: make(map[string][]peer.ID)}
}

// seenStep is how coarse a change of the time of the last sight is written:
// nothing but the order of forgetting depends on it.
const seenStep = time.Hour

// meet notes that a peer is connected at now and listens at addrs, if there is
// room for it.
func (b *book) meet(id peer.ID, addrs []ma.Multiaddr, s sight, now time.Time) {
	addrs = slices.DeleteFunc(slices.Clone(addrs), func(a ma.Multiaddr) bool { return len(a.String()) > maxAddrSize })
	addrs = addrs[:min(len(addrs), maxPeerAddrs)]
	if len(addrs) == 0 {
		return
	}
	p, known := b.peers[id]
	if !known {
		if !b.makeRoom(s) {
			return
		}
		p = &remembered{}
		b.peers[id] = p
	}
	s.tried = s.tried || p.tried
	if p.sight != s {
		p.sight, b.dirty = s, true
	}
	if !known || !sameAddrs(p.addrs, addrs) || now.Sub(p.seen) >= seenStep {
		p.addrs, b.dirty = addrs, true
		p.seen = now
	}
}

// makeRoom reports whether a peer that was not known can be remembered. Where
// there are too many, of its subnet or in all, one makes room: of the subnet that
// has most (a LAN counts as one), a peer that we never reached before one that we
// did, and then the one not seen for longest. Who only came to us never pushes
// out who was reached.
func (b *book) makeRoom(s sight) bool {
	sizes := map[string]int{}
	for _, p := range b.peers {
		sizes[p.group]++
	}
	crowd := s.group
	switch {
	case s.group != "" && sizes[s.group] >= maxGroupPeers:
	case len(b.peers) < maxBookPeers:
		return true
	default:
		for group, size := range sizes {
			if size > sizes[crowd] || size == sizes[crowd] && group < crowd {
				crowd = group
			}
		}
	}
	least := b.least(crowd)
	if b.peers[least].tried && !s.tried {
		return false
	}
	b.forget(least)
	return true
}

// least returns who of a subnet is forgotten first.
func (b *book) least(group string) peer.ID {
	var found peer.ID
	for id, p := range b.peers {
		if p.group != group {
			continue
		}
		f := b.peers[found]
		if f == nil || f.tried && !p.tried || f.tried == p.tried && (p.seen.Before(f.seen) || p.seen.Equal(f.seen) && id < found) {
			found = id
		}
	}
	return found
}

// anchor notes whom to dial first after a restart: the first of those chosen,
// and of those noted before where there are too few.
func (b *book) anchor(chosen []peer.ID) {
	var anchors []peer.ID
	for _, id := range slices.Concat(chosen, b.anchors) {
		if _, known := b.peers[id]; known && len(anchors) < maxAnchors && !slices.Contains(anchors, id) {
			anchors = append(anchors, id)
		}
	}
	if !slices.Equal(anchors, b.anchors) {
		b.anchors, b.dirty = anchors, true
	}
}

func (b *book) forget(id peer.ID) {
	if _, known := b.peers[id]; known {
		delete(b.peers, id)
		b.anchors = slices.DeleteFunc(b.anchors, func(a peer.ID) bool { return a == id })
		b.dirty = true
	}
}

// moved notes that somebody else answers at an address of a peer.
func (b *book) moved(id peer.ID, addr ma.Multiaddr) {
	p, known := b.peers[id]
	if !known || !ma.Contains(p.addrs, addr) {
		return
	}
	p.addrs = without(p.addrs, addr)
	b.dirty = true
	if len(p.addrs) == 0 {
		b.forget(id)
	}
}

// verdict of an answer at an entry without a peer id.
type verdict int

const (
	asBefore verdict = iota // one of those who answered before
	firstUse                // nobody had answered before
	changed                 // somebody else had
)

// answered notes who answered at an entry and returns those known there before.
func (b *book) answered(entry string, ids []peer.ID) (verdict, []peer.ID) {
	before := b.answers[entry]
	known := slices.ContainsFunc(ids, func(id peer.ID) bool { return slices.Contains(before, id) })
	after := slices.Clone(before)
	if !known {
		after = nil
	}
	for _, id := range ids {
		if !slices.Contains(after, id) {
			after = append(after, id)
		}
	}
	after = after[max(0, len(after)-maxEntryAnswers):]
	if !slices.Equal(before, after) && (len(before) > 0 || len(b.answers) < maxBookEntries) {
		b.answers[entry], b.dirty = after, true
	}
	switch {
	case known:
		return asBefore, before
	case len(before) == 0:
		return firstUse, nil
	}
	return changed, before
}

func sameAddrs(a, b []ma.Multiaddr) bool {
	return len(a) == len(b) && !slices.ContainsFunc(a, func(x ma.Multiaddr) bool { return !ma.Contains(b, x) })
}

func without(addrs []ma.Multiaddr, addr ma.Multiaddr) []ma.Multiaddr {
	return slices.DeleteFunc(slices.Clone(addrs), addr.Equal)
}
