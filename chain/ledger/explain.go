package ledger

import (
	"bytes"
	"errors"
	"fmt"
	"slices"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

// maxUnwound bounds the blocks that are undone or executed to judge a block on
// a side branch, while which no block is added.
const maxUnwound = 100

// Explain runs every rule on the canonical bytes of a block or a transaction:
// a block on its parent, which has to be known; a transaction where it stands
// on the best chain, or else at the tip. Nothing changes. The error is this
// node's own fault, or matches chain.ErrUnwanted for a block too far off the
// best chain.
func (l *Ledger) Explain(raw []byte) ([]chain.Finding, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !bytes.Contains(raw, []byte(`,"transactions":[`)) {
		return l.explainTransaction(raw)
	}
	early := false
	f, err := l.rules.ExplainBlock(raw, func(h *chain.Header) (chain.State, chain.Accounts, error) {
		early = l.now().Before(l.dueAt(h))
		return l.ground(h)
	})
	if early {
		f = append(f, chain.Finding{Rule: chain.RuleTimestamp, Want: fmt.Sprintf("at most %d ms ahead of this clock", l.rules.Params.MaxAheadMS()), Got: "more: it is judged later"})
	}
	return f, err
}

// ground implements chain.Ground. With mu held.
func (l *Ledger) ground(h *chain.Header) (chain.State, chain.Accounts, error) {
	parent, err := l.stateAt(h.PrevHash)
	if err != nil {
		return parent, nil, err
	}
	on, err := l.onBestChain(h.Cursor())
	if err != nil {
		return parent, nil, err
	}
	if on {
		accounts, err := l.before(h.Hash)
		return parent, accounts, err
	}
	accounts, err := l.accountsAt(parent)
	return parent, accounts, err
}

// before returns the accounts that a block of the best chain met, as far as it
// changed them.
func (l *Ledger) before(hash chain.Hash) (chain.Accounts, error) {
	diff, err := l.store.Undo(hash)
	if err != nil {
		return nil, fmt.Errorf("read undo of block %s: %w", hash, err)
	}
	view := newOverlay(l.store.Account)
	view.undo(diff)
	return view.get, nil
}

// accountsAt returns the accounts after any block that is not far off the best
// chain. With mu held.
func (l *Ledger) accountsAt(at chain.State) (chain.Accounts, error) {
	revert, apply, _, err := l.path(newPlan(), l.Tip(), at)
	if err != nil {
		return nil, err
	}
	if far := len(revert) + len(apply); far > maxUnwound {
		return nil, fmt.Errorf("%w: block %d is %d blocks off the tip of the best chain: want at most %d", chain.ErrUnwanted, at.Tip.Height, far, maxUnwound)
	}
	view := newOverlay(l.store.Account)
	for _, hash := range revert {
		diff, err := l.store.Undo(hash)
		if err != nil {
			return nil, fmt.Errorf("read undo of block %s: %w", hash, err)
		}
		view.undo(diff)
	}
	for _, hash := range apply {
		b, err := l.store.Block(hash)
		if err != nil {
			return nil, fmt.Errorf("read block %s: %w", hash, err)
		}
		diff, err := l.rules.Execute(b, view.get)
		if err != nil {
			return nil, fmt.Errorf("block %d, %s, before it: %w", b.Height, hash, err)
		}
		view.apply(diff)
	}
	return view.get, nil
}

// explainTransaction is Explain for a transaction. With mu held.
func (l *Ledger) explainTransaction(raw []byte) ([]chain.Finding, error) {
	t, err := l.rules.DecodeTransaction(slices.Clone(raw))
	if err != nil {
		return l.rules.ExplainTransaction(raw, l.store.Account)
	}
	at, err := l.store.Transaction(t.ID())
	if errors.Is(err, store.ErrNotFound) {
		return l.rules.ExplainTransaction(raw, l.store.Account)
	}
	if err != nil {
		return nil, fmt.Errorf("look for transaction %s: %w", t.ID(), err)
	}
	b, err := l.store.Block(at.Block)
	if err != nil {
		return nil, fmt.Errorf("read block %s: %w", at.Block, err)
	}
	accounts, err := l.before(at.Block)
	if err != nil {
		return nil, err
	}
	draft := chain.NewDraft(accounts)
	for _, earlier := range b.Transactions[:at.Index] {
		if err := draft.Apply(earlier); err != nil {
			return nil, fmt.Errorf("transaction %s before it: %w", earlier.ID(), err)
		}
	}
	return l.rules.ExplainTransaction(raw, draft.Get)
}
