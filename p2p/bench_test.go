package p2p

import (
	"crypto/ed25519"
	"encoding/binary"
	"errors"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/ledger"
	"github.com/lp2pnode/lp2pnode/chain/pow"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

// BenchmarkSync fetches a chain over loopback from one shipped ledger on disk
// into another, both in this process, and says what of the processors both
// took: the profile of catching up.
func BenchmarkSync(b *testing.B) {
	for _, c := range []struct {
		name              string
		blocks, transfers int
	}{{"empty", 20_000, 0}, {"transfers=1000", 40, 1000}} {
		b.Run(c.name, func(b *testing.B) {
			full := transferring(b, c.blocks, c.transfers)
			source := diskLedger(b, full)
			fill(b, source, full)
			old := start(b, full, source)
			var took time.Duration
			for b.Loop() {
				fresh := diskLedger(b, full)
				n := start(b, full, fresh)
				begin := time.Now()
				n.dial(b, old)
				await(b, "the whole chain", func() bool { return fresh.Tip().Tip.Height == uint64(c.blocks) })
				took += time.Since(begin)
			}
			units := float64(b.N * c.blocks * max(c.transfers, 1))
			b.ReportMetric(units/took.Seconds(), "per-s")
		})
	}
}

// transferring is a chain of blocks of as many transfers, each of another of
// the senders that genesis gives something.
func transferring(b *testing.B, blocks, transfers int) *memory {
	b.Helper()
	params := testRules(b, "one").Params
	params.MaxBlockBytes = 1_000_000
	seeds := make([][]byte, transfers)
	for i := range seeds {
		seeds[i] = binary.BigEndian.AppendUint64(make([]byte, 24), uint64(i)+1)
		params.Allocations[chain.AddressOf(ed25519.NewKeyFromSeed(seeds[i]).Public().(ed25519.PublicKey))] = 1 << 20
	}
	rules, err := chain.NewRules(params, pow.Engine{})
	if err != nil {
		b.Fatal(err)
	}
	m := newMemory(rules)
	for i := range blocks {
		txs := make([]*chain.Transaction, transfers)
		for k, seed := range seeds {
			txs[k] = rules.Sign(chain.Transaction{Amount: 1, Fee: 1, Nonce: uint64(i), To: chain.AddressOf(seed)}, seed)
		}
		if _, err := m.AddBlocks(chain.Source{}, child(m.Tip(), "", txs...)); err != nil {
			b.Fatal(err)
		}
	}
	return m
}

// fill gives a ledger the blocks of a memory.
func fill(b *testing.B, l *ledger.Ledger, m *memory) {
	b.Helper()
	var blocks []*chain.Block
	for _, hash := range m.best[1:] {
		blocks = append(blocks, m.blocks[hash])
	}
	if _, err := l.AddBlocks(chain.Source{Via: chain.ViaSync}, blocks...); err != nil {
		b.Fatal(err)
	}
}

// diskLedger is the shipped ledger over an empty store on the real disk.
func diskLedger(b *testing.B, m *memory) *ledger.Ledger {
	b.Helper()
	lock, err := store.LockDir(b.TempDir(), vfs.Default)
	if err != nil {
		b.Fatal(err)
	}
	st, err := store.Open(lock, m.rules, store.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := errors.Join(st.Close(), lock.Close()); err != nil {
			b.Error(err)
		}
	})
	l, err := ledger.Open(st, m.rules, ledger.Config{})
	if err != nil {
		b.Fatal(err)
	}
	return l
}
