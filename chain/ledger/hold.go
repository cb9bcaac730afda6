package ledger

import (
	"fmt"
	"math"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/mempool"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

// Hold closes both doors for change until it is called with "": AddBlocks and
// AddTransaction answer with an error that matches chain.ErrHeld and says why.
// When it returns, no block is being added. Reading goes on.
func (l *Ledger) Hold(why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if why == "" {
		l.held.Store(nil)
	} else {
		err := fmt.Errorf("%w: %s", chain.ErrHeld, why)
		l.held.Store(&err)
	}
	l.changed.wake()
}

// Held returns nil, or why nothing is added for now. It never blocks; Changed
// tells when to ask again.
func (l *Ledger) Held() error {
	if err := l.held.Load(); err != nil {
		return *err
	}
	return nil
}

// Reload takes the tip from the store, which was opened again: a change that
// failed may be there, whole, all the same. The error is this node's own fault.
func (l *Ledger) Reload() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	tip, err := l.store.Tip()
	if err != nil {
		return fmt.Errorf("read tip: %w", err)
	}
	old := l.Tip()
	if tip.Tip.Hash == old.Tip.Hash {
		return nil
	}
	reverted, applied, err := l.moved(old)
	if err != nil {
		return err
	}
	l.states = newRecent[chain.State](keptStates)
	l.states.put(tip.Tip.Hash, tip)
	l.accounts = newAccounts(l.store.Account)
	l.tip.Store(&tip)
	l.updatePool(reverted, applied)
	l.renewTemplates()
	l.changed.wake()
	l.log.Info("the last change was on disk", "height", tip.Tip.Height, "hash", tip.Tip.Hash)
	return nil
}

// moved returns what became of the best chain since a tip, for the pool. With
// mu held.
func (l *Ledger) moved(old chain.State) (reverted []mempool.Step, applied []store.Applied, err error) {
	path, _, err := l.pathFrom(old.Tip.Cursor(), math.MaxInt32)
	if err != nil {
		return nil, nil, err
	}
	for _, hop := range path {
		b, err := l.store.Block(hop.hash)
		if err != nil {
			return nil, nil, fmt.Errorf("read block %s: %w", hop.hash, err)
		}
		var diff chain.Diff
		if hop.revert {
			diff, err = l.touched(b)
		} else {
			diff, err = l.store.Undo(hop.hash)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("changes of block %s: %w", hop.hash, err)
		}
		if hop.revert {
			reverted = append(reverted, mempool.Step{Revert: true, Block: b, Diff: diff})
		} else {
			applied = append(applied, store.Applied{Block: b, Diff: diff})
		}
	}
	return reverted, applied, nil
}

// touched returns the accounts that a block named which has left the best
// chain, as they are now: what it changed is not known any more.
func (l *Ledger) touched(b *chain.Block) (chain.Diff, error) {
	named := map[chain.Address]bool{b.Miner: true}
	for _, t := range b.Transactions {
		named[t.From] = true
		if t.To != "" {
			named[t.To] = true
		}
	}
	var diff chain.Diff
	for a := range named {
		now, err := l.store.Account(a)
		if err != nil {
			return nil, err
		}
		diff = append(diff, chain.Change{Address: a, Old: now})
	}
	return diff, nil
}
