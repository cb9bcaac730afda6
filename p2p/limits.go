package p2p

import (
	"fmt"
	"math"
	"net/netip"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"
	rcmgr "github.com/libp2p/go-libp2p/p2p/host/resource-manager"
	"github.com/libp2p/go-libp2p/x/rate"
	ma "github.com/multiformats/go-multiaddr"
)

// lanPrefixes are the address ranges in which many nodes behind one address
// are normal (a lab, a Docker bridge, a test): loopback, private, link-local
// and shared (RFC 6598) ones. libp2p's limits per address do not count there.
func lanPrefixes() (v4, v6 []netip.Prefix) {
	for _, s := range []string{"127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "100.64.0.0/10"} {
		v4 = append(v4, netip.MustParsePrefix(s))
	}
	for _, s := range []string{"::1/128", "fc00::/7", "fe80::/10"} {
		v6 = append(v6, netip.MustParsePrefix(s))
	}
	return v4, v6
}

// refusing tells of each connection that it does not let in. Whose it is nobody
// knows yet, and libp2p counts of them only those over its sums, not those over
// its limits per address.
type refusing struct {
	network.ResourceManager
	tell func()
}

// OpenConnection implements network.ResourceManager.
func (r refusing) OpenConnection(dir network.Direction, usefd bool, from ma.Multiaddr) (network.ConnManagementScope, error) {
	scope, err := r.ResourceManager.OpenConnection(dir, usefd, from)
	if err != nil && dir == network.DirInbound {
		r.tell()
	}
	return scope, err
}

// resources is the resource manager, unless the options brought one.
func resources(most int, counted bool, refused func()) libp2p.Option {
	return func(cfg *libp2p.Config) error {
		if cfg.ResourceManager != nil {
			return nil
		}
		m, err := newResourceManager(most, counted)
		if err != nil {
			return err
		}
		if refused != nil {
			m = refusing{m, refused}
		}
		return cfg.Apply(libp2p.ResourceManager(m))
	}
}

// newResourceManager returns libp2p's default limits, with room for most peers
// and a LAN that starts all at once, and without limits per address on LANs. By
// default one address gets 8 connections, and 16 new ones at once, then one per
// 5 s. What is over its sums shows in libp2p's metrics if counted.
func newResourceManager(most int, counted bool) (network.ResourceManager, error) {
	limits := rcmgr.DefaultLimits
	libp2p.SetDefaultServiceLimits(&limits)
	for _, l := range []*rcmgr.BaseLimit{&limits.SystemBaseLimit, &limits.TransientBaseLimit} {
		l.ConnsInbound = max(l.ConnsInbound, 2*most)
		l.ConnsOutbound = max(l.ConnsOutbound, 2*most)
		l.Conns = max(l.Conns, 4*most)
		l.FD = max(l.FD, 4*most)
	}
	limitProtocols(&limits)
	v4, v6 := lanPrefixes()
	prefixes := func(defaults []rcmgr.NetworkPrefixLimit, lan []netip.Prefix) []rcmgr.NetworkPrefixLimit {
		all := slices.Clone(defaults)
		for _, p := range lan {
			all = append(all, rcmgr.NetworkPrefixLimit{Network: p, ConnCount: math.MaxInt})
		}
		return all
	}
	opts := []rcmgr.Option{
		rcmgr.WithNetworkPrefixLimit(
			prefixes(rcmgr.DefaultNetworkPrefixLimitV4, v4),
			prefixes(rcmgr.DefaultNetworkPrefixLimitV6, v6)),
		rcmgr.WithConnRateLimiters(connRates(append(v4, v6...))),
	}
	if counted {
		reporter, err := rcmgr.NewStatsTraceReporter()
		if err != nil {
			return nil, fmt.Errorf("count resources: %w", err)
		}
		opts = append(opts, rcmgr.WithTraceReporter(reporter))
	}
	m, err := rcmgr.NewResourceManager(rcmgr.NewFixedLimiter(limits.AutoScale()), opts...)
	if err != nil {
		return nil, fmt.Errorf("make resource manager: %w", err)
	}
	return m, nil
}

// limitProtocols bounds the streams of our own protocols at a time. An honest
// peer has one exchange of statuses each way and servedPerPeer requests; the
// rest is for those that are just ending. What a stream may hold in memory its
// lines bound (protocol §8).
func limitProtocols(limits *rcmgr.ScalingLimitConfig) {
	for _, p := range []struct {
		id           protocol.ID
		perPeer, all int // streams each way
	}{
		{statusProtocol, 8, 1024},
		{syncProtocol, 4 * servedPerPeer, 512},
	} {
		base := func(streams int) rcmgr.BaseLimit {
			return rcmgr.BaseLimit{Streams: 2 * streams, StreamsInbound: streams, StreamsOutbound: streams, Memory: 1 << 30}
		}
		limits.AddProtocolLimit(p.id, base(p.all), rcmgr.BaseLimitIncrease{})
		limits.AddProtocolPeerLimit(p.id, base(p.perPeer), rcmgr.BaseLimitIncrease{})
	}
}

// connRates repeats libp2p's own rates of new connections per subnet, which it
// does not export, and lifts them on LANs (a zero limit is none).
func connRates(lan []netip.Prefix) *rate.Limiter {
	r := &rate.Limiter{
		SubnetRateLimiter: rate.SubnetLimiter{
			IPv4SubnetLimits: []rate.SubnetLimit{{PrefixLength: 32, Limit: rate.Limit{RPS: 0.2, Burst: 16}}},
			IPv6SubnetLimits: []rate.SubnetLimit{
				{PrefixLength: 56, Limit: rate.Limit{RPS: 0.2, Burst: 16}},
				{PrefixLength: 48, Limit: rate.Limit{RPS: 0.5, Burst: 80}},
			},
			GracePeriod: time.Minute,
		},
	}
	for _, p := range lan {
		r.NetworkPrefixLimits = append(r.NetworkPrefixLimits, rate.PrefixLimit{Prefix: p})
	}
	return r
}
