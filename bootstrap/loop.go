package bootstrap

import (
	"context"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
)

const (
	maxDials      = 16 // at once
	maxOtherDials = 12 // of those, for peers that nobody configured
	maxTargets    = 1024

	stable       = 30 * time.Second       // a connection that held so long ends a row of failures
	lookAtMost   = 250 * time.Millisecond // between two looks at who is connected
	lookAtLast   = 10 * time.Second
	lookForAddrs = time.Second     // while a peer was met that has not said where it listens
	saveDelay    = 2 * time.Second // so that a burst of changes is one write
	saveRetry    = time.Minute     // after a failed write
	foundFor     = time.Hour       // an announced peer that never answered is forgotten
)

// loop is one Run of a Finder. All fields are owned by its goroutine; channels
// lead to it.
type loop struct {
	*Finder
	peers map[peer.ID]*target
	open  []*target

	results chan outcome       // never blocks: maxDials are under way at most
	found   chan peer.AddrInfo // from mDNS
	moved   chan struct{}      // the interfaces changed

	copies []ma.Multiaddr // where our own identity was seen, told once each

	chosen []peer.ID // by us, in the order in which they were; see quota.go

	dials, otherDials int
	lastLook, lookAt  time.Time
	saveAt            time.Time // zero while nothing is to be saved
	unsaved           bool      // the last write failed, and it was told
}

func newLoop(f *Finder) *loop {
	return &loop{
		Finder:  f,
		peers:   make(map[peer.ID]*target),
		results: make(chan outcome, maxDials),
		found:   make(chan peer.AddrInfo, 16),
		moved:   make(chan struct{}, 1),
	}
}

func (l *loop) run(ctx context.Context) error {
	nudge := make(chan struct{}, 1)
	poke := func(network.Network, network.Conn) {
		select {
		case nudge <- struct{}{}:
		default:
		}
	}
	notifee := &network.NotifyBundle{ConnectedF: poke, DisconnectedF: poke}
	l.host.Network().Notify(notifee)
	defer l.host.Network().StopNotify(notifee)

	var workers sync.WaitGroup
	if l.cfg.MDNS {
		m := &mdns{Finder: l.Finder, found: l.found, moved: l.moved}
		workers.Go(func() { m.run(ctx) })
	}
	l.seed(time.Now())
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		changed := l.cfg.Network.Changed()
		now := time.Now()
		if !now.Before(l.lookAt) {
			l.look(now)
		}
		l.saveWhenDue(now)
		l.dialDue(ctx, &workers, now)
		timer.Reset(l.next(now).Sub(now))
		select {
		case <-ctx.Done():
		case <-timer.C:
		case <-changed:
			l.lookSoon()
		case <-nudge:
			l.lookSoon()
		case out := <-l.results:
			l.settle(out, time.Now())
		case info := <-l.found:
			l.heard(info, time.Now())
		case entries := <-l.entries:
			l.replaceEntries(entries, time.Now())
		case <-l.moved:
			l.startOver(time.Now())
		}
	}
	workers.Wait()
	l.look(time.Now())
	l.save(time.Now())
	return nil
}

// seed fills the targets from the entries and the book.
func (l *loop) seed(now time.Time) {
	for id, p := range l.book.peers {
		l.peers[id] = &target{
			id: id, addrs: p.addrs, seen: p.seen, due: now, lan: onLAN(p.addrs),
			tried: p.tried, anchor: slices.Contains(l.book.anchors, id),
		}
	}
	for _, e := range l.cfg.Entries {
		l.seedEntry(e, now)
	}
}

// configure makes a peer one that is always dialled and never trimmed.
func (l *loop) configure(id peer.ID, now time.Time) *target {
	t, known := l.peers[id]
	if !known {
		t = &target{id: id, due: now}
		l.peers[id] = t
	}
	t.configured = true
	l.host.ConnManager().Protect(id, protectTag)
	return t
}

const protectTag = "lp2p-bootstrap"

// all calls f for each target.
func (l *loop) all(f func(*target)) {
	for _, t := range l.open {
		f(t)
	}
	for _, t := range l.peers {
		f(t)
	}
}

func (l *loop) lookSoon() {
	l.lookAt = l.lastLook.Add(lookAtMost)
}

// next returns when there is something to do without being asked.
func (l *loop) next(now time.Time) time.Time {
	next := l.lookAt
	if !l.saveAt.IsZero() && l.saveAt.Before(next) {
		next = l.saveAt
	}
	l.all(func(t *target) {
		if t.waiting() && l.slot(t) && t.due.Before(next) {
			next = t.due
		}
	})
	if next.Before(now) {
		return now
	}
	return next
}

// slot reports whether one more dial to the target may begin.
func (l *loop) slot(t *target) bool {
	return l.dials < maxDials && (t.configured || l.otherDials < maxOtherDials)
}

// dialDue begins all dials that are due, configured peers first.
func (l *loop) dialDue(ctx context.Context, workers *sync.WaitGroup, now time.Time) {
	for {
		var best *target
		l.all(func(t *target) {
			if t.waiting() && !t.due.After(now) && l.slot(t) && (best == nil || before(t, best)) {
				best = t
			}
		})
		if best == nil {
			return
		}
		if l.putOff(best, now) {
			continue
		}
		best.dialing, best.patient, best.anchor = true, false, false
		l.dials++
		if !best.configured {
			l.otherDials++
		}
		job := job{target: best, id: best.id, addrs: best.addrs, other: !best.configured}
		workers.Go(func() { l.results <- l.dial(ctx, job) })
	}
}

// putOff moves a try that is not wanted now.
func (l *loop) putOff(t *target, now time.Time) bool {
	switch {
	case l.refused(t):
		t.due = now.Add(jitter(lanWait))
	case !t.configured && !t.patient && l.crowded() && !l.wantsOutbound():
		spread := publicWait * time.Duration(max(1, len(l.peers)/(2*enoughPeers)))
		t.due, t.patient = now.Add(rand.N(spread)), true
	default:
		return false
	}
	return true
}

// refused reports whether nobody behind the target may be dialled now.
func (l *loop) refused(t *target) bool {
	if t.id != "" {
		return l.cfg.Network.Refused(t.id)
	}
	for _, id := range t.ids {
		if !l.cfg.Network.Refused(id) {
			return false
		}
	}
	return len(t.ids) > 0
}

func (l *loop) crowded() bool { return len(l.host.Network().Peers()) >= enoughPeers }

// startOver forgets all backoff: another network may reach everybody.
func (l *loop) startOver(now time.Time) {
	l.all(func(t *target) {
		if t.since.IsZero() {
			t.fails, t.due = 0, now.Add(rand.N(firstWait))
		}
	})
}
