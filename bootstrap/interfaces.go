package bootstrap

import (
	"fmt"
	"net"
	"slices"
	"strings"

	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// link is an interface with its addresses.
type link struct {
	net.Interface
	addrs []net.IP
}

// links lists the interfaces of this machine that are up.
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
			if n, ok := a.(*net.IPNet); ok {
				l.addrs = append(l.addrs, n.IP)
			}
		}
		up = append(up, l)
	}
	return up, nil
}

// multicast parts the interfaces on which neighbours can be found from those
// that are skipped: point-to-point ones (a VPN's) and those without multicast or
// without an address.
func multicast(all []link) (used []link, skipped []string) {
	for _, l := range all {
		switch {
		case l.Flags&net.FlagPointToPoint != 0:
			skipped = append(skipped, l.Name+" (point-to-point)")
		case l.Flags&net.FlagMulticast == 0:
			if l.Flags&net.FlagLoopback == 0 {
				skipped = append(skipped, l.Name+" (no multicast)")
			}
		case len(l.addrs) == 0:
			skipped = append(skipped, l.Name+" (no address)")
		default:
			used = append(used, l)
		}
	}
	return used, skipped
}

// announced picks of our listen addresses those that neighbours on the links can
// dial, at most maxPeerAddrs, IPv4 first. A node that listens on loopback only is
// announced there, to the other nodes of this machine.
func announced(listens []ma.Multiaddr, used []link) []ma.Multiaddr {
	var addrs, loopback []ma.Multiaddr
	for _, a := range listens {
		ip, err := manet.ToIP(a)
		if err != nil || !usable(a) {
			continue
		}
		if ip.IsLoopback() {
			loopback = append(loopback, a)
			continue
		}
		if slices.ContainsFunc(used, func(l link) bool { return slices.ContainsFunc(l.addrs, ip.Equal) }) {
			addrs = append(addrs, a)
		}
	}
	if len(addrs) == 0 {
		addrs = loopback
	}
	slices.SortStableFunc(addrs, func(a, b ma.Multiaddr) int { return a[0].Protocol().Code - b[0].Protocol().Code })
	return addrs[:min(len(addrs), maxPeerAddrs)]
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
