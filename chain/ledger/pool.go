package ledger

import (
	"fmt"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/mempool"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

// AddTransaction takes a transaction that DecodeTransaction returned into the
// pool. Its errors are those of mempool.Pool.Add, or this node's own fault.
func (l *Ledger) AddTransaction(src chain.Source, t *chain.Transaction) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	account, err := l.store.Account(t.From)
	if err != nil {
		return fmt.Errorf("read account %s: %w", t.From, err)
	}
	added, err := l.pool.Add(t, src, account, l.now())
	if err != nil {
		return fmt.Errorf("transaction %s: %w", t.ID(), err)
	}
	if l.idle && !added.Waiting {
		l.renewTemplates()
	}
	if len(added.Freed) > 0 {
		l.freed = append(l.freed, added.Freed...)
		l.changed.wake()
	}
	return nil
}

// updatePool tells the pool of blocks that left and joined. With mu held.
func (l *Ledger) updatePool(reverted []mempool.Step, applied []store.Applied) {
	steps := reverted
	for _, a := range applied {
		steps = append(steps, mempool.Step{Block: a.Block, Diff: a.Diff})
	}
	moved := l.pool.Advance(steps, l.now())
	l.pool.Expire(l.now())
	l.freed = append(append(l.freed, moved.Restored...), moved.Freed...)
}

// FreedTransactions takes out the transactions of the pool that others may
// lack, to be published: what waited for a gap in nonces that has closed, and
// what came back from reverted blocks.
func (l *Ledger) FreedTransactions() []*chain.Transaction {
	l.mu.Lock()
	defer l.mu.Unlock()
	freed := l.freed
	l.freed = nil
	return freed
}

// Transactions returns the canonical bytes of at most limit transactions of
// the pool, in the order in which they would be mined.
func (l *Ledger) Transactions(limit int) [][]byte {
	l.mu.Lock()
	defer l.mu.Unlock()
	var raw [][]byte
	for i, e := range l.pool.Pending() {
		if i >= limit {
			break
		}
		raw = append(raw, e.Transaction.Raw())
	}
	return raw
}
