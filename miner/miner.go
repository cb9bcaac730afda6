package miner

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/lp2pnode/lp2pnode/chain"
)

const (
	// renewAfter is how long one template is mined on: its timestamp, and with
	// it the difficulty (protocol §6), move with the clock.
	renewAfter = time.Second

	firstRetry = 100 * time.Millisecond // after an error; doubles
	lastRetry  = 10 * time.Second
)

// Ledger is what a miner needs of the chain. It is safe for concurrent use.
type Ledger interface {
	// Template returns a block on the best tip, complete but for nonce and
	// hash, and a channel that closes when the tip or the waiting transactions
	// have changed. Its errors are this node's own fault.
	Template(miner chain.Address, note string) (*chain.Block, <-chan struct{}, error)
}

// Sealer finds proofs of work. A miner calls it from one goroutine at a time.
type Sealer interface {
	// Seal returns h with Nonce and Hash set so that the engine accepts them,
	// and changes nothing else. It blocks until it has found them or ctx ends,
	// then returns ctx.Err() at once (a proof found at that very moment may
	// still be returned), and has left no goroutine behind. Any other error
	// means that it cannot work; it will be called again later.
	Seal(ctx context.Context, h chain.Header) (chain.Header, error)
}

// Counter is a Sealer that counts, for Miner.Hashrate.
type Counter interface {
	// Hashes returns how many hashes were tried since the Sealer was made. It
	// is safe for concurrent use and never falls.
	Hashes() uint64
}

// Gate decides whether to mine. It is safe for concurrent use.
type Gate interface {
	// Hold returns why not to mine, for people, or "" to mine, and a channel
	// that closes when asking again is worth while.
	Hold() (reason string, changed <-chan struct{})
}

// Config says how to mine.
type Config struct {
	Address chain.Address // who gets reward and fees
	Note    string        // the block's data, at most chain.MaxNoteBytes of UTF-8
	Sealer  Sealer        // required; NewCPU makes one
	Empty   bool          // also make blocks without transactions
	Gate    Gate          // nil always lets mine
	Logger  *slog.Logger  // nil is silent

	Now func() time.Time // nil is time.Now
}

// State is what a miner is doing.
type State struct {
	Mining bool      // looking for a proof of work
	Reason string    // why not, if it is not
	Since  time.Time // when Mining and Reason became so
	Blocks uint64    // mined since New, as far as our own ledger took them
}

// Miner makes blocks while it runs. Its methods but Run are safe for
// concurrent use; Run is called once.
type Miner struct {
	ledger Ledger
	submit func(context.Context, *chain.Block) error
	cfg    Config
	rate   meter

	parent  chain.Hash // of the last template; owned by Run
	started time.Time  // when mining on parent began; owned by Run

	mu    sync.Mutex
	state State // guarded by mu
}

// New returns a miner that takes its templates from ledger and gives what it
// made to submit, whose errors say by chain's sentinels what became of it. The
// error names the field of cfg that is wrong.
func New(ledger Ledger, submit func(context.Context, *chain.Block) error, cfg Config) (*Miner, error) {
	if _, err := chain.ParseAddress(string(cfg.Address)); err != nil {
		return nil, fmt.Errorf("miner's address: %w", err)
	}
	if n := len(cfg.Note); n > chain.MaxNoteBytes {
		return nil, fmt.Errorf("block data: want at most %d bytes, got %d", chain.MaxNoteBytes, n)
	}
	if !utf8.ValidString(cfg.Note) {
		return nil, errors.New("block data: want UTF-8")
	}
	if cfg.Sealer == nil {
		return nil, errors.New("miner: want a sealer")
	}
	if cfg.Gate == nil {
		cfg.Gate = open{}
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	m := &Miner{ledger: ledger, submit: submit, cfg: cfg}
	m.state = State{Reason: "not started", Since: cfg.Now()}
	return m, nil
}

// open is the Gate that always lets mine.
type open struct{}

func (open) Hold() (string, <-chan struct{}) { return "", nil }

// State returns what the miner is doing now.
func (m *Miner) State() State {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state
}

// Hashrate returns hashes per second over the last ten seconds, pauses
// included; 0 if the Sealer is no Counter.
func (m *Miner) Hashrate() float64 { return m.rate.over(m.cfg.Now(), m.hashes()) }

func (m *Miner) hashes() uint64 {
	if c, ok := m.cfg.Sealer.(Counter); ok {
		return c.Hashes()
	}
	return 0
}

// set notes what the miner is doing and reports whether that is new.
func (m *Miner) set(mining bool, reason string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.state.Mining == mining && m.state.Reason == reason {
		return false
	}
	m.state.Mining, m.state.Reason, m.state.Since = mining, reason, m.cfg.Now()
	return true
}
