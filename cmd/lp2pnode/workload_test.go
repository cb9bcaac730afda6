package main_test

import (
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/ledger"
	"github.com/lp2pnode/lp2pnode/chain/mempool"
	"github.com/lp2pnode/lp2pnode/chain/pow"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

// workload is a chain for benchmarks: every hash is work enough, the
// difficulty rule runs over a real window, and the senders of genesis pay one
// another, each once a block.
type workload struct {
	rules   *chain.Rules
	genesis string // path of its parameters
	seeds   [][]byte
	payees  []chain.Address
	sent    uint64      // transactions of each sender so far
	state   chain.State // after the last block made
}

// newWorkload begins a chain that has room for blocks of 10 s until now.
func newWorkload(b testing.TB, blocks, senders int, change ...func(*chain.Params)) *workload {
	b.Helper()
	p := chain.Params{
		Allocations:       map[chain.Address]uint64{},
		BlockIntervalMS:   10_000,
		ChainID:           "bench",
		Consensus:         "pow",
		InitialDifficulty: 1,
		MaxBlockBytes:     1_000_000,
		MaxDataBytes:      32 << 10,
		RetargetWindow:    45,
		Reward:            50,
		Timestamp:         uint64(time.Now().UnixMilli()) - uint64(blocks+100)*10_000,
	}
	for _, f := range change {
		f(&p)
	}
	w := &workload{}
	bare, err := chain.NewRules(p, pow.Engine{})
	if err != nil {
		b.Fatal(err)
	}
	for i := range max(senders, 1) {
		seed := make([]byte, 32)
		binary.BigEndian.PutUint64(seed, uint64(i)+1)
		w.seeds = append(w.seeds, seed)
		payee := bare.Sign(chain.Transaction{}, seed).From
		w.payees = append(w.payees, payee)
		p.Allocations[payee] = 1_000_000
	}
	if w.rules, err = chain.NewRules(p, pow.Engine{}); err != nil {
		b.Fatal(err)
	}
	w.genesis = filepath.Join(b.TempDir(), "genesis.json")
	if err := os.WriteFile(w.genesis, p.Canonical(), 0o600); err != nil {
		b.Fatal(err)
	}
	w.state = w.rules.GenesisState()
	return w
}

// transactions returns the next transfer of each of the first n senders.
func (w *workload) transactions(n int) []*chain.Transaction {
	txs := make([]*chain.Transaction, n)
	for i := range txs {
		txs[i] = w.rules.Sign(chain.Transaction{Amount: 1, Fee: 1, Nonce: w.sent, To: w.payees[(i+1)%len(w.payees)]}, w.seeds[i])
	}
	w.sent++
	return txs
}

// next returns the next block, which holds txs.
func (w *workload) next(txs []*chain.Transaction) *chain.Block {
	h := w.state.Child(w.payees[0], "", w.state.Tip.Timestamp+10_000)
	h.TxCount, h.TxRoot = chain.TxSummary(txs)
	h.Hash = h.ComputeHash()
	w.state = w.state.Extend(&h)
	return chain.NewBlock(h, txs)
}

// grow adds n blocks of as many transfers to the chain in a data directory.
func (w *workload) grow(b testing.TB, dir string, n, transfers int) {
	b.Helper()
	w.with(b, dir, func(l *ledger.Ledger) {
		var batch []*chain.Block
		for i := range n {
			batch = append(batch, w.next(w.transactions(transfers)))
			if (1+len(batch))*(1+transfers) < 20_000 && i+1 < n {
				continue
			}
			if _, err := l.AddBlocks(chain.Source{Via: chain.ViaSync}, batch...); err != nil {
				b.Fatal(err)
			}
			batch = batch[:0]
		}
	})
}

// with opens the chain in a data directory for the time of f.
func (w *workload) with(b testing.TB, dir string, f func(*ledger.Ledger)) {
	b.Helper()
	l, closeIt := w.openIn(b, dir)
	f(l)
	if err := closeIt(); err != nil {
		b.Fatal(err)
	}
}

// open returns a ledger on a disk of its own, until the benchmark ends.
func (w *workload) open(b testing.TB) *ledger.Ledger {
	b.Helper()
	l, closeIt := w.openIn(b, b.TempDir())
	b.Cleanup(func() {
		if err := closeIt(); err != nil {
			b.Error(err)
		}
	})
	return l
}

func (w *workload) openIn(b testing.TB, dir string) (*ledger.Ledger, func() error) {
	b.Helper()
	lock, err := store.LockDir(dir, vfs.Default)
	if err != nil {
		b.Fatal(err)
	}
	st, err := store.Open(lock, w.rules, store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	l, err := ledger.Open(st, w.rules, ledger.Config{Pool: mempool.Config{MaxBytes: 128 << 20}})
	if err != nil {
		b.Fatal(err)
	}
	return l, func() error { return errors.Join(st.Close(), lock.Close()) }
}

// rawBlocks reads the best chain of a data directory, without genesis.
func (w *workload) rawBlocks(b testing.TB, dir string) [][]byte {
	b.Helper()
	var raw [][]byte
	w.with(b, dir, func(l *ledger.Ledger) {
		for height := uint64(1); height <= l.Tip().Tip.Height; height++ {
			hash, err := l.Store().HashAt(height)
			if err != nil {
				b.Fatal(err)
			}
			block, err := l.RawBlock(hash)
			if err != nil {
				b.Fatal(err)
			}
			raw = append(raw, block)
		}
	})
	return raw
}
