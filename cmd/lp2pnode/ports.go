package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"syscall"

	"github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/lp2pnode/lp2pnode/node"
)

// listenAPI opens the API's address; none is nil.
func listenAPI(addr string) (net.Listener, error) {
	if addr == "" {
		return nil, nil
	}
	l, err := net.Listen("tcp", addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf(`api address %s is in use: another lp2pnode may run here; choose another with --api, or --api "" for none`, addr)
	}
	if err != nil {
		return nil, fmt.Errorf(`api address %s cannot be listened on: %w; choose another with --api, or --api "" for none`, addr, reason(err))
	}
	return l, nil
}

// probe tells early, before anything is written, that a peer-to-peer port is
// taken. Of the default addresses it looks at nothing else: a machine may lack
// IPv6.
func (o *options) probe() error {
	addrs, named := o.node.Listen, true
	if len(addrs) == 0 && !o.ephemeral {
		named = false
		addrs = []string{
			fmt.Sprintf("/ip4/0.0.0.0/tcp/%d", node.DefaultPort),
			fmt.Sprintf("/ip6/::/tcp/%d", node.DefaultPort),
		}
	}
	for _, s := range addrs {
		addr, err := multiaddr.NewMultiaddr(s)
		if err != nil {
			return fmt.Errorf("listen address %q: %w", s, err)
		}
		err = tryListen(addr)
		switch {
		case errors.Is(err, syscall.EADDRINUSE):
			return fmt.Errorf("p2p address %s is in use: another lp2pnode may run here; "+
				"choose another with --listen /ip4/0.0.0.0/tcp/PORT, or --ephemeral for a passing node", s)
		case err != nil && named:
			return fmt.Errorf("p2p address %s cannot be listened on: %w; choose another with --listen", s, reason(err))
		}
	}
	return nil
}

// tryListen listens on an address of TCP or UDP for a moment; others are left
// to their transport.
func tryListen(addr multiaddr.Multiaddr) error {
	network, hostport, err := manet.DialArgs(addr)
	if err != nil {
		return nil
	}
	var l io.Closer
	switch network {
	case "tcp", "tcp4", "tcp6":
		l, err = net.Listen(network, hostport)
	case "udp", "udp4", "udp6":
		l, err = net.ListenPacket(network, hostport)
	default:
		return nil
	}
	if err != nil {
		return err
	}
	return l.Close()
}

// reason returns what the system said, without the address that our own text
// names already.
func reason(err error) error {
	var op *net.OpError
	if errors.As(err, &op) {
		return op.Err
	}
	return err
}

// reachable returns an address on this machine for one that is listened on:
// what listens everywhere is reached by loopback.
func reachable(hostport string) string {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return hostport
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}
