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
	answers map[string][]peer.ID // by the text of the entry, latest last
	dirty   bool                 // differs from the file
}

// remembered is a peer of our chain.
type remembered struct {
	addrs []ma.Multiaddr // best first, at most maxPeerAddrs
	seen  time.Time      // when it was last connected, to the second
}

func newBook() *book {
	return &book{peers: make(map[peer.ID]*remembered), answers: make(map[string][]peer.ID)}
}

// seenStep is how coarse a change of the time of the last sight is written:
// nothing but the order of forgetting depends on it.
const seenStep = time.Hour

// meet notes that a peer is connected at now and listens at addrs. The one not
// seen for longest is forgotten when the book is full.
func (b *book) meet(id peer.ID, addrs []ma.Multiaddr, now time.Time) {
	addrs = slices.DeleteFunc(slices.Clone(addrs), func(a ma.Multiaddr) bool { return len(a.String()) > maxAddrSize })
	addrs = addrs[:min(len(addrs), maxPeerAddrs)]
	if len(addrs) == 0 {
		return
	}
	p, known := b.peers[id]
	if !known {
		if len(b.peers) >= maxBookPeers {
			delete(b.peers, b.oldest())
		}
		p = &remembered{}
		b.peers[id] = p
	}
	if !known || !sameAddrs(p.addrs, addrs) || now.Sub(p.seen) >= seenStep {
		p.addrs, b.dirty = addrs, true
		p.seen = now
	}
}

func (b *book) oldest() peer.ID {
	var found peer.ID
	var seen time.Time
	for id, p := range b.peers {
		if found == "" || p.seen.Before(seen) || (p.seen.Equal(seen) && id < found) {
			found, seen = id, p.seen
		}
	}
	return found
}

func (b *book) forget(id peer.ID) {
	if _, known := b.peers[id]; known {
		delete(b.peers, id)
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
