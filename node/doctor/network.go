package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"time"

	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/lp2pnode/lp2pnode/bootstrap"
	"github.com/lp2pnode/lp2pnode/node"
)

const (
	probeWait = 3 * time.Second // for a multicast probe
	knockWait = 2 * time.Second // for a connection of this machine to itself
)

// checkMulticast probes each interface, and tells which neighbours answer.
func (p *patient) checkMulticast(ctx context.Context) []Result {
	if !p.cfg.Node.MDNS {
		return one(skipped("", "mdns is off"))
	}
	limited, cancel := context.WithTimeout(ctx, probeWait)
	defer cancel()
	probes, err := bootstrap.ProbeMulticast(limited)
	if err != nil {
		return one(finding("no-interface", oneLine(err)))
	}
	var results []Result
	looked := false
	for _, l := range probes {
		looked = looked || l.Skipped == ""
		results = append(results, judgeLink(l))
	}
	if !looked {
		results = append(results, finding("no-interface", "no interface to look for neighbours on"))
	}
	return append(results, p.tellNeighbours())
}

func judgeLink(l bootstrap.LinkProbe) Result {
	switch {
	case l.Skipped != "":
		return skipped(l.Name, "nodes do not look for neighbours here: %s", l.Skipped)
	case l.IPv4 == nil && l.IPv6 == nil:
		return ok(l.Name, "its own probe is heard over IPv4 and IPv6")
	case l.IPv4 == nil:
		return ok(l.Name, "its own probe is heard over IPv4; over IPv6: %s", oneLine(l.IPv6))
	case l.IPv6 == nil:
		return ok(l.Name, "its own probe is heard over IPv6; over IPv4: %s", oneLine(l.IPv4))
	}
	return finding("multicast-blocked", fmt.Sprintf("IPv4: %s; IPv6: %s", oneLine(l.IPv4), oneLine(l.IPv6)), "{interface}", l.Name).of(l.Name)
}

func (p *patient) tellNeighbours() Result {
	s := p.survey()
	if s.err != nil || s.deaf != nil {
		return skipped("neighbours", "not looked for: %s", oneLine(errors.Join(s.err, s.deaf)))
	}
	if len(s.neighbours) == 0 {
		return ok("neighbours", "no other node of this chain announces itself; if there should be one, the switch or access point between may drop multicast: use --bootstrap")
	}
	var names []string
	for _, n := range s.neighbours {
		names = append(names, n.ID.String())
	}
	return ok("neighbours", "%d announce themselves: %s", len(names), strings.Join(names, ", "))
}

// checkPorts tries to listen where the node would, or sees that the running
// one does, and knocks from this machine at what is open to others.
func (p *patient) checkPorts(ctx context.Context) []Result {
	var results []Result
	if p.running.status == nil && p.running.holder.PID == 0 && p.cfg.API != "" {
		l, err := net.Listen("tcp", p.cfg.API)
		if err == nil {
			_ = l.Close()
		}
		results = append(results, judgePort("API "+p.cfg.API, p.cfg.API, "--api HOST:PORT", err))
	}
	for _, addr := range p.listens() {
		results = append(results, p.checkPort(ctx, addr)...)
	}
	if len(results) == 0 {
		results = one(skipped("", "nothing is listened on that others could have taken"))
	}
	return results
}

// listens returns where the node listens, or would.
func (p *patient) listens() []ma.Multiaddr {
	texts := p.cfg.Node.Listen
	if len(texts) == 0 && p.cfg.Node.DataDir != "" {
		texts = []string{fmt.Sprintf("/ip4/0.0.0.0/tcp/%d", node.DefaultPort), fmt.Sprintf("/ip6/::/tcp/%d", node.DefaultPort)}
	}
	var addrs []ma.Multiaddr
	for _, t := range texts {
		if a, err := ma.NewMultiaddr(t); err == nil { // checked when the settings were read
			addrs = append(addrs, a)
		}
	}
	return addrs
}

func (p *patient) checkPort(ctx context.Context, addr ma.Multiaddr) []Result {
	network, hostport, err := manet.DialArgs(addr)
	if err != nil {
		return one(skipped(addr.String(), "only TCP and UDP addresses are tried"))
	}
	tcp := strings.HasPrefix(network, "tcp")
	if !p.running.is() {
		closer, err := listen(network, hostport)
		if network == "tcp6" && len(p.cfg.Node.Listen) == 0 && noIPv6(err) {
			return one(skipped(addr.String(), "this machine has no IPv6"))
		}
		if err != nil {
			return one(judgePort(addr.String(), addr.String(), "--listen /ip4/0.0.0.0/tcp/PORT", err))
		}
		defer closer.Close()
	}
	if !tcp {
		return one(ok(addr.String(), "free, or the running node's"))
	}
	return p.knock(ctx, addr, network, hostport)
}

func noIPv6(err error) bool {
	return errors.Is(err, syscall.EAFNOSUPPORT) || errors.Is(err, syscall.EADDRNOTAVAIL)
}

func listen(network, hostport string) (interface{ Close() error }, error) {
	if strings.HasPrefix(network, "udp") {
		return net.ListenPacket(network, hostport)
	}
	return net.Listen(network, hostport)
}

func judgePort(of, addr, setting string, err error) Result {
	switch {
	case err == nil:
		return ok(of, "free")
	case errors.Is(err, syscall.EADDRINUSE):
		return finding("port-taken", "in use", "{addr}", addr, "{setting}", setting).of(of)
	}
	return finding("port-unusable", oneLine(err), "{addr}", addr, "{why}", innermost(err).Error(), "{setting}", setting).of(of)
}

// knock connects to each of this machine's addresses at which others would. A
// firewall that lets the machine talk to itself is not seen so; doctor on
// another machine, with this one as --bootstrap, sees it.
func (p *patient) knock(ctx context.Context, addr ma.Multiaddr, network, hostport string) []Result {
	_, port, err := net.SplitHostPort(hostport)
	if err != nil || port == "0" {
		return one(ok(addr.String(), "takes a free port"))
	}
	ips := outside(addr)
	if len(ips) == 0 {
		return one(ok(addr.String(), "open on this machine only"))
	}
	var results []Result
	for _, ip := range ips {
		at := net.JoinHostPort(ip.String(), port)
		dialer := net.Dialer{Timeout: knockWait}
		c, err := dialer.DialContext(ctx, network, at)
		if err != nil {
			results = append(results, finding("port-closed", innermost(err).Error(), "{addr}", at, "{port}", port).of(at))
			continue
		}
		_ = c.Close()
		results = append(results, ok(at, "open to this machine%s", p.dialledIn()))
	}
	return results
}

// dialledIn tells whether others have come in at the running node.
func (p *patient) dialledIn() string {
	in := 0
	for _, c := range p.running.peers {
		if c.State == "connected" && c.Direction == "inbound" {
			in++
		}
	}
	switch {
	case !p.running.is():
		return "; that others reach it, lp2pnode doctor --bootstrap ADDRESS shows from another machine"
	case in > 0:
		return fmt.Sprintf(", and %d peers have dialled in", in)
	}
	return "; no peer has dialled in"
}

// outside lists this machine's addresses, but for loopback and link-local ones,
// at which a listener on addr is reached.
func outside(addr ma.Multiaddr) []net.IP {
	ip, err := manet.ToIP(addr)
	if err != nil || ip.IsLoopback() {
		return nil
	}
	var ips []net.IP
	for _, own := range ownIPs() {
		if (own.To4() != nil) == (ip.To4() != nil) && (ip.IsUnspecified() || ip.Equal(own)) {
			ips = append(ips, own)
		}
	}
	return ips
}

func ownIPs() []net.IP {
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var ips []net.IP
	for _, a := range addrs {
		if n, is := a.(*net.IPNet); is && !n.IP.IsLoopback() && !n.IP.IsLinkLocalUnicast() && !slices.ContainsFunc(ips, n.IP.Equal) {
			ips = append(ips, n.IP)
		}
	}
	return ips
}
