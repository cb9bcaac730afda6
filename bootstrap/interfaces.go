package bootstrap

import (
	"fmt"
	"net"
	"slices"
	"strings"

	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// link is an interface with its addresses, but for IPv6 link-local ones, which
// libp2p does not dial.
type link struct {
	net.Interface
	addrs []net.IP
}

// links lists the interfaces of this machine that are up and have an address.
// (A host of containers has many without, which come and go.)
func links() ([]link, error) {
	ifaces, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list interfaces: %w", err)
	}
	var up []link
	for _, i := range ifaces {
		if i.Flags&net.FlagUp == 0 {
			continue
		}
		l := link{Interface: i}
		addrs, err := i.Addrs()
		if err != nil {
			continue // it has just gone
		}
		for _, a := range addrs {
			if n, ok := a.(*net.IPNet); ok && (n.IP.To4() != nil || !n.IP.IsLinkLocalUnicast()) {
				l.addrs = append(l.addrs, n.IP)
			}
		}
		if len(l.addrs) > 0 {
			up = append(up, l)
		}
	}
	return up, nil
}

// multicast parts the interfaces on which neighbours can be found from those
// that are skipped: point-to-point ones (a VPN's), and those without multicast or
// carrier. Where nothing else is left, loopback serves the nodes of this machine.
func multicast(all []link) (used []link, skipped []string) {
	var loopback []link
	for _, l := range all {
		switch {
		case l.Flags&net.FlagLoopback != 0:
			loopback = append(loopback, l)
		case l.Flags&net.FlagPointToPoint != 0:
			skipped = append(skipped, l.Name+" (point-to-point)")
		case l.Flags&net.FlagMulticast == 0:
			skipped = append(skipped, l.Name+" (no multicast)")
		case l.Flags&net.FlagRunning == 0:
			skipped = append(skipped, l.Name+" (no carrier)")
		default:
			used = append(used, l)
		}
	}
	if len(used) == 0 {
		used = loopback
	}
	return used, skipped
}

// announced lists where neighbours on the links can dial us, at most maxPeerAddrs,
// IPv4 first; listens are our listeners as they were asked for. (The swarm knows
// the interfaces' addresses too, but up to a minute late.) A node that listens on
// loopback only is announced there, to the other nodes of this machine.
func announced(listens []ma.Multiaddr, used []link) []ma.Multiaddr {
	var addrs, loopback []ma.Multiaddr
	for _, a := range listens {
		ip, err := manet.ToIP(a)
		if err != nil || len(a) < 2 {
			continue
		}
		if ip.IsLoopback() {
			loopback = append(loopback, a)
			continue
		}
		for _, here := range ipsOf(used) {
			same := (here.To4() == nil) == (ip.To4() == nil)
			if !same || !(ip.IsUnspecified() || ip.Equal(here)) {
				continue
			}
			if full := withIP(a, here); usable(full) {
				addrs = append(addrs, full)
			}
		}
	}
	if len(addrs) == 0 {
		addrs = loopback
	}
	addrs = ma.Unique(addrs)
	slices.SortStableFunc(addrs, func(a, b ma.Multiaddr) int { return a[0].Protocol().Code - b[0].Protocol().Code })
	return addrs[:min(len(addrs), maxPeerAddrs)]
}

func ipsOf(used []link) []net.IP {
	var ips []net.IP
	for _, l := range used {
		ips = append(ips, l.addrs...)
	}
	return ips
}

// withIP puts an IP address in the place of the first component.
func withIP(a ma.Multiaddr, ip net.IP) ma.Multiaddr {
	first, err := manet.FromIP(ip)
	if err != nil {
		return nil
	}
	return first.Encapsulate(a[1:])
}

// fingerprint changes when the machine's place in the network does.
func fingerprint(all []link, addrs []ma.Multiaddr) string {
	var b strings.Builder
	for _, l := range all {
		texts := make([]string, len(l.addrs))
		for i, ip := range l.addrs {
			texts[i] = ip.String()
		}
		slices.Sort(texts)
		fmt.Fprintln(&b, l.Index, l.Name, l.Flags, texts)
	}
	fmt.Fprintln(&b, addrs)
	return b.String()
}

func linkNames(used []link) []string {
	texts := make([]string, len(used))
	for i, l := range used {
		texts[i] = l.Name
	}
	return texts
}
