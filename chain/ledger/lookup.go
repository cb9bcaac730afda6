package ledger

import (
	"errors"
	"fmt"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/mempool"
	"github.com/lp2pnode/lp2pnode/chain/merkle"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

// The errors of Receipt.
var (
	// ErrNotIncluded: no block of the best chain holds the transaction.
	ErrNotIncluded = errors.New("not in the chain")
	// ErrNoHistory: the transaction is in the tip block; with the next block the
	// receipt is complete (protocol §9).
	ErrNoHistory = errors.New("in the newest block, the receipt is complete with the next one")
)

// TxState is the one state that a transaction has on this node.
type TxState string

// The states.
const (
	TxPending  TxState = "pending"  // in the pool
	TxIncluded TxState = "included" // in a block of the best chain
	TxReplaced TxState = "replaced" // another with its sender and nonce took its place
	TxExpired  TxState = "expired"  // it left the pool: too old, too cheap, or it no longer fits
	TxUnknown  TxState = "unknown"  // never here, or long forgotten
)

// TxStatus says where a transaction is.
type TxStatus struct {
	State       TxState
	Transaction *chain.Transaction // nil unless pending or included

	Waiting  bool // pending, behind a gap in its sender's nonces
	Position int  // pending and not waiting: how many would be mined before it

	Location      store.Location // included
	Confirmations uint64         // included: blocks from its own to the tip, both counted

	By     chain.Hash // replaced: the other transaction, if it is known
	Detail string     // replaced or expired: why and what to do, in words
}

// Transaction returns the state of a transaction; an unknown one is no error.
func (l *Ledger) Transaction(id chain.Hash) (TxStatus, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, err := l.store.Transaction(id)
	if err == nil {
		return l.included(at)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return TxStatus{}, fmt.Errorf("look for transaction %s: %w", id, err)
	}
	if e, ok := l.pool.Get(id); ok {
		s := TxStatus{State: TxPending, Transaction: e.Transaction, Waiting: e.Waiting}
		s.Position, _ = l.pool.Position(id)
		return s, nil
	}
	if o, ok := l.pool.Outcome(id); ok {
		return departed(o), nil
	}
	return TxStatus{State: TxUnknown}, nil
}

func (l *Ledger) included(at store.Location) (TxStatus, error) {
	b, err := l.store.Block(at.Block)
	if err != nil {
		return TxStatus{}, fmt.Errorf("read block %s: %w", at.Block, err)
	}
	if at.Index >= uint64(len(b.Transactions)) {
		return TxStatus{}, fmt.Errorf("transaction index points at number %d of %d in block %s", at.Index, len(b.Transactions), at.Block)
	}
	return TxStatus{
		State:         TxIncluded,
		Transaction:   b.Transactions[at.Index],
		Location:      at,
		Confirmations: l.Tip().Tip.Height - at.Height + 1,
	}, nil
}

func departed(o mempool.Outcome) TxStatus {
	switch o.Fate {
	case mempool.FateReplaced:
		return TxStatus{State: TxReplaced, By: o.By, Detail: "another transaction has its sender and nonce; if both are wanted, send this one anew"}
	case mempool.FateExpired:
		return TxStatus{State: TxExpired, Detail: "it waited too long for a block; send it again with a higher fee"}
	case mempool.FateEvicted:
		return TxStatus{State: TxExpired, Detail: "the pool was full and others pay more; send it again with a higher fee"}
	default:
		return TxStatus{State: TxExpired, Detail: "its sender's balance no longer pays for it; send it again when the balance does"}
	}
}

// AccountInfo is an account at the tip, and what the pool adds to it.
type AccountInfo struct {
	chain.Account
	NextNonce uint64 // what the sender's next transaction should have, after those in the pool
	Pending   int    // the sender's transactions in the pool
}

// Account returns an account; one never seen is no error.
func (l *Ledger) Account(a chain.Address) (AccountInfo, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	account, err := l.accounts.get(a)
	if err != nil {
		return AccountInfo{}, fmt.Errorf("read account %s: %w", a, err)
	}
	return AccountInfo{Account: account, NextNonce: l.pool.NextNonce(a, account), Pending: len(l.pool.Sender(a))}, nil
}

// PoolInfo is what the pool holds.
type PoolInfo struct {
	Count   int
	Bytes   uint64
	Entries []mempool.Entry // the first ones, in the order in which they would be mined
}

// Pool returns the pool's size and its first limit transactions.
func (l *Ledger) Pool(limit int) PoolInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	info := PoolInfo{Count: l.pool.Len(), Bytes: l.pool.Bytes()}
	if limit <= 0 {
		return info
	}
	for _, e := range l.pool.Pending() {
		info.Entries = append(info.Entries, e)
		if len(info.Entries) == limit {
			break
		}
	}
	return info
}

// MinFee returns the least fee, in units, with which a transaction of size
// bytes is taken into the pool now.
func (l *Ledger) MinFee(size int) uint64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pool.Price(size, l.now())
}

// SetMinFee sets the least fee, in units for each 1,000 bytes begun, of what is
// taken into the pool from now on.
func (l *Ledger) SetMinFee(units uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.pool.SetMinFee(units)
}

// Receipt returns the receipt of a transaction anywhere in history, against
// the present tip (protocol §9). Its errors match ErrNotIncluded, ErrNoHistory,
// or are this node's own fault.
func (l *Ledger) Receipt(id chain.Hash) (*chain.Receipt, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	at, err := l.store.Transaction(id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, fmt.Errorf("transaction %s: %w", id, ErrNotIncluded)
	}
	if err != nil {
		return nil, fmt.Errorf("look for transaction %s: %w", id, err)
	}
	tip := l.Tip().Tip
	if at.Height >= tip.Height {
		return nil, fmt.Errorf("transaction %s: %w", id, ErrNoHistory)
	}
	b, err := l.store.Block(at.Block)
	if err != nil {
		return nil, fmt.Errorf("read block %s: %w", at.Block, err)
	}
	history, err := merkle.Proof(at.Height, tip.Height, func(level uint, index uint64) (merkle.Hash, error) {
		hash, err := l.store.HistoryNode(level, index)
		return hash, err
	})
	if err != nil {
		return nil, fmt.Errorf("prove block %d: %w", at.Height, err)
	}
	return chain.NewReceipt(b, at.Index, tip, history)
}
