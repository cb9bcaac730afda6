package sim

import (
	"context"
	"errors"
	"fmt"
	"net"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/transport"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// Transport is libp2p's TCP on a simulated network: the connections below are
// simulated, encryption and multiplexing above them are libp2p's own.
type Transport struct {
	machine  *Machine
	upgrader transport.Upgrader
	rcmgr    network.ResourceManager
}

// Transport returns the constructor of this machine's transport, for
// libp2p.Transport.
func (m *Machine) Transport() func(transport.Upgrader, network.ResourceManager) (*Transport, error) {
	return func(u transport.Upgrader, r network.ResourceManager) (*Transport, error) {
		if r == nil {
			r = &network.NullResourceManager{}
		}
		return &Transport{machine: m, upgrader: u, rcmgr: r}, nil
	}
}

// CanDial implements transport.Transport: /ip4/…/tcp/… and nothing more.
func (t *Transport) CanDial(a ma.Multiaddr) bool {
	_, err := tcpAddr(a)
	return err == nil
}

// Protocols implements transport.Transport.
func (t *Transport) Protocols() []int { return []int{ma.P_TCP} }

// Proxy implements transport.Transport.
func (t *Transport) Proxy() bool { return false }

func tcpAddr(a ma.Multiaddr) (*net.TCPAddr, error) {
	if len(a) != 2 {
		return nil, fmt.Errorf("address %s: want /ip4/…/tcp/…", a)
	}
	na, err := manet.ToNetAddr(a)
	if err != nil {
		return nil, fmt.Errorf("address %s: %w", a, err)
	}
	tcp, ok := na.(*net.TCPAddr)
	if !ok || tcp.IP.To4() == nil {
		return nil, fmt.Errorf("address %s: want /ip4/…/tcp/…", a)
	}
	tcp.IP = tcp.IP.To4()
	return tcp, nil
}

// Dial implements transport.Transport.
func (t *Transport) Dial(ctx context.Context, a ma.Multiaddr, id peer.ID) (transport.CapableConn, error) {
	scope, err := t.rcmgr.OpenConnection(network.DirOutbound, true, a)
	if err != nil {
		return nil, fmt.Errorf("open connection: %w", err)
	}
	c, err := t.dial(ctx, a, id, scope)
	if err != nil {
		scope.Done()
		return nil, err
	}
	return c, nil
}

func (t *Transport) dial(ctx context.Context, a ma.Multiaddr, id peer.ID, scope network.ConnManagementScope) (transport.CapableConn, error) {
	if err := scope.SetPeer(id); err != nil {
		return nil, fmt.Errorf("set peer: %w", err)
	}
	to, err := tcpAddr(a)
	if err != nil {
		return nil, err
	}
	raw, err := t.machine.dial(ctx, to.AddrPort())
	if err != nil {
		return nil, err
	}
	c, err := manet.WrapNetConn(raw)
	if err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return t.upgrader.Upgrade(ctx, t, c, network.DirOutbound, id, scope)
}

// Listen implements transport.Transport, at the machine's own address only.
func (t *Transport) Listen(a ma.Multiaddr) (transport.Listener, error) {
	at, err := tcpAddr(a)
	if err != nil {
		return nil, err
	}
	if at.AddrPort().Addr() != t.machine.addr || at.Port == 0 {
		return nil, fmt.Errorf("listen on %s: want a port of %s", a, t.machine.addr)
	}
	raw, err := t.machine.listen(uint16(at.Port))
	if err != nil {
		return nil, err
	}
	l, err := manet.WrapNetListener(raw)
	if err != nil {
		return nil, errors.Join(err, raw.Close())
	}
	return t.upgrader.UpgradeGatedMaListener(t, t.upgrader.GateMaListener(l)), nil
}
