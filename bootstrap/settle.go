package bootstrap

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	ma "github.com/multiformats/go-multiaddr"
)

// settle draws the consequences of a try.
func (l *loop) settle(out outcome, now time.Time) {
	t := out.target
	t.dialing = false
	l.dials--
	if out.other {
		l.otherDials--
	}
	if len(out.resolved) > 0 {
		t.lan = onLAN(out.resolved)
	}
	for _, a := range out.answers {
		if a.id == l.host.ID() && !a.own {
			l.reportCopy(a.addr)
		}
	}
	switch {
	case l.forgotten(t):
	case t.id == "":
		l.settleOpen(t, out, now)
	case t.id == l.host.ID():
		l.settleSelf(t, out, now)
	default:
		l.settlePeer(t, out, now)
	}
}

func (l *loop) settlePeer(t *target, out outcome, now time.Time) {
	for _, a := range out.answers {
		l.replaced(t, a, now)
	}
	switch {
	case out.reached, l.connected(t.id): // maybe it came by itself meanwhile
		l.reached(t, now)
	case len(t.addrs) == 0 && t.text == "":
		l.unconfigure(t.id)
		delete(l.peers, t.id)
	case len(out.answers) > 0 && t.text != "":
		l.delay(t, now) // and the warning has been given
	default:
		l.failed(t, out.err, now)
	}
}

// replaced deals with somebody else at an address of a peer. A user who named
// the peer gets to know and to decide; a remembered address is given up, and the
// one who answers there is a peer we did not know.
func (l *loop) replaced(t *target, a answer, now time.Time) {
	l.host.Peerstore().SetAddrs(t.id, []ma.Multiaddr{a.addr}, 0)
	l.book.moved(t.id, a.addr)
	if t.text != "" && l.worthTelling(t, "identity", now) {
		l.log.Warn("another peer answers at a bootstrap entry, not connecting to it",
			"entry", t.text, "expected", t.id, "answers", a.id, "address", a.addr,
			"fix", a.addr.String()+"/p2p/"+a.id.String())
	}
	if t.text != "" {
		return
	}
	t.addrs = without(t.addrs, a.addr)
	if a.id != l.host.ID() {
		l.hear(peer.AddrInfo{ID: a.id, Addrs: []ma.Multiaddr{a.addr}}, now)
	}
}

func (l *loop) settleOpen(t *target, out outcome, now time.Time) {
	var ids []peer.ID
	for _, a := range out.answers {
		if a.id == l.host.ID() || slices.Contains(ids, a.id) {
			continue
		}
		ids = append(ids, a.id)
	}
	if len(ids) == 0 && len(out.answers) > 0 {
		l.settleSelf(t, out, now)
		return
	}
	if len(ids) > 0 {
		t.self = false
		l.trust(t, ids, now)
		for _, a := range out.answers {
			if a.id != l.host.ID() {
				l.configure(a.id, now).learn([]ma.Multiaddr{a.addr})
			}
		}
	}
	switch {
	case out.reached:
		l.reached(t, now)
	case out.refused:
		t.fails, t.due = 0, now.Add(jitter(lanWait))
	default:
		l.failed(t, out.err, now)
	}
}

// trust notes who answers at an open entry.
func (l *loop) trust(t *target, ids []peer.ID, now time.Time) {
	verdict, before := l.book.answered(t.text, ids)
	t.ids = ids
	if l.book.dirty && l.saveAt.IsZero() {
		l.saveAt = now.Add(saveDelay)
	}
	switch verdict {
	case asBefore:
	case firstUse:
		l.log.Info("trusting on first use who answers at a bootstrap entry", "entry", t.text, "peers", names(ids))
	case changed:
		l.log.Warn("another identity answers at a bootstrap entry than before", "entry", t.text, "peers", names(ids), "before", names(before))
	}
	for _, id := range before {
		if !slices.Contains(l.book.answers[t.text], id) {
			l.unconfigure(id)
		}
	}
}

// unconfigure makes a peer one like any other, unless the user named it.
func (l *loop) unconfigure(id peer.ID) {
	t, known := l.peers[id]
	if known && t.text == "" {
		t.configured = false
		l.host.ConnManager().Unprotect(id, protectTag)
	}
}

// settleSelf ends a try that led back to us, or to a copy of our identity.
func (l *loop) settleSelf(t *target, out outcome, now time.Time) {
	if t.text == "" {
		delete(l.peers, t.id)
		return
	}
	if len(out.answers) == 0 {
		l.failed(t, out.err, now)
		return
	}
	l.log.Debug("a bootstrap entry leads to this node", "entry", t.text)
	t.self = true
	t.fails, t.due = 0, now.Add(jitter(publicWait))
	l.hasPeers.Store(l.othersKnown())
}

// othersKnown reports whether anybody but this node was given or is remembered.
func (l *loop) othersKnown() bool {
	if len(l.book.peers) > 0 {
		return true
	}
	other := func(t *target) bool { return !t.self }
	if slices.ContainsFunc(l.open, other) {
		return true
	}
	for _, t := range l.peers {
		if t.configured && t.id != l.host.ID() {
			return true
		}
	}
	return false
}

// reportCopy says that our own identity answers where we do not listen. It is
// the one thing here that a human must mend: two nodes with one key are deaf to
// each other and half deaf to everybody else.
func (l *loop) reportCopy(addr ma.Multiaddr) {
	if ma.Contains(l.copies, addr) || len(l.copies) >= maxTargets {
		return
	}
	l.copies = append(l.copies, addr)
	l.log.Error("another node uses our identity: its data directory was copied (or the address leads back to us: announce it)",
		"peer", l.host.ID(), "address", addr, "fix", "remove the key from one of the two data directories")
}

func (l *loop) reached(t *target, now time.Time) {
	if t.text != "" && t.reason != "" {
		l.log.Info("bootstrap entry reached", "entry", t.text)
	}
	t.reason, t.since, t.seen = "", now, now
	l.lookSoon()
}

// failed counts a failure and tells about those of the user's entries.
func (l *loop) failed(t *target, err error, now time.Time) {
	l.delay(t, now)
	if errors.Is(err, context.Canceled) {
		return
	}
	why := reason(err)
	wait := t.due.Sub(now).Round(100 * time.Millisecond)
	if t.text == "" {
		l.log.Debug("peer not reached", "peer", t.id, "error", why, "again_in", wait)
		return
	}
	if l.worthTelling(t, why, now) {
		l.log.Warn("bootstrap entry not reached, trying again", "entry", t.text, "error", why, "again_in", wait)
	}
}

const (
	tellAgain = time.Hour   // the same trouble
	tellOther = time.Minute // another trouble
)

// worthTelling keeps a trouble that stays from filling the log.
func (l *loop) worthTelling(t *target, why string, now time.Time) bool {
	silence := tellAgain
	if why != t.reason {
		silence = tellOther
	}
	if t.reason != "" && now.Sub(t.told) < silence {
		return false
	}
	t.reason, t.told = why, now
	return true
}

// reason puts the error of a dial into a few words.
func reason(err error) string {
	var failed *swarm.DialError
	switch {
	case err == nil:
		return "nobody answered"
	case errors.Is(err, context.DeadlineExceeded) && !errors.As(err, &failed):
		return "no answer in time"
	case !errors.As(err, &failed) || len(failed.DialErrors) == 0:
		return shorten(oneLine(err.Error()))
	}
	var parts []string
	for _, e := range failed.DialErrors[:min(3, len(failed.DialErrors))] {
		parts = append(parts, e.Address.String()+": "+shorten(oneLine(innermost(e.Cause).Error())))
	}
	return strings.Join(parts, "; ")
}

func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}

func names(ids []peer.ID) []string {
	texts := make([]string, len(ids))
	for i, id := range ids {
		texts[i] = id.String()
	}
	return texts
}
