package ledger

import (
	"fmt"

	"github.com/lp2pnode/lp2pnode/chain"
)

// Template returns a block on the tip for a miner to seal: every field but
// nonce and hash, with transactions from the pool and the present time
// (protocol §7). The channel is closed when it is stale: the tip has changed,
// or it has no transactions and the pool now has some. The error is this
// node's own fault.
func (l *Ledger) Template(miner chain.Address, note string) (*chain.Block, <-chan struct{}, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	tip := l.Tip()
	h := tip.Child(miner, note, max(uint64(l.now().UnixMilli()), tip.Tip.Timestamp+1))
	room := int(l.rules.Params.MaxBlockBytes) - len(chain.NewBlock(h, nil).Raw()) - templateSlack
	txs, err := l.pool.Select(l.accounts.get, uint64(max(room, 0)), 0)
	if err != nil {
		return nil, nil, fmt.Errorf("choose transactions: %w", err)
	}
	h.TxCount, h.TxRoot = chain.TxSummary(txs)
	l.idle = len(txs) == 0
	return chain.NewBlock(h, txs), l.stale, nil
}

// templateSlack is room for what grows when a block is sealed: nonce and count.
const templateSlack = 32

// renewTemplates closes the stale signal of all templates. With mu held.
func (l *Ledger) renewTemplates() {
	close(l.stale)
	l.stale = make(chan struct{})
	l.idle = false
}
