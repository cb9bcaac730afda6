package doctor

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"

	ma "github.com/multiformats/go-multiaddr"
	madns "github.com/multiformats/go-multiaddr-dns"
	manet "github.com/multiformats/go-multiaddr/net"

	"github.com/lp2pnode/lp2pnode/node"
)

// checkAddresses compares the addresses that the node tells to others with
// those from which other nodes see this machine coming.
func (p *patient) checkAddresses(ctx context.Context) []Result {
	announced, bad := p.announcedIPs(ctx)
	if bad != nil {
		return one(*bad)
	}
	var seen []net.IP
	for _, c := range p.survey().contacts {
		if ip, err := manet.ToIP(orEmpty(c.seen)); err == nil && !ip.IsLoopback() && !slices.ContainsFunc(seen, ip.Equal) {
			seen = append(seen, ip)
		}
	}
	if len(seen) == 0 {
		return one(skipped("", "no node elsewhere was reached that could say where it sees this machine"))
	}
	own := ownIPs()
	var results []Result
	for _, ip := range seen {
		switch {
		case slices.ContainsFunc(announced, ip.Equal):
			results = append(results, ok(ip.String(), "peers see this machine there, and it is announced"))
		case slices.ContainsFunc(own, ip.Equal) && len(announced) == 0:
			results = append(results, ok(ip.String(), "peers see this machine there, at an address of its own"))
		case slices.ContainsFunc(own, ip.Equal):
			results = append(results, ok(ip.String(), "peers see this machine there, at an address of its own; announced is %s", texts(announced)))
		case len(announced) > 0:
			results = append(results, finding("announce-wrong", "announced is "+texts(announced), "{seen}", ip.String()).of(ip.String()))
		default:
			results = append(results, finding("nated", "its own addresses are "+texts(own),
				"{seen}", ip.String(), "{port}", p.port(), "{family}", family(ip)).of(ip.String()))
		}
	}
	return results
}

func orEmpty(a ma.Multiaddr) ma.Multiaddr {
	if len(a) == 0 {
		return ma.StringCast("/ip4/127.0.0.1")
	}
	return a
}

// announcedIPs resolves what --announce says; none without it.
func (p *patient) announcedIPs(ctx context.Context) (ips []net.IP, bad *Result) {
	for _, text := range p.cfg.Node.Announce {
		addr, err := ma.NewMultiaddr(text)
		if err != nil {
			continue // checked when the settings were read
		}
		resolved, err := madns.DefaultResolver.Resolve(ctx, addr)
		if err != nil || len(resolved) == 0 {
			why := "no address of that kind"
			if err != nil {
				why = innermost(err).Error()
			}
			r := finding("announce-unresolved", why).of(text)
			return nil, &r
		}
		for _, a := range resolved {
			if ip, err := manet.ToIP(a); err == nil {
				ips = append(ips, ip)
			}
		}
	}
	return ips, nil
}

// port is the first TCP port that the node listens on.
func (p *patient) port() string {
	for _, a := range p.listens() {
		if port, err := a.ValueForProtocol(ma.P_TCP); err == nil && port != "0" {
			return port
		}
	}
	return fmt.Sprint(node.DefaultPort)
}

func family(ip net.IP) string {
	if ip.To4() != nil {
		return "ip4"
	}
	return "ip6"
}

func texts(ips []net.IP) string {
	if len(ips) == 0 {
		return "none"
	}
	var all []string
	for _, ip := range ips {
		all = append(all, ip.String())
	}
	return strings.Join(all, ", ")
}
