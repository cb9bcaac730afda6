package p2p

import (
	"cmp"
	"math/rand/v2"
	"net"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"

	"github.com/lp2pnode/lp2pnode/chain"
)

const (
	maxDeparted = 64   // peers remembered after they left
	maxRefused  = 1024 // peers remembered as refused
	refusedFor  = 10 * time.Minute
	maxPause    = 10 * time.Minute // of sync with one peer
)

// The directions of a Peer.
const (
	inbound  = "inbound"
	outbound = "outbound"
)

// Peer is what is known of a connected peer, or of one that left. Height, Tip
// and Work are what it claimed last, and zero until Met.
type Peer struct {
	ID        peer.ID
	Addr      string // multiaddr of the other end
	Direction string // "inbound" or "outbound"
	Transport string // "tcp", "ws", "quic-v1"
	Agent     string
	Height    uint64
	Tip       chain.Hash
	Work      chain.Work
	Latency   time.Duration // of the last status exchange that we opened
	Connected time.Time
	Met       bool // its status has shown our genesis

	PausedUntil time.Time // sync leaves it alone until then; zero: it does not
	PauseReason Reason

	Left   time.Time // zero while connected
	Reason Reason    // why it left or was refused
	Detail string    // more of it, for people

	BannedUntil time.Time // zero: it is not banned
	Deeds       []Deed    // what was done about it, over all its connections; latest last
}

// remote is a connected peer.
type remote struct {
	Peer
	conns     map[network.Conn]struct{}
	offset    time.Duration // its clock minus ours
	measured  bool          // offset and Latency are set
	failures  uint          // of sync in a row
	seen      net.IP        // as which it says it sees us; nil: not yet told
	askedPool bool          // it was asked for its transactions
	limits    limits        // of its gossip; not changed
	requests  requests      // its and ours, of sync; not changed
	statuses  statuses      // not changed

	kick chan struct{} // holds one: exchange statuses now
	gone chan struct{} // closed when the last connection ended
}

// newRemote describes the peer at the other end of a connection.
func newRemote(c network.Conn, now time.Time, s *standing) *remote {
	direction := inbound
	if c.Stat().Direction == network.DirOutbound {
		direction = outbound
	}
	return &remote{
		Peer: Peer{
			ID:        c.RemotePeer(),
			Addr:      c.RemoteMultiaddr().String(),
			Direction: direction,
			Transport: transportOf(c.RemoteMultiaddr()),
			Connected: now,

			PausedUntil: s.pausedUntil,
			PauseReason: s.pauseReason,
		},
		failures: s.failures,
		conns:    map[network.Conn]struct{}{},
		limits:   s.limits,
		requests: s.requests,
		statuses: s.statuses,
		kick:     make(chan struct{}, 1),
		gone:     make(chan struct{}),
	}
}

// remote returns a connected peer, or nil.
func (n *Network) remote(id peer.ID) *remote {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.remotes[id]
}

func transportOf(a ma.Multiaddr) string {
	for _, t := range []struct {
		code int
		name string
	}{{ma.P_CIRCUIT, "relay"}, {ma.P_QUIC_V1, "quic-v1"}, {ma.P_WSS, "ws"}, {ma.P_WS, "ws"}, {ma.P_TCP, "tcp"}} {
		if has(a, t.code) {
			return t.name
		}
	}
	return "other"
}

// Peers returns the connected peers, longest connected first, then those that
// left or were refused, latest first. The latter are bounded in number.
func (n *Network) Peers() []Peer {
	n.mu.Lock()
	defer n.mu.Unlock()
	var list []Peer
	for _, r := range n.remotes {
		list = append(list, n.withStanding(r.Peer))
	}
	slices.SortFunc(list, func(a, b Peer) int {
		return cmp.Or(a.Connected.Compare(b.Connected), cmp.Compare(a.ID, b.ID))
	})
	for _, p := range slices.Backward(n.departed) {
		if n.remotes[p.ID] == nil {
			list = append(list, n.withStanding(p))
		}
	}
	return list
}

// withStanding adds what is kept of a peer over its connections. The caller
// holds mu.
func (n *Network) withStanding(p Peer) Peer {
	if s := n.kept[p.ID]; s != nil {
		p.Deeds = slices.Clone(s.deeds)
	}
	if ban, banned := n.bans.Find(p.ID); banned {
		p.BannedUntil = ban.Until
		if !p.Left.IsZero() {
			p.Reason, p.Detail = ReasonBanned, ban.why()
		}
	}
	return p
}

// Met returns the connected peers whose status has shown our genesis.
func (n *Network) Met() []peer.ID {
	n.mu.Lock()
	defer n.mu.Unlock()
	var ids []peer.ID
	for id, r := range n.remotes {
		if r.Met {
			ids = append(ids, id)
		}
	}
	return ids
}

// Refused tells whether a peer is banned, or was found on another chain within
// the last ten minutes: do not dial it (protocol §8). The latter may dial us,
// and is met if its genesis is ours by then.
func (n *Network) Refused(id peer.ID) bool {
	if n.bans.Contains(id) {
		return true
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	until, ok := n.refused[id]
	return ok && n.now().Before(until)
}

// ClockOffset returns the median of the peers' time minus ours, and of how many
// peers it is. Of an even number the middle one nearer to our own clock stands,
// so that it takes more than half of the peers to move it.
func (n *Network) ClockOffset() (offset time.Duration, peers int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var offsets []time.Duration
	for _, r := range n.remotes {
		if r.Met && r.measured {
			offsets = append(offsets, r.offset)
		}
	}
	if len(offsets) == 0 {
		return 0, 0
	}
	slices.Sort(offsets)
	low, high := offsets[(len(offsets)-1)/2], offsets[len(offsets)/2]
	if low.Abs() < high.Abs() {
		return low, len(offsets)
	}
	return high, len(offsets)
}

// connected is called by libp2p for every new connection; it must not wait.
func (n *Network) connected(_ network.Network, c network.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := n.remotes[c.RemotePeer()]
	if r == nil {
		r = newRemote(c, n.now(), n.standing(c.RemotePeer()))
		n.remotes[r.ID] = r
		n.fresh = append(n.fresh, r)
		nudge(n.arrived)
		n.notify()
	}
	r.conns[c] = struct{}{}
}

// disconnected is called by libp2p after connected, for every connection.
func (n *Network) disconnected(_ network.Network, c network.Conn) {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := n.remotes[c.RemotePeer()]
	if r == nil {
		return
	}
	delete(r.conns, c)
	if len(r.conns) > 0 {
		return
	}
	delete(n.remotes, r.ID)
	close(r.gone)
	r.Left = n.now()
	if r.Reason == "" {
		r.Reason = ReasonClosed
	}
	n.tellLeft(r)
	s := n.standing(r.ID)
	s.failures, s.pausedUntil, s.pauseReason = r.failures, r.PausedUntil, r.PauseReason
	n.note(s, ActLeft, r.Reason, r.Detail)
	n.depart(r.Peer)
}

// depart remembers a peer that left or was turned away. The caller holds mu.
func (n *Network) depart(p Peer) {
	n.departed = slices.DeleteFunc(n.departed, func(d Peer) bool { return d.ID == p.ID })
	n.departed = append(n.departed[max(0, len(n.departed)+1-maxDeparted):], p)
	n.notify()
}

// tellLeft logs once why a peer left: of those that were met always, of others
// where the reason is a new one. Refusals were told when they were found.
func (n *Network) tellLeft(r *remote) {
	told := r.Reason == ReasonOtherGenesis || !r.Met && r.Reason == ReasonClosed ||
		!r.Met && slices.ContainsFunc(n.departed, func(p Peer) bool { return p.ID == r.ID && p.Reason == r.Reason })
	log := n.log.Info
	if told {
		log = n.log.Debug
	}
	log("peer left", "peer", r.ID, "addr", r.Addr, "reason", r.Reason, "detail", r.Detail,
		"after", r.Left.Sub(r.Connected).Round(time.Millisecond))
}

// part says why a peer is being disconnected; the first reason stands.
func (n *Network) part(r *remote, reason Reason, detail string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if r.Reason == "" {
		r.Reason, r.Detail = reason, detail
	}
}

// refuse notes a peer of another chain, and says so once.
func (n *Network) refuse(r *remote, theirs chain.Hash) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now()
	until, before := n.refused[r.ID]
	if before = before && now.Before(until); !before {
		n.log.Info("peer refused", "peer", r.ID, "addr", r.Addr, "reason", ReasonOtherGenesis,
			"ours", n.rules.Genesis().Hash, "theirs", theirs)
	}
	for id, until := range n.refused {
		if !now.Before(until) || len(n.refused) >= maxRefused {
			delete(n.refused, id)
		}
	}
	n.refused[r.ID] = now.Add(refusedFor)
	r.Met = false
	if r.Reason != ReasonOtherGenesis { // not yet told in this visit
		r.Reason, r.Detail = ReasonOtherGenesis, "its genesis is "+theirs.String()
		n.note(n.standing(r.ID), ActRefused, r.Reason, r.Detail)
	}
	n.notify()
}

// pause makes sync leave a peer alone, twice as long after each failure. What
// only malice does is counted as such.
func (n *Network) pause(id peer.ID, reason Reason, err error) {
	n.leaveAlone(id, reason, err)
	n.offend(id, reason, err)
}

func (n *Network) leaveAlone(id peer.ID, reason Reason, err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := n.remotes[id]
	if r == nil {
		return
	}
	wait := min(n.timing.pause<<min(r.failures, 10), maxPause)
	log := n.log.Info
	switch reason {
	case ReasonAhead:
		wait = n.timing.ahead
	case ReasonBusy:
		wait, log = n.whileBusy(), n.log.Debug
	default:
		r.failures++
	}
	r.PausedUntil, r.PauseReason = n.now().Add(wait), reason
	n.note(n.standing(id), ActPaused, reason, err.Error())
	log("sync leaves peer", "peer", id, "reason", reason, "for", wait, "error", err)
	n.notify()
}

// whileBusy is how long a peer with too many requests is left alone, not the
// same for all who ask it.
func (n *Network) whileBusy() time.Duration { return n.timing.busy + rand.N(n.timing.busy) }

// praise forgets a peer's failures, for it has been of use.
func (n *Network) praise(id peer.ID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if r := n.remotes[id]; r != nil && !n.now().Before(r.PausedUntil) {
		r.failures, r.PausedUntil, r.PauseReason = 0, time.Time{}, ""
	}
}

// heavier returns the peers that claim more work than this and are not left
// alone, heaviest first, and when the next of those left alone may be asked
// again (zero: there is none).
func (n *Network) heavier(work chain.Work) (list []Peer, next time.Time) {
	n.mu.Lock()
	defer n.mu.Unlock()
	now := n.now()
	for _, r := range n.remotes {
		switch {
		case !r.Met || r.Work.Cmp(work) <= 0:
		case !now.Before(r.PausedUntil):
			list = append(list, r.Peer)
		case next.IsZero() || r.PausedUntil.Before(next):
			next = r.PausedUntil
		}
	}
	slices.SortFunc(list, func(a, b Peer) int {
		return cmp.Or(b.Work.Cmp(a.Work), cmp.Compare(a.Latency, b.Latency), cmp.Compare(a.ID, b.ID))
	})
	return list, next
}

// kickAll makes every peer's watcher exchange statuses now.
func (n *Network) kickAll() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, r := range n.remotes {
		nudge(r.kick)
	}
}

func (n *Network) kickOne(id peer.ID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if r := n.remotes[id]; r != nil {
		nudge(r.kick)
	}
}

// nudge fills a channel that holds one.
func nudge(c chan<- struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}
