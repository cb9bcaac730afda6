package p2p

import (
	"errors"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lp2pnode/lp2pnode/chain/ledger"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

// BenchmarkSync fetches empty blocks over loopback from one shipped ledger on
// disk into another, both in this process.
func BenchmarkSync(b *testing.B) {
	const blocks = 20_000
	rules := testRules(b, "one")
	full := chainOf(b, rules, blocks, "full")
	old := start(b, full, realLedger(b, full))
	var took time.Duration
	for b.Loop() {
		fresh := diskLedger(b, full)
		n := start(b, full, fresh)
		begin := time.Now()
		n.dial(b, old)
		await(b, "the whole chain", func() bool { return fresh.Tip().Tip.Height == blocks })
		took += time.Since(begin)
	}
	b.ReportMetric(float64(b.N)*blocks/took.Seconds(), "blocks/s")
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
