package bootstrap

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/zeroconf/v2"
	ma "github.com/multiformats/go-multiaddr"
	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
)

const (
	probeAgain = 250 * time.Millisecond // between probes: one may be lost
	mdnsListen = 5353                   // where mDNS is spoken, and firewalls look
)

// LinkProbe says whether an interface carries multicast, as mDNS needs it.
type LinkProbe struct {
	Name    string
	Skipped string // why a node does not look for peers here; "" is: it does
	IPv4    error  // nil: the probe sent was heard over this IP version
	IPv6    error
}

// errNoFamily says that an interface has no address of an IP version.
var errNoFamily = errors.New("the interface has no such address")

// ProbeMulticast sends a probe to the mDNS group on each interface and listens
// for it until ctx ends. What is heard passed this machine's firewall both ways;
// whether the network beyond carries it, only a neighbour's answer tells.
func ProbeMulticast(ctx context.Context) ([]LinkProbe, error) {
	all, err := links()
	if err != nil {
		return nil, err
	}
	used, skipped := multicast(all)
	probes := make([]LinkProbe, len(used), len(used)+len(skipped))
	var wg sync.WaitGroup
	for i, l := range used {
		probes[i].Name = l.Name
		wg.Go(func() { probes[i].IPv4 = probeLink(ctx, l, "udp4", netip.MustParseAddr("224.0.0.251")) })
		wg.Go(func() { probes[i].IPv6 = probeLink(ctx, l, "udp6", netip.MustParseAddr("ff02::fb")) })
	}
	wg.Wait()
	for _, s := range skipped {
		name, why, _ := strings.Cut(s, " (")
		probes = append(probes, LinkProbe{Name: name, Skipped: strings.TrimSuffix(why, ")")})
	}
	return probes, nil
}

// probeLink sends a probe over one IP version and returns nil once it is heard.
func probeLink(ctx context.Context, l link, network string, group netip.Addr) error {
	if !hasFamily(l.Interface, group.Is4()) {
		return errNoFamily
	}
	hear, err := net.ListenMulticastUDP(network, &l.Interface, &net.UDPAddr{IP: group.AsSlice(), Port: mdnsListen})
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	defer hear.Close()
	send, err := net.ListenUDP(network, nil)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	defer send.Close()
	if err := leaveBy(send, l.Interface, group.Is4()); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	probe, err := probeMessage()
	if err != nil {
		return err
	}
	to := &net.UDPAddr{IP: group.AsSlice(), Port: mdnsListen}
	if !group.Is4() {
		to.Zone = l.Name
	}
	return echo(ctx, send, to, hear, probe)
}

// hasFamily reports whether an interface has an address of an IP version, of
// IPv6 also a link-local one, which multicast takes.
func hasFamily(i net.Interface, is4 bool) bool {
	addrs, err := i.Addrs()
	return err == nil && slices.ContainsFunc(addrs, func(a net.Addr) bool {
		n, ok := a.(*net.IPNet)
		return ok && (n.IP.To4() != nil) == is4
	})
}

// leaveBy makes multicast leave by an interface and come back to this machine.
func leaveBy(c *net.UDPConn, i net.Interface, is4 bool) error {
	if is4 {
		p := ipv4.NewPacketConn(c)
		return errors.Join(p.SetMulticastInterface(&i), p.SetMulticastLoopback(true))
	}
	p := ipv6.NewPacketConn(c)
	return errors.Join(p.SetMulticastInterface(&i), p.SetMulticastLoopback(true))
}

// probeMessage is a question of mDNS that nobody answers and nobody else asks.
func probeMessage() ([]byte, error) {
	name, err := dnsmessage.NewName(strings.ToLower(rand.Text()) + "._lp2p-doctor._udp.local.")
	if err != nil {
		return nil, fmt.Errorf("make a probe: %w", err)
	}
	m := dnsmessage.Message{Questions: []dnsmessage.Question{{Name: name, Type: dnsmessage.TypePTR, Class: dnsmessage.ClassINET}}}
	return m.Pack()
}

// echo sends a probe again and again until it is heard or ctx ends.
func echo(ctx context.Context, send *net.UDPConn, to *net.UDPAddr, hear *net.UDPConn, probe []byte) error {
	var trouble error
	buf := make([]byte, 9000) // the largest mDNS message
	for ctx.Err() == nil {
		if _, err := send.WriteToUDP(probe, to); err != nil {
			trouble = fmt.Errorf("send: %w", innermost(err))
		}
		if err := hear.SetReadDeadline(time.Now().Add(probeAgain)); err != nil {
			return fmt.Errorf("listen: %w", err)
		}
		for {
			n, _, err := hear.ReadFromUDP(buf)
			if err == nil && bytes.Equal(buf[:n], probe) {
				return nil
			}
			if err != nil {
				break
			}
		}
	}
	if trouble == nil {
		trouble = errors.New("the probe that was sent was not heard")
	}
	return trouble
}

// Neighbours listens until ctx ends for nodes that announce a service by mDNS,
// and returns them by peer id with their addresses.
func Neighbours(ctx context.Context, service string) ([]peer.AddrInfo, error) {
	all, err := links()
	if err != nil {
		return nil, err
	}
	used, _ := multicast(all)
	if len(used) == 0 {
		return nil, errors.New("no interface to look on")
	}
	found := make(chan peer.AddrInfo)
	ended := make(chan error, 2)
	m := &mdns{Finder: &Finder{cfg: Config{ServiceName: service}}, found: found}
	for _, family := range []zeroconf.IPType{zeroconf.IPv4, zeroconf.IPv6} {
		go func() { ended <- m.browse(ctx, family, used) }()
	}
	heard := map[peer.ID]peer.AddrInfo{}
	var errs []error
	for running := 2; running > 0; {
		select {
		case info := <-found:
			info.Addrs = ma.Unique(append(info.Addrs, heard[info.ID].Addrs...))
			heard[info.ID] = info
		case err := <-ended:
			running--
			if ctx.Err() == nil {
				errs = append(errs, err)
			}
		}
	}
	var infos []peer.AddrInfo
	for _, info := range heard {
		infos = append(infos, info)
	}
	slices.SortFunc(infos, func(a, b peer.AddrInfo) int { return strings.Compare(string(a.ID), string(b.ID)) })
	if len(errs) == 2 { // one IP version is enough
		return infos, errors.Join(errs...)
	}
	return infos, nil
}
