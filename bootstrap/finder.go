package bootstrap

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	madns "github.com/multiformats/go-multiaddr-dns"
)

// Network is what the Finder asks of p2p. All methods are safe for concurrent
// use and do not block.
type Network interface {
	Met() []peer.ID           // connected peers of our chain
	Refused(id peer.ID) bool  // not to be dialled now
	Changed() <-chan struct{} // closed when Met may have changed
}

// Config says where peers may be found.
type Config struct {
	Entries     []Entry // given by the user
	MDNS        bool    // look round the LAN, and be seen there
	ServiceName string  // of mDNS, protocol §8: `_lp2p-xxxxxxxx._udp`

	FS   vfs.FS // where the peer book is kept
	Path string // of the peer book's file, in an existing directory; "" keeps it in memory

	Network  Network
	Resolver *madns.Resolver // nil is the system's
	Logger   *slog.Logger    // nil is silence
}

// Finder finds peers and keeps them connected.
type Finder struct {
	host     host.Host
	cfg      Config
	log      *slog.Logger
	book     *book        // owned by Run once it runs
	hasPeers atomic.Bool  // written by New and Run
	entries  chan []Entry // holds the last list of SetEntries
}

// New reads the peer book; one that is damaged is put aside with a warning. It
// does not dial.
func New(h host.Host, cfg Config) (*Finder, error) {
	switch {
	case h == nil, cfg.Network == nil:
		return nil, errors.New("bootstrap: a host and a network are needed")
	case cfg.MDNS && cfg.ServiceName == "":
		return nil, errors.New("bootstrap: mDNS needs the chain's service name")
	case cfg.Path != "" && cfg.FS == nil:
		return nil, errors.New("bootstrap: a peer book needs a file system")
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Resolver == nil {
		cfg.Resolver = madns.DefaultResolver
	}
	f := &Finder{host: h, cfg: cfg, log: cfg.Logger, book: newBook(), entries: make(chan []Entry, 1)}
	if cfg.Path != "" {
		f.book = openBook(cfg.FS, cfg.Path, cfg.Logger)
	}
	f.book.forget(h.ID())
	known := len(f.book.peers) > 0
	for _, e := range cfg.Entries {
		known = known || e.ID != h.ID()
	}
	f.hasPeers.Store(known)
	return f, nil
}

// HasPeers reports whether the node was given peers other than itself, or
// remembers some. It may change while Run runs: an entry may turn out to lead
// back to this node, and a peer that is met is remembered.
func (f *Finder) HasPeers() bool { return f.hasPeers.Load() }

// Run dials, listens to mDNS and keeps the peer book until ctx ends, then saves
// the book and returns nil. It must be called at most once, after the host
// listens.
func (f *Finder) Run(ctx context.Context) error {
	return newLoop(f).run(ctx)
}
