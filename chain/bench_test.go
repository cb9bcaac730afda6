package chain_test

import (
	"crypto/ed25519"
	"fmt"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/pow"
)

// sample returns the rules of a chain and n signed transactions of 32 bytes of
// data, one a sender in turn.
func sample(b *testing.B, n int) (*chain.Rules, []*chain.Transaction) {
	b.Helper()
	r := easy(b, func(p *chain.Params) { p.MaxBlockBytes = 1_000_000; p.MaxDataBytes = 32_768; p.RetargetWindow = 45 })
	keys := []key{alice, bob, carol}
	txs := make([]*chain.Transaction, n)
	for i := range txs {
		tx := chain.Transaction{Nonce: uint64(i / len(keys)), Data: fmt.Sprintf("%032d", i)}
		txs[i] = r.Sign(tx, keys[i%len(keys)].seed)
	}
	return r, txs
}

func BenchmarkDecodeBlock(b *testing.B) {
	for _, n := range []int{0, 1, 1000} {
		b.Run(fmt.Sprintf("transactions=%d", n), func(b *testing.B) {
			r, txs := sample(b, n)
			raw := child(r.GenesisState(), txs, nil).Raw()
			b.SetBytes(int64(len(raw)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.DecodeBlock(raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkDecodeKnown decodes a block all of whose transactions are known.
func BenchmarkDecodeKnown(b *testing.B) {
	r, txs := sample(b, 1000)
	known := map[chain.Hash]*chain.Transaction{}
	for _, tx := range txs {
		known[tx.ID()] = tx
	}
	raw := child(r.GenesisState(), txs, nil).Raw()
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.DecodeBlockKnowing(raw, func(id chain.Hash) *chain.Transaction { return known[id] }); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeHeader(b *testing.B) {
	r, _ := sample(b, 0)
	raw := child(r.GenesisState(), nil, nil).Canonical()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.DecodeHeader(raw); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSignatures compares what checking a transaction costs in batches of
// a size with what the standard library takes one by one.
func BenchmarkSignatures(b *testing.B) {
	for _, n := range []int{1, 16, 128, 1000} {
		b.Run(fmt.Sprintf("batch=%d", n), func(b *testing.B) {
			r, txs := sample(b, n)
			for b.Loop() {
				b.StopTimer()
				fresh := make([]*chain.Transaction, n)
				for i, tx := range txs {
					fresh[i] = chain.NewTransaction(*tx)
				}
				b.StartTimer()
				if err := r.VerifyTransactions(fresh); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*n), "µs/tx")
		})
	}
	b.Run("standard", func(b *testing.B) {
		r, txs := sample(b, 1)
		public, err := txs[0].From.Key()
		if err != nil {
			b.Fatal(err)
		}
		message := txs[0].SignedBytes(r.Genesis().Hash)
		for b.Loop() {
			if !ed25519.Verify(public, message, txs[0].Signature[:]) {
				b.Fatal("refused")
			}
		}
		b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N), "µs/tx")
	})
}

func BenchmarkStateExtend(b *testing.B) {
	r, _ := sample(b, 0)
	state := r.GenesisState()
	for range 1000 {
		state = state.Extend(&child(state, nil, nil).Header)
	}
	next := child(state, nil, nil).Header
	b.Run("check", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := state.Check(&next); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("extend", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if after := state.Extend(&next); after.Tip.Height != next.Height {
				b.Fatal("not extended")
			}
		}
	})
}

func BenchmarkExecute(b *testing.B) {
	r, few := sample(b, 1000)
	rich := func(chain.Address) (chain.Account, error) { return chain.Account{Balance: 1000}, nil }
	for _, c := range []struct {
		senders string
		txs     []*chain.Transaction
		view    chain.Accounts
	}{{"3", few, book{}.get}, {"1000", strangers(r, 1000), rich}} {
		b.Run("senders="+c.senders, func(b *testing.B) {
			block := child(r.GenesisState(), c.txs, nil)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := r.Execute(block, c.view); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkDecodeReceipt(b *testing.B) {
	raw := readVectors(b).receipt(b, 0)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := chain.DecodeReceipt(raw, pow.Engine{}); err != nil {
			b.Fatal(err)
		}
	}
}
