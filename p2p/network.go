package p2p

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/event"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"golang.org/x/sync/errgroup"

	"github.com/lp2pnode/lp2pnode/chain"
)

// Config is what a Network needs beside its host and ledger.
type Config struct {
	Rules  *chain.Rules
	Agent  string           // name and version, told to peers, at most 64 bytes of UTF-8
	Bans   *Bans            // the gater of the host too; nil is a list in memory
	Logger *slog.Logger     // nil is none
	Now    func() time.Time // nil is time.Now
	// Observe is told of the way of each block from gossip; nil is nobody. It must
	// be quick.
	Observe func(Stage, time.Duration)
}

// timing are the periods and deadlines of the network.
type timing struct {
	status     time.Duration // between status exchanges, which are also liveness
	statusWait time.Duration // for one exchange
	retry      time.Duration // after a failed exchange, and at least between two
	linger     time.Duration // before a refused peer is disconnected, so that it reads why
	silence    time.Duration // ends a stream (protocol §8)
	request    time.Duration // for one sync request
	serve      time.Duration // for one inbound stream
	stagger    time.Duration // before the next peer is asked for headers as well
	turn       time.Duration // of judging one peer's headers before others come first
	hedge      time.Duration // before another peer is asked for the same blocks
	pause      time.Duration // without sync after a peer's first failure
	busy       time.Duration // at least, before a peer that has too many requests is asked again
	ahead      time.Duration // before headers ahead of our clock are asked for again
	trust      time.Duration // in claims of more work at the start, and in headers whose blocks do not come
}

func defaultTiming() timing {
	return timing{
		status:     10 * time.Second,
		statusWait: 5 * time.Second,
		retry:      time.Second,
		linger:     500 * time.Millisecond,
		silence:    10 * time.Second,
		request:    time.Minute,
		serve:      90 * time.Second,
		stagger:    time.Second,
		turn:       30 * time.Second,
		hedge:      2 * time.Second,
		pause:      30 * time.Second,
		busy:       time.Second,
		ahead:      5 * time.Second,
		trust:      30 * time.Second,
	}
}

// Network is a node's part of the network. It is safe for concurrent use.
type Network struct {
	host   host.Host
	ledger Ledger
	rules  *chain.Rules
	agent  string
	log    *slog.Logger
	now    func() time.Time
	timing timing // not changed after Run

	observer func(Stage, time.Duration) // or nil

	gossip   *gossip
	counters *counters
	bans     *Bans
	streams  streams
	serving  slots
	buffers  buffers
	pools    chan struct{} // holds one for each pool being asked for
	notifiee *network.NotifyBundle
	stop     context.CancelFunc // ends pubsub

	identified event.Subscription // to what peers say of themselves and of us

	wake    chan struct{}       // holds one: sync, look again
	arrived chan struct{}       // holds one: fresh has peers
	surveys map[peer.ID]*survey // owned by Run's sync

	mu       sync.Mutex
	changed  chan struct{}         // guarded by mu; closed at the next change
	remotes  map[peer.ID]*remote   // guarded by mu, their fields too
	kept     map[peer.ID]*standing // guarded by mu; by peer, bounded
	fresh    []*remote             // guarded by mu; Run does not watch them yet
	departed []Peer                // guarded by mu; oldest first
	refused  map[peer.ID]time.Time // guarded by mu; until when
	syncing  peer.ID               // guarded by mu; whose chain is being fetched
	brought  time.Time             // guarded by mu; when the last of its blocks came; zero: we wait for the first in vain
	barren   bool                  // guarded by mu; the last fetch brought nothing
	began    time.Time             // guarded by mu; when this node started, or last fetched blocks
	clockOff bool                  // guarded by mu; it was warned about
	panics   map[string]bool       // guarded by mu; told already, bounded
	level    bool                  // guarded by mu; nobody it met claimed more work once
}

// New puts the protocols on a host. It starts no goroutine of ours; pubsub's
// live until Close. The host should not listen yet.
func New(h host.Host, l Ledger, cfg Config) (*Network, error) {
	if len(cfg.Agent) > maxAgent {
		return nil, fmt.Errorf("want an agent of at most %d bytes, got %d", maxAgent, len(cfg.Agent))
	}
	n := &Network{
		host: h, ledger: l, rules: cfg.Rules, agent: cfg.Agent,
		log: cfg.Logger, now: cfg.Now, timing: defaultTiming(),
		counters: newCounters(), bans: cfg.Bans, observer: cfg.Observe,
		pools:   make(chan struct{}, maxPools),
		wake:    make(chan struct{}, 1),
		arrived: make(chan struct{}, 1),
		surveys: map[peer.ID]*survey{},
		changed: make(chan struct{}),
		remotes: map[peer.ID]*remote{}, kept: map[peer.ID]*standing{}, panics: map[string]bool{},
		refused: map[peer.ID]time.Time{},
	}
	if n.log == nil {
		n.log = slog.New(slog.DiscardHandler)
	}
	if n.now == nil {
		n.now = time.Now
	}
	if n.bans == nil {
		n.bans = NewBans(nil, nil, n.now)
	}
	n.bans.onRefused(n.turnedAway)
	if t, ours := h.ConnManager().(*trimmer); ours {
		t.onTrim(func(id peer.ID) {
			if r := n.remote(id); r != nil {
				n.part(r, ReasonTrimmed, "more connections than the node keeps, and others are of more use")
			}
		})
	}
	n.began = n.now()
	ctx, stop := context.WithCancel(context.Background())
	n.stop = stop
	g, err := n.newGossip(ctx)
	if err != nil {
		stop()
		return nil, fmt.Errorf("start gossip: %w", err)
	}
	n.gossip = g
	if n.identified, err = h.EventBus().Subscribe(new(event.EvtPeerIdentificationCompleted)); err != nil {
		err = errors.Join(fmt.Errorf("hear of peers: %w", err), g.close())
		stop()
		return nil, err
	}
	h.SetStreamHandler(statusProtocol, n.handler(n.serveStatus))
	h.SetStreamHandler(syncProtocol, n.handler(n.serveSync))
	n.notifiee = &network.NotifyBundle{ConnectedF: n.connected, DisconnectedF: n.disconnected}
	h.Network().Notify(n.notifiee)
	for _, c := range h.Network().Conns() { // a host that was connected before
		n.connected(h.Network(), c)
		if c.IsClosed() {
			n.disconnected(h.Network(), c)
		}
	}
	return n, nil
}

// Run keeps up with the peers and returns after all its goroutines have left,
// nil when ctx ended.
func (n *Network) Run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	spawn := func(f func(context.Context)) {
		g.Go(func() error {
			f(ctx)
			return nil
		})
	}
	spawn(func(ctx context.Context) { n.watchAll(ctx, spawn) })
	spawn(n.syncLoop)
	spawn(n.roomLoop)
	return g.Wait()
}

// Close ends the handlers and pubsub, which says goodbye to nobody: the host's
// Close, which comes next and is the caller's, does.
func (n *Network) Close() error {
	n.host.RemoveStreamHandler(statusProtocol)
	n.host.RemoveStreamHandler(syncProtocol)
	n.host.Network().StopNotify(n.notifiee)
	n.streams.close()
	err := errors.Join(n.identified.Close(), n.gossip.close())
	n.stop()
	return err
}

// Changed is closed at the next change of the peers or of sync's state.
func (n *Network) Changed() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.changed
}

// notify closes Changed's channel. The caller holds mu.
func (n *Network) notify() {
	close(n.changed)
	n.changed = make(chan struct{})
}

// SyncState says how far this node is behind its peers.
type SyncState struct {
	Behind bool   // a peer claims more work, and has not been found out
	Proven bool   // and headers with more work are here, and their blocks are coming
	Level  bool   // this node was level with its peers before, or had the time to be
	Peer   string // whose chain is being fetched, or will be
	Height uint64 // of our tip
	Target uint64 // the height that peer claims
}

// Lags tells whether this node has to catch up: with more work that is proven,
// or, until it was level with its peers, with what they claim. Later a claim
// alone says nothing: it costs nothing, and an honest one is proven in a moment.
func (s SyncState) Lags() bool { return s.Proven || s.Behind && !s.Level }

// Sync returns the state of sync.
func (n *Network) Sync() SyncState {
	tip := n.ledger.Tip()
	ahead, _ := n.heavier(tip.Work)
	s := SyncState{Behind: len(ahead) > 0, Height: tip.Tip.Height, Target: tip.Tip.Height}
	n.mu.Lock()
	syncing, brought := n.syncing, n.brought
	s.Level = n.level || n.now().Sub(n.began) > n.timing.trust
	n.mu.Unlock()
	if !s.Behind {
		return s
	}
	s.Proven = syncing != "" && n.now().Sub(brought) <= n.timing.trust
	best := ahead[0]
	for _, p := range ahead {
		if p.ID == syncing {
			best = p
		}
	}
	s.Peer, s.Target = best.ID.String(), best.Height
	return s
}

// ErrTooLarge is returned for what no message can hold.
var ErrTooLarge = errors.New("too large to publish")

// PublishBlock tells the network of a block that the ledger has accepted. It
// fails with ErrTooLarge when the block is larger than the chain allows.
func (n *Network) PublishBlock(ctx context.Context, b *chain.Block) error {
	return n.publish(ctx, n.gossip.blocks, b.Raw())
}

// PublishTransaction tells the network of a transaction that the ledger has
// accepted. It fails with ErrTooLarge like PublishBlock.
func (n *Network) PublishTransaction(ctx context.Context, tx *chain.Transaction) error {
	return n.publish(ctx, n.gossip.transactions, tx.Raw())
}

// publish checks the size itself, since pubsub loses too large a message
// without a word.
func (n *Network) publish(ctx context.Context, topic *pubsub.Topic, raw []byte) error {
	if most := n.rules.Params.MaxBlockBytes; uint64(len(raw)) > most {
		return fmt.Errorf("publish on %s: %w: %d bytes of at most %d", topic, ErrTooLarge, len(raw), most)
	}
	if err := topic.Publish(ctx, raw); err != nil {
		return fmt.Errorf("publish on %s: %w", topic, err)
	}
	return nil
}
