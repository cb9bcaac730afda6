package ledger

import (
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/pow"
)

func roomRules(t *testing.T) *chain.Rules {
	t.Helper()
	rules, err := chain.NewRules(chain.Params{
		BlockIntervalMS: 1000, ChainID: "room", Consensus: "pow", InitialDifficulty: 1,
		MaxBlockBytes: 1_000_000, MaxDataBytes: 32768, Timestamp: 1_790_000_000_000,
	}, pow.Engine{})
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

func TestWaitingRoomKeepsWithinItsMemory(t *testing.T) {
	rules := roomRules(t)
	small := rules.Sign(chain.Transaction{}, make([]byte, 32))
	var txs []*chain.Transaction
	for size := 0; size < 900_000; size += len(small.Raw()) + 1 {
		txs = append(txs, small)
	}
	h := rules.Genesis().Header
	h.Height, h.Miner = 1, small.From
	h.TxCount, h.TxRoot = chain.TxSummary(txs)
	r := newRoom(rules.Params)
	before := heap()
	for i := range 40 {
		h.Nonce = uint64(i)
		h.Hash = h.ComputeHash()
		b, err := rules.DecodeBlock(chain.NewBlock(h, txs).Raw())
		if err != nil {
			t.Fatal(err)
		}
		r.add(chain.Source{Peer: fmt.Sprint(i)}, b, time.Time{})
	}
	if took, kept := heap()-before, len(r.waiting); took > r.maxBytes || kept < 4 {
		t.Errorf("%d blocks take %d bytes of memory, the room has %d", kept, took, r.maxBytes)
	}
	runtime.KeepAlive(r)
}

// TestWaitingRoomCountsThePoolsBuffers: transactions that a block has from the
// pool stay in memory with it when the pool lets them go.
func TestWaitingRoomCountsThePoolsBuffers(t *testing.T) {
	rules := roomRules(t)
	small := rules.Sign(chain.Transaction{}, make([]byte, 32))
	txs := slices.Repeat([]*chain.Transaction{small}, 300)
	fromPool := func(chain.Hash) *chain.Transaction { // with as much to spare as the pool lets pass
		raw := append(make([]byte, 0, 2*len(small.Raw())+512), small.Raw()...)
		tx, err := rules.DecodeTransaction(raw)
		if err != nil {
			t.Fatal(err)
		}
		return tx
	}
	h := rules.Genesis().Header
	h.Height, h.Miner = 1, small.From
	h.TxCount, h.TxRoot = chain.TxSummary(txs)
	r := newRoom(rules.Params)
	r.maxBytes = 4 << 20
	before := heap()
	for i := range 20 {
		h.Nonce = uint64(i)
		h.Hash = h.ComputeHash()
		b, err := rules.DecodeBlockKnowing(chain.NewBlock(h, txs).Raw(), fromPool)
		if err != nil {
			t.Fatal(err)
		}
		r.add(chain.Source{Peer: fmt.Sprint(i)}, b, time.Time{})
	}
	if took, kept := heap()-before, len(r.waiting); took > r.maxBytes || kept < 4 {
		t.Errorf("%d blocks take %d bytes of memory, the room has %d", kept, took, r.maxBytes)
	}
	for len(r.waiting) > 1 {
		r.remove(0)
	}
	last := r.remove(0)
	if r.bytes != 0 {
		t.Errorf("an empty room counts %d bytes", r.bytes)
	}
	r.maxBytes = 2 * last.cost // a quarter of which is less than the block
	for range 2 {
		r.add(last.src, last.block, time.Time{})
		again := *last.block
		again.Hash[0]++
		r.add(last.src, &again, time.Time{})
	}
	if len(r.waiting) != 1 {
		t.Errorf("want one large block of a peer kept, got %d", len(r.waiting))
	}
}

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
