package sim

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

// Mine has a node make a block of about so many bytes on its tip at once, and
// publish it. It is for nodes whose chain does not adjust its difficulty.
func (s *Sim) Mine(n *Node, bytes int) *chain.Block {
	s.t.Helper()
	b, err := n.mine(s.t.Context(), s.filler(bytes))
	if err != nil {
		s.t.Fatalf("%s: mine: %v", n, err)
	}
	return b
}

func (n *Node) mine(ctx context.Context, txs []*chain.Transaction) (*chain.Block, error) {
	template, _, err := n.Ledger().Template(txs[0].From, "")
	if err != nil {
		return nil, fmt.Errorf("make a template: %w", err)
	}
	h := template.Header
	h.TxCount, h.TxRoot = chain.TxSummary(txs)
	Grind(&h, 0)
	b := chain.NewBlock(h, txs)
	return b, n.SubmitBlock(ctx, b)
}

// filler returns records that make a block of about so many bytes, each of a
// sender who never sent before.
func (s *Sim) filler(bytes int) []*chain.Transaction {
	const each = 4096
	rules := s.Running()[0].Rules()
	var txs []*chain.Transaction
	for size := 800; size < bytes || len(txs) == 0; {
		data := make([]byte, max(1, min(each, bytes-size-350)/2))
		for i := range data {
			data[i] = byte(s.rng.Uint32())
		}
		tx := s.record(rules, hex.EncodeToString(data))
		txs = append(txs, tx)
		size += len(tx.Raw())
	}
	return txs
}

// record is a signed transaction that moves nothing, of a new sender.
func (s *Sim) record(rules *chain.Rules, data string) *chain.Transaction {
	var seed [ed25519.SeedSize]byte
	binary.BigEndian.PutUint64(seed[:], s.rng.Uint64())
	key := ed25519.NewKeyFromSeed(seed[:])
	draft := chain.Transaction{From: chain.AddressOf(key.Public().(ed25519.PublicKey)), Data: data}
	copy(draft.Signature[:], ed25519.Sign(key, draft.SignedBytes(rules.Genesis().Hash)))
	return chain.NewTransaction(draft)
}

// Record submits a record of a new sender to a node drawn from some, and returns
// its id.
func (s *Sim) Record(numbers ...int) chain.Hash {
	s.t.Helper()
	n := s.Nodes[numbers[s.rng.IntN(len(numbers))]]
	tx := s.record(n.Rules(), fmt.Sprint("from ", n))
	if err := n.SubmitTransaction(s.t.Context(), tx); err != nil {
		s.t.Fatalf("%s: submit a record: %v", n, err)
	}
	return tx.ID()
}

// MineForAWhile has nodes drawn at random make blocks of one size at random
// times, as proof of work would have them, and returns the blocks.
func (s *Sim) MineForAWhile(count, bytes int, interval time.Duration) []*chain.Block {
	s.t.Helper()
	var blocks []*chain.Block
	for range count {
		time.Sleep(time.Duration(s.rng.ExpFloat64() * float64(interval)))
		nodes := s.Running()
		blocks = append(blocks, s.Mine(nodes[s.rng.IntN(len(nodes))], bytes))
	}
	return blocks
}

// Settle has blocks made until all running nodes are on one tip: of two
// branches with the same work each node keeps the one that it saw first.
func (s *Sim) Settle(interval time.Duration) {
	s.t.Helper()
	for range 10 {
		if time.Sleep(interval); len(s.Tips()) == 1 {
			return
		}
		s.Mine(s.Running()[0], 1)
	}
	s.RequireOneTip(interval)
}
