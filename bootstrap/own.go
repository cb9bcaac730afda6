package bootstrap

import (
	"slices"

	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// ownAddr reports whether an address leads to our own listeners: it is one that
// we tell others, or that of a listener at an address of this machine.
func (f *Finder) ownAddr(addr ma.Multiaddr) bool {
	if ma.Contains(f.host.Addrs(), addr) {
		return true
	}
	if len(addr) < 2 || !(manet.IsIPLoopback(addr) || onThisMachine(addr)) {
		return false
	}
	return slices.ContainsFunc(f.host.Network().ListenAddresses(), func(l ma.Multiaddr) bool {
		everywhere := manet.IsIPUnspecified(l) && l[0].Protocol().Code == addr[0].Protocol().Code
		return l.Equal(addr) || (everywhere && l[1:].Equal(addr[1:]))
	})
}

func onThisMachine(addr ma.Multiaddr) bool {
	ifaces, err := manet.InterfaceMultiaddrs()
	return err == nil && ma.Contains(ifaces, addr[:1])
}
