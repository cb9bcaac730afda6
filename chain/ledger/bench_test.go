package ledger_test

import (
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
)

// BenchmarkReceipt makes receipts of transactions all over a long history; the
// goal is well under 10 ms on 100,000 blocks.
func BenchmarkReceipt(b *testing.B) {
	const blocks, batch, every = 100_000, 1000, 100
	w := newWorld(b)
	s, next := w.states["g"], uint64(0)
	var ids []chain.Hash
	var window []*chain.Block
	for height := uint64(1); height <= blocks; height++ {
		var txs []*chain.Transaction
		if height%every == 0 {
			txs = append(txs, w.pay("alice", "bob", next, 0))
			ids = append(ids, txs[0].ID())
			next++
		}
		h := s.Child("", "", s.Tip.Timestamp+1)
		h.Miner = addressOf(w.rules, "miner")
		h.TxCount, h.TxRoot = chain.TxSummary(txs)
		h.Hash = h.ComputeHash()
		window = append(window, chain.NewBlock(h, txs))
		s = s.Extend(&h)
		if len(window) == batch {
			if n, err := w.ledger.AddBlocks(fromSync, window...); n != batch || err != nil {
				b.Fatal(n, err)
			}
			window = window[:0]
		}
	}
	b.ResetTimer()
	for i := 0; b.Loop(); i++ {
		if _, err := w.ledger.Receipt(ids[i%(len(ids)-1)]); err != nil {
			b.Fatal(err)
		}
	}
}
