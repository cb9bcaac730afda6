package miner

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/pow"
)

// world is a Ledger of one chain in memory and the door for blocks beside it:
// it takes what any stranger's node would take.
type world struct {
	rules *chain.Rules
	log   lines

	mu        sync.Mutex
	tip       chain.State          // guarded by mu
	pool      []*chain.Transaction // guarded by mu
	stale     chan struct{}        // guarded by mu
	templates []*chain.Block       // handed out; guarded by mu
	blocks    []*chain.Block       // taken; guarded by mu
	broken    error                // what Template fails with; guarded by mu
	refusal   error                // what submit fails with; guarded by mu
}

func newWorld(t *testing.T, difficulty uint64) *world {
	t.Helper()
	rules, err := chain.NewRules(chain.Params{
		Allocations: map[chain.Address]uint64{}, BlockIntervalMS: 1000, ChainID: "toy", Consensus: "pow",
		InitialDifficulty: difficulty, MaxBlockBytes: 100_000, MaxDataBytes: 1000, Reward: 50,
	}, pow.Engine{})
	if err != nil {
		t.Fatal(err)
	}
	return &world{rules: rules, tip: rules.GenesisState(), stale: make(chan struct{})}
}

func (w *world) Template(miner chain.Address, note string) (*chain.Block, <-chan struct{}, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.broken != nil {
		w.templates = append(w.templates, nil)
		return nil, nil, w.broken
	}
	now := uint64(time.Now().UnixMilli())
	h := w.tip.Child(miner, note, max(now, w.tip.Tip.Timestamp+1))
	h.TxCount, h.TxRoot = chain.TxSummary(w.pool)
	b := chain.NewBlock(h, w.pool)
	w.templates = append(w.templates, b)
	return b, w.stale, nil
}

// submit judges the bytes alone, as one would to whom they were sent.
func (w *world) submit(_ context.Context, b *chain.Block) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refusal != nil {
		return w.refusal
	}
	got, err := w.rules.DecodeBlock(bytes.Clone(b.Raw()))
	if err != nil {
		return err
	}
	if err := w.tip.Check(&got.Header); err != nil {
		return err
	}
	if err := w.rules.VerifyTransactions(got.Transactions); err != nil {
		return err
	}
	none := func(chain.Address) (chain.Account, error) { return chain.Account{}, nil }
	if _, err := w.rules.Execute(got, none); err != nil {
		return err
	}
	w.tip, w.pool = w.tip.Extend(&got.Header), nil
	w.blocks = append(w.blocks, got)
	w.renew()
	return nil
}

// renew makes the templates so far stale; w.mu is held.
func (w *world) renew() {
	close(w.stale)
	w.stale = make(chan struct{})
}

func (w *world) do(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// counts returns how many templates were asked for and blocks taken.
func (w *world) counts() (templates, blocks int) {
	w.do(func() { templates, blocks = len(w.templates), len(w.blocks) })
	return templates, blocks
}

// record returns a signed transaction that any state takes once.
func (w *world) record(text string) *chain.Transaction {
	return w.rules.Sign(chain.Transaction{Data: text}, bytes.Repeat([]byte{7}, 32))
}

func (w *world) logger() *slog.Logger {
	return slog.New(slog.NewTextHandler(&w.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
}

// miner returns a Miner of w; cfg lacks nothing but address and logger.
func (w *world) miner(t *testing.T, cfg Config) *Miner {
	t.Helper()
	cfg.Address, cfg.Logger = chain.AddressOf(bytes.Repeat([]byte{1}, 32)), w.logger()
	m, err := New(w, w.submit, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// start runs m until the returned function is called, which waits for its end.
func start(t *testing.T, m *Miner) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- m.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run returned %v, want nil", err)
		}
	}
}

// sleeper is a Sealer that finds a proof after some time; the chain's
// difficulty must be 1. It notes when it began and when it ended.
type sleeper struct {
	takes time.Duration

	mu           sync.Mutex
	begun, ended []time.Time // guarded by mu
}

func (s *sleeper) Seal(ctx context.Context, h chain.Header) (chain.Header, error) {
	s.note(&s.begun)
	defer s.note(&s.ended)
	if sleep(ctx, s.takes); ctx.Err() != nil {
		return h, ctx.Err()
	}
	h.Nonce = 5
	h.Hash = h.ComputeHash()
	return h, nil
}

func (s *sleeper) note(list *[]time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	*list = append(*list, time.Now())
}

// times returns how often it began and when it ended last.
func (s *sleeper) times() (begun int, ended []time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.begun), append(ended, s.ended...)
}

// barrier is a Gate to be moved by hand.
type barrier struct {
	mu      sync.Mutex
	reason  string        // guarded by mu
	changed chan struct{} // guarded by mu
	asked   int           // guarded by mu
}

func newBarrier(reason string) *barrier {
	return &barrier{reason: reason, changed: make(chan struct{})}
}

func (b *barrier) Hold() (string, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	return b.reason, b.changed
}

func (b *barrier) set(reason string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reason = reason
	close(b.changed)
	b.changed = make(chan struct{})
}

// lines is a log that can be searched.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

var _ io.Writer = (*lines)(nil)

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// with returns the lines that hold all the words.
func (l *lines) with(words ...string) []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var found []string
next:
	for line := range strings.Lines(l.buf.String()) {
		for _, word := range words {
			if !strings.Contains(line, word) {
				continue next
			}
		}
		found = append(found, line)
	}
	return found
}

func (l *lines) want(t *testing.T, n int, words ...string) {
	t.Helper()
	if got := l.with(words...); len(got) != n {
		t.Errorf("want %d log lines with %q, got %d: %v", n, words, len(got), fmt.Sprint(got))
	}
}
