package ledger

import (
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/pow"
)

func TestWaitingRoomKeepsWithinItsMemory(t *testing.T) {
	rules, err := chain.NewRules(chain.Params{
		BlockIntervalMS: 1000, ChainID: "room", Consensus: "pow", InitialDifficulty: 1,
		MaxBlockBytes: 1_000_000, MaxDataBytes: 32768, Timestamp: 1_790_000_000_000,
	}, pow.Engine{})
	if err != nil {
		t.Fatal(err)
	}
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

func heap() int {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int(m.HeapAlloc)
}
