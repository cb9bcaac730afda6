package bootstrap

import (
	"slices"

	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// ownAddr reports whether an address leads to our own listeners: it is one that
// we tell others, or has the port of one at an address of this machine.
func (f *Finder) ownAddr(addr ma.Multiaddr) bool {
	listens, _ := f.host.Network().InterfaceListenAddresses() // none: then none is own
	known := slices.Concat(listens, f.host.Addrs())
	if ma.Contains(known, addr) {
		return true
	}
	if !manet.IsIPLoopback(addr) && !onThisMachine(addr) {
		return false
	}
	return slices.ContainsFunc(listens, func(l ma.Multiaddr) bool {
		return len(l) > 1 && len(addr) > 1 && l[1:].Equal(addr[1:])
	})
}

func onThisMachine(addr ma.Multiaddr) bool {
	ifaces, err := manet.InterfaceMultiaddrs()
	return err == nil && len(addr) > 0 && ma.Contains(ifaces, addr[:1])
}
