package bootstrap

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// Against eclipse: whoever dials us chooses itself, and may come with as many
// identities as it likes. So some peers are chosen by us. These are dialled
// however many come by themselves, are never closed to make room, and come from
// different subnets as far as there are any; two of them are dialled first after
// a restart.
const (
	outboundQuota = 8 // met peers that we dialled and keep
	maxAnchors    = 2 // of those, kept in the book
	chosenTag     = "lp2p-chosen"
)

// groupOf names the subnet of an address: /16 of IPv4, /32 of IPv6. All of a LAN
// has one name, "": there, one address or subnet says nothing of who is who.
func groupOf(addr ma.Multiaddr) string {
	if len(addr) == 0 || dns(addr) || manet.IsPrivateAddr(addr) {
		return ""
	}
	ip, err := manet.ToIP(addr)
	if err != nil {
		return ""
	}
	at, _ := netip.AddrFromSlice(ip)
	bits := 16
	if at = at.Unmap(); at.Is6() {
		bits = 32
	}
	subnet, err := at.Prefix(bits)
	if err != nil || at.IsPrivate() || at.IsLoopback() || at.IsLinkLocalUnicast() {
		return ""
	}
	return subnet.String()
}

// sight is how a peer is connected.
type sight struct {
	group string // where it really is, whatever it says of itself
	tried bool   // we dialled it, so it can be reached
}

func (l *loop) sightOf(id peer.ID) sight {
	var s sight
	for i, c := range l.host.Network().ConnsToPeer(id) {
		if i == 0 && !relayed(c.RemoteMultiaddr()) {
			s.group = groupOf(c.RemoteMultiaddr())
		}
		s.tried = s.tried || c.Stat().Direction == network.DirOutbound
	}
	return s
}

// outbound is a met peer that we dialled.
type outbound struct {
	id    peer.ID
	group string
	since time.Time
}

// choose keeps the chosen peers that are still there and fills their number up.
func (l *loop) choose(met []peer.ID) {
	var here []outbound
	for _, id := range met {
		t, known := l.peers[id]
		if s := l.sightOf(id); known && s.tried {
			here = append(here, outbound{id, s.group, t.since})
		}
	}
	before := l.chosen
	l.chosen = chooseOutbound(here, before)
	for _, id := range before {
		if !slices.Contains(l.chosen, id) {
			l.host.ConnManager().Unprotect(id, chosenTag)
		}
	}
	for _, id := range l.chosen {
		l.host.ConnManager().Protect(id, chosenTag)
	}
	l.book.anchor(l.chosen)
}

// chooseOutbound returns those chosen before that are here, in their order, and
// then others until there are outboundQuota: first of subnets that have none
// yet, then those connected for longest.
func chooseOutbound(here []outbound, before []peer.ID) []peer.ID {
	var chosen []peer.ID
	groups := map[string]int{}
	take := func(o outbound) {
		chosen = append(chosen, o.id)
		if o.group != "" {
			groups[o.group]++
		}
	}
	at := func(id peer.ID) int { return slices.IndexFunc(here, func(o outbound) bool { return o.id == id }) }
	for _, id := range before {
		if i := at(id); i >= 0 {
			take(here[i])
			here = slices.Delete(here, i, i+1)
		}
	}
	for len(here) > 0 && len(chosen) < outboundQuota {
		best := slices.MinFunc(here, func(a, b outbound) int {
			return cmp.Or(cmp.Compare(groups[a.group], groups[b.group]), a.since.Compare(b.since), cmp.Compare(a.id, b.id))
		})
		take(best)
		here = slices.Delete(here, at(best.id), at(best.id)+1)
	}
	return chosen
}

// wantsOutbound reports whether we have yet to choose peers.
func (l *loop) wantsOutbound() bool { return len(l.chosen) < outboundQuota }
