package node

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"golang.org/x/sync/errgroup"

	"github.com/lp2pnode/lp2pnode/bootstrap"
	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/ledger"
	"github.com/lp2pnode/lp2pnode/chain/mempool"
	"github.com/lp2pnode/lp2pnode/chain/store"
	"github.com/lp2pnode/lp2pnode/miner"
	"github.com/lp2pnode/lp2pnode/p2p"
)

// Node is an open node. Its methods are safe for concurrent use.
type Node struct {
	cfg     Config
	plan    plan
	log     *slog.Logger
	started time.Time
	metrics *metrics

	lock   *store.Lock
	store  *store.Store
	ledger *ledger.Ledger
	host   host.Host
	net    *p2p.Network
	finder *bootstrap.Finder
	miner  *miner.Miner // nil when the node does not mine
	cpu    *miner.CPU   // its sealer; nil when that is another
	gate   *gate
	keeper *keeper
	payee  chain.Address // who gets the rewards
	token  string        // lets programs elsewhere write through the API

	working   sync.Mutex    // held by a backup or proof
	ready     chan struct{} // closed once Run listens
	closeOnce sync.Once
	closeErr  error
}

// Open checks the configuration, takes the data directory and assembles the
// node, which does not listen before Run. Whatever is wrong is one line that
// says what, where and what to do; nothing is written when the configuration
// is refused, or the directory is in use or another chain's.
func Open(cfg Config) (*Node, error) {
	plan, err := check(&cfg)
	if err != nil {
		return nil, err
	}
	n := &Node{cfg: cfg, plan: plan, log: cfg.Logger, started: cfg.Now(), metrics: newMetrics(), ready: make(chan struct{}), gate: newGate()}
	if err := n.assemble(); err != nil {
		return nil, errors.Join(err, n.Close())
	}
	return n, nil
}

func (n *Node) assemble() error {
	cfg := &n.cfg
	var err error
	if n.lock, err = store.LockDir(n.plan.dir, cfg.FS); err != nil {
		return err
	}
	if n.store, err = openStore(n.lock, n.plan.rules, store.Options{CacheBytes: cfg.CacheSize, Logger: n.log, Observe: n.metrics.storeOperation}); err != nil {
		return err
	}
	if err = n.lock.SetHolder(store.Holder{PID: os.Getpid(), API: cfg.APIURL, Started: n.started}); err != nil {
		if !n.store.ReadOnly() {
			return err
		}
		n.log.Warn("others cannot find this node by its data directory", "error", err)
	}
	key, err := loadKey(cfg.FS, n.plan.dir)
	if err != nil {
		return err
	}
	if n.token, err = loadToken(cfg.FS, n.plan.dir); err != nil {
		return err
	}
	if n.ledger, err = ledger.Open(n.store, n.plan.rules, ledger.Config{Logger: n.log, Now: cfg.Now, Pool: mempool.Config{MinFee: cfg.MinFee}, Observe: n.metrics.ledgerStage}); err != nil {
		return err
	}
	n.keeper = newKeeper(cfg, n.plan.dir, n.store, n.ledger, n.gate.fill)
	if err = n.assembleNetwork(key); err != nil {
		return err
	}
	if cfg.Mine {
		if err = n.assembleMiner(key); err != nil {
			return err
		}
	}
	return n.metrics.registry.Register(newCollector(n))
}

// openStore opens the store, for reading only if the disk is full.
func openStore(lock *store.Lock, rules *chain.Rules, opts store.Options) (*store.Store, error) {
	st, err := store.Open(lock, rules, opts)
	if err == nil || !vfs.IsNoSpaceError(err) {
		return st, err
	}
	opts.ReadOnly = true
	st, again := store.Open(lock, rules, opts)
	if again != nil {
		return nil, err
	}
	return st, nil
}

func (n *Node) assembleNetwork(key crypto.PrivKey) error {
	cfg := &n.cfg
	save := func(list []p2p.Ban) error { return saveBans(cfg.FS, n.plan.dir, list) }
	bans := p2p.NewBans(loadBans(cfg.FS, n.plan.dir, n.log), save, cfg.Now)
	var err error
	hostConfig := p2p.HostConfig{
		Key:      key,
		Agent:    cfg.Agent,
		Listen:   n.plan.listenAddrs(),
		Dial:     n.plan.dialAddrs(),
		Announce: n.plan.announce,
		MaxPeers: cfg.MaxPeers,
		Refused:  n.metrics.refused.Inc,
		Bans:     bans,
		Options:  cfg.Libp2p,
	}
	if cfg.Metrics {
		hostConfig.Registerer = n.metrics.registry
	}
	n.host, err = p2p.NewHost(hostConfig)
	if err != nil {
		return err
	}
	n.net, err = p2p.New(n.host, n.ledger, p2p.Config{Rules: n.plan.rules, Agent: cfg.Agent, Bans: bans, Logger: n.log, Now: cfg.Now, Observe: n.metrics.networkStage})
	if err != nil {
		return fmt.Errorf("set up the network: %w", err)
	}
	n.finder, err = bootstrap.New(n.host, bootstrap.Config{
		Entries:     n.plan.bootstrap,
		MDNS:        cfg.MDNS,
		ServiceName: MDNSService(n.plan.rules.Genesis().Hash),
		FS:          cfg.FS,
		Path:        cfg.FS.PathJoin(n.plan.dir, "peers.json"),
		Network:     n.net,
		Logger:      n.log,
	})
	return err
}

// MDNSService returns the service name of a chain (protocol §8).
func MDNSService(genesis chain.Hash) string {
	return "_lp2p-" + genesis.String()[:8] + "._udp"
}

func (n *Node) assembleMiner(key crypto.PrivKey) error {
	cfg := &n.cfg
	n.payee = cfg.MinerAddress
	if n.payee == "" {
		public, err := key.GetPublic().Raw()
		if err != nil {
			return fmt.Errorf("public key: %w", err)
		}
		n.payee = chain.AddressOf(public)
	}
	sealer := cfg.Sealer
	if sealer == nil {
		n.cpu = miner.NewCPU(cfg.MinerThreads, cfg.MaxHashrate)
		sealer = n.cpu
	}
	var err error
	n.miner, err = miner.New(n.ledger, n.SubmitBlock, miner.Config{
		Address: n.payee,
		Note:    cfg.BlockData,
		Sealer:  sealer,
		Empty:   cfg.MineEmpty,
		Gate:    n.gate,
		Logger:  n.log,
		Now:     cfg.Now,
	})
	return err
}

// Run listens, keeps peers, follows the chain and mines until ctx ends, and
// returns nil after all of it has stopped. An address that cannot be listened
// on ends it with an error. While the disk is full or unwell it writes nothing,
// serves what it has, and goes on by itself (Disk). It is called once.
func (n *Node) Run(ctx context.Context) error {
	if err := p2p.Listen(n.host, n.plan.listen, n.log); err != nil {
		return err
	}
	close(n.ready)
	n.gate.set(n.firstSight().hold())
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return n.net.Run(ctx) })
	g.Go(func() error { return n.finder.Run(ctx) })
	g.Go(func() error { return n.watchGate(ctx) })
	g.Go(func() error { return n.keeper.run(ctx) })
	if n.miner != nil {
		g.Go(func() error { return n.miner.Run(ctx) })
	}
	err := g.Wait()
	if errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}

// Close frees everything, after Run has returned. It may be called again.
func (n *Node) Close() error {
	n.closeOnce.Do(func() {
		var errs []error
		if n.net != nil {
			errs = append(errs, n.net.Close())
		}
		if n.host != nil {
			errs = append(errs, n.host.Close())
		}
		if n.store != nil {
			errs = append(errs, n.store.Close())
		}
		if n.lock != nil {
			errs = append(errs, n.lock.Close())
		}
		n.closeErr = errors.Join(errs...)
	})
	return n.closeErr
}

// Disk returns how the disk is, and whether anything is written to it.
func (n *Node) Disk() Disk { return n.keeper.state() }

// Ready is closed once the node listens.
func (n *Node) Ready() <-chan struct{} { return n.ready }

// Rules returns the rules of the node's chain.
func (n *Node) Rules() *chain.Rules { return n.plan.rules }

// Ledger returns the node's chain and pool.
func (n *Node) Ledger() *ledger.Ledger { return n.ledger }

// Network returns the node's peers.
func (n *Node) Network() *p2p.Network { return n.net }

// Miner returns the node's miner, or nil if it does not mine.
func (n *Node) Miner() *miner.Miner { return n.miner }

// MinerAddress returns who gets the rewards, or "" if the node does not mine.
func (n *Node) MinerAddress() chain.Address { return n.payee }

// APIToken returns the secret that lets programs write through the API from
// elsewhere; it is kept in the data directory's api.token.
func (n *Node) APIToken() string { return n.token }

// Agent returns the name and version that the node tells to peers.
func (n *Node) Agent() string { return n.cfg.Agent }

// Started returns when the node was opened.
func (n *Node) Started() time.Time { return n.started }

// ID returns the node's peer id.
func (n *Node) ID() string { return n.host.ID().String() }

// Addrs returns the multiaddrs under which others can dial the node, each with
// its peer id; none before Run listens.
func (n *Node) Addrs() []string {
	if len(n.host.Addrs()) == 0 {
		return nil
	}
	addrs, err := peer.AddrInfoToP2pAddrs(host.InfoFromHost(n.host))
	if err != nil {
		n.log.Error("own addresses", "error", err) // cannot be: the host has an id
		return nil
	}
	texts := make([]string, len(addrs))
	for i, a := range addrs {
		texts[i] = a.String()
	}
	return texts
}

// SubmitBlock takes a sealed block and publishes it once it is on disk. Its
// errors are those of ledger.AddBlocks; a block can hold nothing that a
// stranger's could not.
func (n *Node) SubmitBlock(ctx context.Context, b *chain.Block) error {
	own, err := n.ledger.DecodeBlock(b.Raw())
	if err != nil {
		return err
	}
	published := make(chan error, 1)
	publish := func() { published <- n.net.PublishBlock(ctx, own) }
	if err := n.ledger.AddBlock(chain.Source{Via: chain.ViaMiner}, own, func() { go publish() }); err != nil {
		return err
	}
	return <-published
}

// SubmitTransaction takes a transaction that DecodeTransaction accepted into
// the pool and publishes it, or keeps it until the sender's earlier ones are
// here. Its errors are those of ledger.AddTransaction, but for chain.ErrWaiting.
func (n *Node) SubmitTransaction(ctx context.Context, t *chain.Transaction) error {
	err := n.ledger.AddTransaction(chain.Source{Via: chain.ViaAPI}, t)
	if errors.Is(err, chain.ErrWaiting) {
		return nil
	}
	if err != nil {
		return err
	}
	return n.net.PublishTransaction(ctx, t)
}
