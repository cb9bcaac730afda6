package mempool

import (
	"errors"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
)

// fullPool returns a pool of n transactions, each sender having several, and
// the accounts' view.
func fullPool(b *testing.B, n, each int) (*Pool, chain.Accounts) {
	b.Helper()
	p := New(Config{MaxBytes: 128 << 20})
	accounts := map[chain.Address]chain.Account{}
	for i := range n / each {
		a, to := who(i), who(i+1)
		accounts[a] = rich(0)
		for j := range each {
			tx := chain.NewTransaction(chain.Transaction{From: a, To: to, Amount: 1, Nonce: uint64(j), Fee: uint64(1 + i*7919%1000 + j*31%50)})
			if _, err := p.Add(tx, api, rich(0), start); err != nil && !errors.Is(err, chain.ErrUnwanted) && !errors.Is(err, chain.ErrUnfit) {
				b.Fatal(err)
			}
		}
	}
	return p, func(a chain.Address) (chain.Account, error) { return accounts[a], nil }
}

func BenchmarkSelectThousandOfFiftyThousand(b *testing.B) {
	for name, each := range map[string]int{"senders=50000": 1, "senders=5000": 10, "senders=1000": 50} {
		b.Run(name, func(b *testing.B) {
			p, view := fullPool(b, 50_000, each)
			for b.Loop() {
				if txs, err := p.Select(view, 1_000_000, 1000); err != nil || len(txs) != 1000 {
					b.Fatal(len(txs), err)
				}
			}
			b.ReportMetric(float64(p.Len()), "pool")
		})
	}
}

func BenchmarkAddToFullPool(b *testing.B) {
	p := New(Config{})
	i := 0
	richer := func() *chain.Transaction {
		i++
		return pays(who(i), 0, uint64(100*i)) // above the floor that the last eviction left
	}
	for p.floor.at(start) == 0 {
		if _, err := p.Add(richer(), api, rich(0), start); err != nil {
			b.Fatal(err)
		}
	}
	for b.Loop() {
		b.StopTimer()
		tx := richer()
		b.StartTimer()
		if _, err := p.Add(tx, api, rich(0), start); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(p.Len()), "pool")
}

func BenchmarkRefuseAtFullPool(b *testing.B) {
	p, _ := fullPool(b, 120_000, 4)
	tx := pays(who(1_000_000), 0, 1)
	for b.Loop() {
		if _, err := p.Add(tx, api, rich(0), start); err == nil {
			b.Fatal("a full pool took fee 1")
		}
	}
}

func BenchmarkAdvanceByThousand(b *testing.B) {
	p, view := fullPool(b, 50_000, 10)
	txs, err := p.Select(view, 1_000_000, 1000)
	if err != nil {
		b.Fatal(err)
	}
	d := chain.NewDraft(view)
	for _, tx := range txs {
		if err := d.Apply(tx); err != nil {
			b.Fatal(err)
		}
	}
	step := Step{Block: chain.NewBlock(chain.Header{}, txs), Diff: d.Diff()}
	back := step
	back.Revert = true
	b.ResetTimer()
	for b.Loop() { // a block and its reversal
		p.Advance([]Step{step}, start)
		p.Advance([]Step{back}, start)
	}
}

func BenchmarkPosition(b *testing.B) {
	p, _ := fullPool(b, 50_000, 1)
	var id chain.Hash
	for _, e := range p.Pending() {
		id = e.Transaction.ID()
	}
	for b.Loop() {
		if _, ok := p.Position(id); !ok {
			b.Fatal("lost")
		}
	}
}

func BenchmarkPending(b *testing.B) {
	p, _ := fullPool(b, 50_000, 10)
	for b.Loop() {
		n := 0
		for range p.Pending() {
			n++
		}
		if n != p.Len() {
			b.Fatal(n)
		}
	}
}
