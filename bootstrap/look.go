package bootstrap

import (
	"cmp"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// look compares the targets with who is connected, and learns who was met.
func (l *loop) look(now time.Time) {
	l.lastLook, l.lookAt = now, now.Add(lookAtLast)
	for _, t := range l.peers {
		l.compare(t, l.connected(t.id), now)
	}
	for _, t := range l.open {
		l.compare(t, slices.ContainsFunc(t.ids, l.connected), now)
	}
	met := l.cfg.Network.Met()
	for _, id := range met {
		if !l.meet(id, now) {
			l.lookAt = now.Add(lookForAddrs)
		}
	}
	l.choose(met)
	l.forget(now)
	if l.book.dirty && l.saveAt.IsZero() {
		l.saveAt = now.Add(saveDelay)
	}
}

func (l *loop) connected(id peer.ID) bool {
	c := l.host.Network().Connectedness(id)
	return c == network.Connected || c == network.Limited
}

// compare notes connections won and lost. A connection that did not hold counts
// as a failure: the peer, or something between, does not want it.
func (l *loop) compare(t *target, connected bool, now time.Time) {
	switch {
	case connected:
		t.seen = now
		if t.since.IsZero() {
			t.since = now
		}
	case !t.since.IsZero():
		held := now.Sub(t.since)
		t.since = time.Time{}
		if held < stable {
			l.delay(t, now)
			return
		}
		t.fails, t.due = 0, now.Add(rand.N(firstWait))
	}
}

// delay counts a failure and sets when to try again.
func (l *loop) delay(t *target, now time.Time) {
	t.fails++
	t.due = now.Add(jitter(backoff(t.fails, longest(t.circumstances(now, l.crowded())))))
}

// meet remembers a peer of our chain and where it listens, and reports whether
// that is known: a peer may be met before it has said so.
func (l *loop) meet(id peer.ID, now time.Time) bool {
	addrs := l.addrsOf(id)
	l.book.meet(id, addrs, l.sightOf(id), now)
	p, kept := l.book.peers[id]
	if !kept {
		return len(addrs) > 0 // there may be no room
	}
	l.hasPeers.Store(true)
	t, known := l.peers[id]
	if !known {
		t = &target{id: id, since: now, seen: now}
		l.peers[id] = t
	}
	t.tried = p.tried
	t.learn(p.addrs)
	return true
}

// heard deals with an announcement on the LAN. One with our own id at addresses
// that are not ours is an old one of ours, or a copy of our identity: asked once.
func (l *loop) heard(info peer.AddrInfo, now time.Time) {
	if info.ID == l.host.ID() {
		addrs := slices.DeleteFunc(slices.Clone(info.Addrs), l.ownAddr)
		if _, asked := l.peers[info.ID]; !asked && len(addrs) > 0 {
			l.peers[info.ID] = &target{id: info.ID, addrs: addrs, found: true, seen: now, due: now}
		}
		return
	}
	if l.hear(info, now) {
		l.log.Info("peer found on the lan", "peer", info.ID, "addresses", info.Addrs)
	}
}

// hear takes up a peer that is said to be at some addresses, dials it at once,
// and reports whether it is new.
func (l *loop) hear(info peer.AddrInfo, now time.Time) bool {
	addrs := slices.DeleteFunc(slices.Clone(info.Addrs), func(a ma.Multiaddr) bool { return !usable(a) })
	addrs = addrs[:min(len(addrs), maxPeerAddrs)]
	t, known := l.peers[info.ID]
	if len(addrs) == 0 || !known && len(l.peers) >= maxTargets && !l.giveUpOne() {
		return false
	}
	if !known {
		t = &target{id: info.ID}
		l.peers[info.ID] = t
	}
	t.learn(addrs)
	t.found, t.seen = true, now
	if t.since.IsZero() {
		t.fails, t.due, t.patient = 0, now, false
	}
	return !known
}

// addrsOf lists where a connected peer can be dialled: where we did, then where
// it says it listens, addresses on the connection's own host first.
func (l *loop) addrsOf(id peer.ID) []ma.Multiaddr {
	var dialled, listens []ma.Multiaddr
	var hosts []ma.Multiaddr
	loopback := false
	for _, c := range l.host.Network().ConnsToPeer(id) {
		remote := c.RemoteMultiaddr()
		if relayed(remote) {
			continue
		}
		loopback = loopback || manet.IsIPLoopback(remote)
		hosts = append(hosts, remote[:min(1, len(remote))])
		if c.Stat().Direction == network.DirOutbound {
			dialled = append(dialled, remote)
		}
	}
	for _, a := range l.host.Peerstore().Addrs(id) {
		if usable(a) && (loopback || !manet.IsIPLoopback(a)) {
			listens = append(listens, a)
		}
	}
	onHost := func(a ma.Multiaddr) int {
		if ma.Contains(hosts, a[:1]) {
			return 0
		}
		return 1
	}
	slices.SortFunc(listens, func(a, b ma.Multiaddr) int {
		return cmp.Or(cmp.Compare(onHost(a), onHost(b)), a.Compare(b))
	})
	return ma.Unique(append(dialled, listens...))
}

func relayed(a ma.Multiaddr) bool {
	return slices.ContainsFunc(a, func(c ma.Component) bool { return c.Protocol().Code == ma.P_CIRCUIT })
}

// usable reports whether an address could be dialled by somebody else.
func usable(a ma.Multiaddr) bool {
	return len(a) > 1 && !relayed(a) && !manet.IsIPUnspecified(a) && !manet.IsIP6LinkLocal(a)
}

// giveUpOne makes room for an announced peer where there are too many: announcing
// costs nothing, so one that was said to be somewhere and never answered goes, the
// one with most failures first.
func (l *loop) giveUpOne() bool {
	var worst *target
	for id, t := range l.peers {
		_, kept := l.book.peers[id]
		if kept || t.configured || !t.waiting() || t.fails == 0 {
			continue
		}
		if worst == nil || t.fails > worst.fails || t.fails == worst.fails && t.seen.Before(worst.seen) {
			worst = t
		}
	}
	if worst == nil {
		return false
	}
	delete(l.peers, worst.id)
	return true
}

// forget drops announced peers that never answered, and those that the book had
// no more room for.
func (l *loop) forget(now time.Time) {
	for id, t := range l.peers {
		_, kept := l.book.peers[id]
		if kept || t.configured || !t.waiting() || (t.found && now.Sub(t.seen) < foundFor) {
			continue
		}
		delete(l.peers, id)
	}
}

func (l *loop) saveWhenDue(now time.Time) {
	if !l.saveAt.IsZero() && !now.Before(l.saveAt) {
		l.save(now)
	}
}

// save writes the book if it has changed.
func (l *loop) save(now time.Time) {
	l.saveAt = time.Time{}
	if !l.book.dirty || l.cfg.Path == "" {
		l.book.dirty = false
		return
	}
	if err := saveBook(l.cfg.FS, l.cfg.Path, l.book); err != nil {
		if !l.unsaved {
			l.log.Warn("peer book was not saved, trying again", "path", l.cfg.Path, "error", err)
		}
		l.unsaved, l.saveAt = true, now.Add(saveRetry)
		return
	}
	l.unsaved = false
	l.book.dirty = false
}
