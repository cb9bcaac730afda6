package bootstrap

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/zeroconf/v2"
	ma "github.com/multiformats/go-multiaddr"
	manet "github.com/multiformats/go-multiaddr/net"
)

const (
	pollLinks  = 5 * time.Second // how soon a change of the interfaces is seen, and a failure tried again
	mdnsDomain = "local"
	mdnsPort   = 4001 // of the SRV record, which nobody reads: addresses are in TXT
	txtPrefix  = "dnsaddr="
	maxTXT     = 255 // bytes of one string
)

// mdns announces this node on the LAN and hears of others, as libp2p's mDNS does
// (same records), but on chosen interfaces, again after each change of them, and
// with IPv4 alone where there is no IPv6: libp2p's own service would then
// announce and never hear, and say nothing.
type mdns struct {
	*Finder
	found chan<- peer.AddrInfo
	moved chan<- struct{} // told when the interfaces have changed

	// owned by run
	trouble string // last told
	told    string // fingerprint of the last session told
}

// run keeps one session going until ctx ends.
func (m *mdns) run(ctx context.Context) {
	last := ""
	for ctx.Err() == nil {
		all, used, addrs, err := m.place()
		now := fingerprint(all, addrs)
		if last != "" && last != now {
			select {
			case m.moved <- struct{}{}:
			default:
			}
		}
		last = now
		if err == nil {
			err = m.session(ctx, used, addrs, now)
		}
		if err != nil && ctx.Err() == nil {
			m.warn(err)
			pause(ctx, pollLinks)
		}
	}
}

// place looks where in the network this node is.
func (m *mdns) place() (all, used []link, addrs []ma.Multiaddr, err error) {
	all, err = links()
	if err != nil {
		return nil, nil, nil, err
	}
	used, skipped := multicast(all)
	addrs = announced(m.host.Network().ListenAddresses(), used)
	switch {
	case len(used) == 0:
		err = fmt.Errorf("no interface to look on, skipped: %v", skipped)
	case len(addrs) == 0:
		err = errors.New("no address to announce")
	}
	return all, used, addrs, err
}

// session announces and listens until ctx ends or the fingerprint changes, which
// is nil, or nothing works any more.
func (m *mdns) session(ctx context.Context, used []link, addrs []ma.Multiaddr, before string) error {
	server, err := m.announce(used, addrs)
	if err != nil {
		return fmt.Errorf("announce: %w", err)
	}
	defer server.Shutdown()
	ctx, cancel := context.WithCancel(ctx)
	ended := make(chan error, 2)
	go func() { ended <- m.browse(ctx, zeroconf.IPv4, used) }()
	go func() { ended <- m.browse(ctx, zeroconf.IPv6, used) }()
	running := 2
	defer func() {
		cancel()
		for range running {
			<-ended
		}
	}()
	m.tell(used, before)
	tick := time.NewTicker(pollLinks)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			m.trouble = ""
			if all, _, addrs, _ := m.place(); fingerprint(all, addrs) != before {
				return nil
			}
		case err := <-ended:
			running--
			if running == 0 {
				return fmt.Errorf("listen: %w", err)
			}
			m.log.Info("peers on the lan are looked for over one ip version only", "error", err)
		}
	}
}

// tell logs once for each place in the network which interfaces are used.
func (m *mdns) tell(used []link, place string) {
	if m.told == place {
		return
	}
	m.told = place
	all, _ := links() // the names of what is skipped are all that could be lost
	_, skipped := multicast(all)
	m.log.Info("looking for peers on the lan", "service", m.cfg.ServiceName, "interfaces", linkNames(used), "skipped", skipped)
}

// announce answers queries until the server is shut down. The instance has a new
// name each time, so that neighbours take new addresses for news.
func (m *mdns) announce(used []link, addrs []ma.Multiaddr) (*zeroconf.Server, error) {
	var texts, ips []string
	for _, a := range addrs {
		text := txtPrefix + a.String() + "/p2p/" + m.host.ID().String()
		ip, err := manet.ToIP(a)
		if err != nil || len(text) > maxTXT {
			continue
		}
		texts, ips = append(texts, text), append(ips, ip.String())
	}
	if len(texts) == 0 {
		return nil, errors.New("no address fits a record")
	}
	name := strings.ToLower(rand.Text())
	return zeroconf.RegisterProxy(name, m.cfg.ServiceName, mdnsDomain, mdnsPort, name, ips[:1], texts, interfaces(used))
}

// browse hears announcements over one IP version until ctx ends or it fails.
func (m *mdns) browse(ctx context.Context, family zeroconf.IPType, used []link) error {
	entries := make(chan *zeroconf.ServiceEntry, 16)
	ended := make(chan error, 1)
	go func() {
		ended <- zeroconf.Browse(ctx, m.cfg.ServiceName, mdnsDomain, entries,
			zeroconf.SelectIPTraffic(family), zeroconf.SelectIfaces(interfaces(used)))
	}()
	for {
		select {
		case err := <-ended:
			return err
		case entry, open := <-entries:
			if !open {
				return <-ended
			}
			for _, info := range peersOf(entry.Text) {
				select {
				case m.found <- info:
				case <-ctx.Done():
				}
			}
		}
	}
}

const maxAnnounced = 16 // records of one announcement that are read

// peersOf reads the records of an announcement; what is not understood is
// skipped. Loopback addresses count only where there is no other: elsewhere they
// lead to the wrong machine.
func peersOf(texts []string) []peer.AddrInfo {
	byID := make(map[peer.ID][]ma.Multiaddr)
	for _, text := range texts[:min(len(texts), maxAnnounced)] {
		text, ours := strings.CutPrefix(text, txtPrefix)
		if !ours {
			continue
		}
		full, err := ma.NewMultiaddr(text)
		if err != nil {
			continue
		}
		if addr, id := peer.SplitAddr(full); id != "" && usable(addr) {
			byID[id] = append(byID[id], addr)
		}
	}
	var infos []peer.AddrInfo
	for id, addrs := range byID {
		if outside := ma.FilterAddrs(addrs, func(a ma.Multiaddr) bool { return !manet.IsIPLoopback(a) }); len(outside) > 0 {
			addrs = outside
		}
		infos = append(infos, peer.AddrInfo{ID: id, Addrs: addrs})
	}
	return infos
}

// warn tells a trouble once, until it changes or is over.
func (m *mdns) warn(err error) {
	if text := err.Error(); text != m.trouble {
		m.trouble = text
		m.log.Warn("cannot look for peers on the lan, trying again", "error", err)
	}
}

func interfaces(used []link) []net.Interface {
	ifaces := make([]net.Interface, len(used))
	for i, l := range used {
		ifaces[i] = l.Interface
	}
	return ifaces
}

func pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
