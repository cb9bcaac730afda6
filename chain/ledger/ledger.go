// Package ledger is the single writer of a node: the best chain, the blocks
// that wait, and the pool of transactions, under one lock. There are two doors
// for change, AddBlocks and AddTransaction; the caller does the work and gets
// the verdict. Everybody else reads, waits on Changed and pulls by Since.
//
// The chain of most work wins at any depth (protocol §7). The ledger knows no
// engine, no network and no miner; it starts no goroutine, and no lock is held
// across the network or a timer.
package ledger

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/mempool"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

// Config is what a ledger needs beside its store and rules.
type Config struct {
	Logger *slog.Logger     // nil discards
	Now    func() time.Time // nil is time.Now
	Pool   mempool.Config
	// Observe is told how long each stage took of a block that came alone; nil is
	// nobody. It must be quick, and not call the ledger.
	Observe func(Stage, time.Duration)
}

// Ledger is safe for concurrent use.
type Ledger struct {
	rules *chain.Rules
	store *store.Store
	log   *slog.Logger
	now   func() time.Time
	stats *stats

	observe func(Stage, time.Duration) // or nil

	tip     atomic.Pointer[chain.State] // written under mu
	held    atomic.Pointer[error]       // why nothing is added for now, or nil; written under mu
	changed nudge

	mu       lock
	states   *recent[chain.State] // states of recent blocks; guarded by mu
	broken   *recent[error]       // blocks that break a rule, and why; guarded by mu
	room     *room                // guarded by mu
	pool     *mempool.Pool        // guarded by mu, but for Known
	accounts *accounts            // guarded by mu
	news     *news                // ids that entered the pool; guarded by mu
	freed    []*chain.Transaction // left a gap in nonces, to be published; guarded by mu
	stale    chan struct{}        // closed when templates are; guarded by mu
	idle     bool                 // a template without transactions is out; guarded by mu
}

const (
	keptStates = 256  // a fork is rarely deeper; older states come from the store
	keptNews   = 8192 // ids of transactions that entered the pool
	keptBroken = 4096 // hashes, each of which cost somebody its proof of work
)

// Open returns the ledger of an open store, which stays the caller's to close.
//
// A store that is open for reading only makes a ledger that Hold has closed.
func Open(st *store.Store, rules *chain.Rules, cfg Config) (*Ledger, error) {
	tip, err := st.Tip()
	if err != nil {
		return nil, fmt.Errorf("read tip: %w", err)
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	l := &Ledger{
		rules: rules,
		store: st,
		log:   cfg.Logger,
		now:   cfg.Now,
		stats: newStats(),

		observe: cfg.Observe,

		states: newRecent[chain.State](keptStates),
		broken: newRecent[error](keptBroken),
		room:   newRoom(rules.Params),
		pool:   mempool.New(cfg.Pool),
		news:   newNews(keptNews),
		stale:  make(chan struct{}),

		accounts: newAccounts(st.Account),
	}
	l.mu.base = time.Now()
	l.tip.Store(&tip)
	l.states.put(tip.Tip.Hash, tip)
	if st.ReadOnly() {
		l.Hold("the store is open for reading only")
	}
	return l, l.loadPool()
}

// Tip returns the state of the best chain. It never blocks.
func (l *Ledger) Tip() chain.State { return *l.tip.Load() }

// Changed returns a channel that is closed at the next change: of the tip, or
// of what Ready or FreedTransactions would return.
func (l *Ledger) Changed() <-chan struct{} { return l.changed.wait() }

// Rules returns the rules of the chain.
func (l *Ledger) Rules() *chain.Rules { return l.rules }

// Store returns the store, for reading what was ever accepted.
func (l *Ledger) Store() *store.Store { return l.store }

// StateAt returns the state of any accepted block, side branches included. The
// error matches chain.ErrUnknownParent when there is no such block.
func (l *Ledger) StateAt(hash chain.Hash) (chain.State, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.stateAt(hash)
}

// stateAt is StateAt with mu held.
func (l *Ledger) stateAt(hash chain.Hash) (chain.State, error) {
	if s, ok := l.states.get(hash); ok {
		return s, nil
	}
	s, err := l.store.StateAt(hash)
	if errors.Is(err, store.ErrNotFound) {
		return chain.State{}, fmt.Errorf("%w %s", chain.ErrUnknownParent, hash)
	}
	if err != nil {
		return chain.State{}, fmt.Errorf("state at %s: %w", hash, err)
	}
	l.states.put(hash, s)
	return s, nil
}

// nudge wakes whoever waits; it carries nothing.
type nudge struct {
	mu sync.Mutex
	ch chan struct{} // guarded by mu; nil when nobody waits
}

func (n *nudge) wait() <-chan struct{} {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ch == nil {
		n.ch = make(chan struct{})
	}
	return n.ch
}

func (n *nudge) wake() {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.ch != nil {
		close(n.ch)
		n.ch = nil
	}
}

// recent keeps the last values put under a hash. Its owner's lock guards it.
type recent[V any] struct {
	values map[chain.Hash]V
	order  []chain.Hash // a ring
	next   int
}

func newRecent[V any](size int) *recent[V] {
	return &recent[V]{values: make(map[chain.Hash]V), order: make([]chain.Hash, size)}
}

func (r *recent[V]) get(hash chain.Hash) (V, bool) {
	v, ok := r.values[hash]
	return v, ok
}

func (r *recent[V]) put(hash chain.Hash, v V) {
	if _, ok := r.values[hash]; !ok {
		delete(r.values, r.order[r.next])
		r.order[r.next] = hash
		r.next = (r.next + 1) % len(r.order)
	}
	r.values[hash] = v
}
