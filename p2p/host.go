package p2p

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/p2p/net/connmgr"
	quic "github.com/libp2p/go-libp2p/p2p/transport/quic"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/libp2p/go-libp2p/p2p/transport/websocket"
	ma "github.com/multiformats/go-multiaddr"
	"github.com/prometheus/client_golang/prometheus"
)

const (
	dialTimeout = 10 * time.Second
	// Above so many connections the least useful are closed, down to three
	// quarters, but none younger than connsGrace and none that is protected.
	defaultPeers = 128
	connsGrace   = time.Minute
)

// HostConfig says what libp2p host to make.
type HostConfig struct {
	Key        crypto.PrivKey        // the node's identity
	Agent      string                // told to peers by libp2p's identify
	Announce   []ma.Multiaddr        // if any, told to peers instead of the addresses listened on
	Listen     []ma.Multiaddr        // what Listen will be given: chooses the transports beside TCP
	Dial       []ma.Multiaddr        // what will be dialled: chooses transports too
	MaxPeers   int                   // connections above which the least useful are closed; 0 is 128
	Registerer prometheus.Registerer // for libp2p's metrics; nil is none
	Refused    func()                // called for each connection that libp2p does not let in before it knows whose it is; may be nil
	Bans       *Bans                 // who is not let in; nil lets in everybody
	Options    []libp2p.Option       // win over ours: the seam of simulation
}

// NewHost returns a host that does not listen yet: handlers come first (New),
// then Listen, so that no peer meets half a node. It is the caller's to Close.
func NewHost(cfg HostConfig) (host.Host, error) {
	opts := []libp2p.Option{
		libp2p.Identity(cfg.Key),
		libp2p.UserAgent(cfg.Agent),
		libp2p.NoListenAddrs,
		libp2p.WithDialTimeout(dialTimeout),
		libp2p.Ping(true),
		libp2p.DisableRelay(),
		libp2p.NoTransports,
		libp2p.Transport(tcp.NewTCPTransport),
	}
	opts = append(opts, transports(slices.Concat(cfg.Listen, cfg.Dial))...)
	if cfg.Registerer != nil {
		opts = append(opts, libp2p.PrometheusRegisterer(cfg.Registerer))
	} else {
		opts = append(opts, libp2p.DisableMetrics())
	}
	if len(cfg.Announce) > 0 {
		announce := cfg.Announce
		opts = append(opts, libp2p.AddrsFactory(func([]ma.Multiaddr) []ma.Multiaddr { return slices.Clone(announce) }))
	}
	if cfg.Bans != nil {
		opts = append(opts, libp2p.ConnectionGater(cfg.Bans))
	}
	opts = append(opts, cfg.Options...)
	most := cmp.Or(cfg.MaxPeers, defaultPeers)
	h, err := libp2p.New(append(opts, resources(most, cfg.Registerer != nil, cfg.Refused), watermarks(most))...)
	if err != nil {
		return nil, fmt.Errorf("make libp2p host: %w", err)
	}
	return h, nil
}

// transports returns the options for those beside TCP that addrs need.
func transports(addrs []ma.Multiaddr) []libp2p.Option {
	var ws, quicV1 bool
	for _, a := range addrs {
		ws = ws || has(a, ma.P_WS) || has(a, ma.P_WSS)
		quicV1 = quicV1 || has(a, ma.P_QUIC_V1)
	}
	var opts []libp2p.Option
	if ws {
		// One port may then serve both /tcp and /ws.
		opts = append(opts, libp2p.Transport(websocket.New), libp2p.ShareTCPListener())
	}
	if quicV1 {
		opts = append(opts, libp2p.Transport(quic.NewTransport))
	}
	return opts
}

func has(a ma.Multiaddr, protocol int) bool {
	_, err := a.ValueForProtocol(protocol)
	return err == nil
}

// watermarks is the connection manager, unless the options brought one.
func watermarks(most int) libp2p.Option {
	return func(cfg *libp2p.Config) error {
		if cfg.ConnManager != nil {
			return nil
		}
		m, err := connmgr.NewConnManager(most*3/4, most, connmgr.WithGracePeriod(connsGrace))
		if err != nil {
			return fmt.Errorf("make connection manager: %w", err)
		}
		return cfg.Apply(libp2p.ConnectionManager(newTrimmer(m)))
	}
}
