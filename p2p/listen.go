package p2p

import (
	"errors"
	"fmt"
	"log/slog"
	"net"
	"slices"
	"strings"
	"syscall"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/transport"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/libp2p/go-libp2p/p2p/transport/websocket"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

// Address is one to listen on.
type Address struct {
	Addr  ma.Multiaddr
	Named bool // the user asked for it; otherwise it is a default
}

// Listen makes the host listen on each address by itself, since libp2p shares
// TCP ports in silence and forgives addresses that fail. The error is one line
// that says what failed, where, and what to do. Of the defaults a machine
// without IPv6 is only a warning. Addresses given twice count once.
func Listen(h host.Host, addrs []Address, log *slog.Logger) error {
	var done []ma.Multiaddr
	probed := map[string]bool{}
	for _, a := range addrs {
		if slices.ContainsFunc(done, a.Addr.Equal) {
			continue
		}
		err := listenOne(h, a.Addr, probed)
		if err != nil && !a.Named && noIPv6(a.Addr, err) {
			log.Warn("no IPv6 to listen on", "addr", a.Addr, "error", err)
			continue
		}
		if err != nil {
			return fmt.Errorf("listen on %s: %w", a.Addr, err)
		}
		done = append(done, a.Addr)
	}
	if len(done) == 0 && len(addrs) > 0 {
		return errors.New("listen: no address left to listen on; name one that this machine has")
	}
	return nil
}

// listenOne probes a TCP address by a plain listen, without the SO_REUSEPORT
// of libp2p, and then listens. probed holds the ports that are ours already:
// /tcp and /ws may share one.
func listenOne(h host.Host, a ma.Multiaddr, probed map[string]bool) error {
	plain, rest := ma.SplitFunc(a, func(c ma.Component) bool {
		code := c.Protocol().Code
		return code == ma.P_WS || code == ma.P_WSS || code == ma.P_TLS
	})
	network, where, err := manet.DialArgs(plain)
	if err == nil && strings.HasPrefix(network, "tcp") && !probed[where] && takesSocket(h, a) {
		l, err := net.Listen(network, where)
		if err != nil {
			return explain(err)
		}
		if err := l.Close(); err != nil {
			return explain(err)
		}
		_, port, _ := net.SplitHostPort(where)
		probed[where] = port != "0"
	}
	if err := h.Network().Listen(a); err != nil {
		if len(rest) == 0 && !strings.HasPrefix(network, "tcp") {
			return fmt.Errorf("%w; want a form like /ip4/0.0.0.0/tcp/9470", err)
		}
		return explain(err)
	}
	return nil
}

// takesSocket tells whether listening on an address takes a port of this
// machine. On a simulated network it does not.
func takesSocket(h host.Host, a ma.Multiaddr) bool {
	swarm, ok := h.Network().(interface {
		TransportForListening(ma.Multiaddr) transport.Transport
	})
	if !ok {
		return true
	}
	switch swarm.TransportForListening(a).(type) {
	case nil, *tcp.TcpTransport, *websocket.WebsocketTransport:
		return true
	}
	return false
}

// explain adds to the system's answer what to do about it.
func explain(err error) error {
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return errors.New("the port is taken by another program; stop that one, or choose another port (0 takes a free one)")
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return errNoAddress
	case errors.Is(err, syscall.EACCES):
		return errors.New("not allowed; choose a port above 1023")
	case errors.Is(err, syscall.EAFNOSUPPORT):
		return errNoFamily
	}
	return err
}

var (
	errNoFamily  = errors.New("this machine does not have this kind of address switched on")
	errNoAddress = errors.New("this machine has no such address; choose one that it has (0.0.0.0 and :: are all)")
)

// noIPv6 tells whether a failed listen means a machine without IPv6.
func noIPv6(a ma.Multiaddr, err error) bool {
	if !has(a, ma.P_IP6) {
		return false
	}
	return errors.Is(err, errNoFamily) || errors.Is(err, errNoAddress)
}
