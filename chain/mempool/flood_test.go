package mempool

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
)

func testRules(t testing.TB) *chain.Rules {
	t.Helper()
	rules, err := chain.NewRules(chain.Params{
		BlockIntervalMS:   10_000,
		ChainID:           "pool-test",
		Consensus:         "pow",
		InitialDifficulty: 1,
		MaxBlockBytes:     1_000_000,
		MaxDataBytes:      32 << 10,
		RetargetWindow:    45,
	}, nil) // no engine: transactions only
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// decoded returns tx as it comes from the wire, with strings of its own.
func decoded(tx *chain.Transaction) *chain.Transaction {
	c := *tx
	c.From, c.To, c.Data = chain.Address(strings.Clone(string(c.From))), chain.Address(strings.Clone(string(c.To))), strings.Clone(c.Data)
	return chain.NewTransaction(c)
}

func heapBytes() uint64 {
	runtime.GC()
	runtime.GC() // what sync.Pool holds goes with the second
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// TestMemoryStaysWithinTheCap fills a pool with the kinds of transactions that
// cost most beside their bytes, and compares with what the heap says.
func TestMemoryStaysWithinTheCap(t *testing.T) {
	const cap, each = 8 << 20, 20_000
	for _, row := range []struct {
		name string
		make func(i int) *chain.Transaction
	}{
		{"one sender without fee", func(i int) *chain.Transaction {
			return chain.NewTransaction(chain.Transaction{From: who(0), Nonce: uint64(i % 100), Data: fmt.Sprint(i)})
		}},
		{"a sender each, without fee", func(i int) *chain.Transaction { return pays(who(i), 0, 0) }},
		{"a sender each, paying", func(i int) *chain.Transaction {
			return chain.NewTransaction(chain.Transaction{From: who(i), To: who(i + 1), Fee: uint64(1 + i)})
		}},
		{"a sender each, behind a gap", func(i int) *chain.Transaction { return pays(who(i), 1, uint64(1+i)) }},
		{"large data", func(i int) *chain.Transaction {
			return chain.NewTransaction(chain.Transaction{From: who(i), Fee: uint64(100 * (1 + i)), Data: strings.Repeat("x", 4000)})
		}},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := New(Config{MaxBytes: cap})
			before := heapBytes()
			for i := range each {
				src := gossip(strings.Clone("12D3KooWNobody"))
				if _, err := p.Add(decoded(row.make(i)), src, rich(0), start); err != nil && !errors.Is(err, chain.ErrUnwanted) && !errors.Is(err, chain.ErrUnfit) {
					t.Fatal(err)
				}
			}
			p.left = outcomes{} // bounded by itself
			used := int64(heapBytes()) - int64(before)
			t.Logf("%d of %d taken: counted %d bytes, used %d", p.Len(), each, p.memory, used)
			if p.memory > cap || used > int64(p.memory)+64<<10 { // what the pool takes when it is empty
				t.Fatalf("used %d bytes, counted %d, cap %d", used, p.memory, cap)
			}
			if _, err := p.Add(pays(who(each+7), 0, p.Price(300, start)+2*each*100), gossip("other"), rich(0), start); err != nil {
				t.Fatalf("another sender's transaction found no way in: %v", err)
			}
			check(t, p)
			runtime.KeepAlive(p)
		})
	}
}
