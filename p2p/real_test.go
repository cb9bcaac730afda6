package p2p

import (
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/ledger"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

// realLedger is the shipped ledger over a store in memory, filled with blocks.
func realLedger(t testing.TB, m *memory) *ledger.Ledger {
	t.Helper()
	lock, err := store.LockDir("data", vfs.NewMem())
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(lock, m.rules, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Close(); err != nil {
			t.Error(err)
		}
		if err := lock.Close(); err != nil {
			t.Error(err)
		}
	})
	l, err := ledger.Open(st, m.rules, ledger.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var blocks []*chain.Block
	for _, hash := range m.best[1:] {
		blocks = append(blocks, m.blocks[hash])
	}
	if len(blocks) > 0 {
		if _, err := l.AddBlocks(chain.Source{Via: chain.ViaSync}, blocks...); err != nil {
			t.Fatal(err)
		}
	}
	return l
}

// TestRealLedgersAgree joins two forks and a newcomer over the shipped ledger,
// and sends a block and its late parent through the real waiting room.
func TestRealLedgersAgree(t *testing.T) {
	rules := testRules(t, "one")
	heavy, light, empty := chainOf(t, rules, 2000, "heavy"), chainOf(t, rules, 300, "light"), newMemory(rules)
	first, second, third := realLedger(t, heavy), realLedger(t, light), realLedger(t, empty)
	a, b, c := start(t, heavy, first), start(t, light, second), start(t, empty, third)
	began := time.Now()
	b.dial(t, a)
	c.dial(t, b)
	want := heavy.Tip().Tip.Hash
	await(t, "one tip", func() bool { return second.Tip().Tip.Hash == want && third.Tip().Tip.Hash == want })
	t.Logf("2000 blocks over two hops in %s", time.Since(began))

	awaitMesh(t, a, b)
	awaitMesh(t, b, c)
	parent := child(first.Tip(), "parent")
	after := first.Tip().Extend(&parent.Header)
	orphan := child(after, "orphan")
	for _, block := range []*chain.Block{orphan, parent} {
		if err := a.PublishBlock(t.Context(), block); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "the orphan on top", func() bool { return third.Tip().Tip.Hash == orphan.Hash })
}
