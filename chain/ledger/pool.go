package ledger

import (
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/mempool"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

// AddTransaction takes a transaction that DecodeTransaction returned into the
// pool, where it survives a restart: one from the API is on disk before the
// call returns. chain.ErrWaiting says that it was kept, but is not to be passed
// on before FreedTransactions returns it. The other errors are those of
// mempool.Pool.Add, or this node's own fault.
func (l *Ledger) AddTransaction(src chain.Source, t *chain.Transaction) error {
	now := l.now()
	waiting, err := l.pooled(src, t, now)
	if err != nil {
		return fmt.Errorf("transaction %s: %w", t.ID(), err)
	}
	// Outside the lock, so that many callers share a sync. A block that takes
	// the transaction meanwhile makes the row useless, which loadPool finds.
	kept := store.Pending{ID: t.ID(), Raw: t.Raw(), Seen: now, Source: src}
	if err := l.store.KeepPending(kept, src.Via == chain.ViaAPI); err != nil {
		return err
	}
	if waiting {
		return fmt.Errorf("transaction %s: %w", t.ID(), chain.ErrWaiting)
	}
	return nil
}

func (l *Ledger) pooled(src chain.Source, t *chain.Transaction, now time.Time) (waiting bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.Held(); err != nil {
		return false, err
	}
	account, err := l.accounts.get(t.From)
	if err != nil {
		return false, fmt.Errorf("read account %s: %w", t.From, err)
	}
	added, err := l.pool.Add(t, src, account, now)
	if err != nil {
		return false, err
	}
	if l.idle && !added.Waiting {
		l.renewTemplates()
	}
	gone := added.Evicted
	if added.Replaced != nil {
		gone = append(gone, added.Replaced)
	}
	l.forget(gone)
	l.news.add(t.ID())
	l.free(added.Freed)
	l.changed.wake()
	return added.Waiting, nil
}

// forget drops what has left the pool from the disk. A failure breaks the
// store, which its owner watches.
func (l *Ledger) forget(txs []*chain.Transaction) {
	ids := make([]chain.Hash, len(txs))
	for i, t := range txs {
		ids[i] = t.ID()
	}
	if err := l.store.ForgetPending(ids); err != nil && !errors.Is(err, store.ErrReadOnly) {
		l.log.Error("waiting transactions stay on disk", "error", err)
	}
}

// loadPool fills the pool with what waited when the node stopped, and drops
// what no longer fits. Called by Open.
func (l *Ledger) loadPool() error {
	kept, err := l.store.Pending()
	if err != nil {
		return fmt.Errorf("read waiting transactions: %w", err)
	}
	slices.SortStableFunc(kept, func(a, b store.Pending) int { return a.Seen.Compare(b.Seen) })
	var gone []chain.Hash
	for _, k := range kept {
		if err := l.restore(k); err != nil {
			l.log.Debug("waiting transaction dropped", "id", k.ID, "error", err)
			gone = append(gone, k.ID)
		}
	}
	if len(kept) > len(gone) {
		l.log.Info("waiting transactions restored", "count", len(kept)-len(gone))
	}
	if err := l.store.ForgetPending(gone); err != nil && !errors.Is(err, store.ErrReadOnly) {
		return err // of a store for reading only, the next start drops them
	}
	return nil
}

func (l *Ledger) restore(k store.Pending) error {
	t, err := l.rules.DecodeTransaction(k.Raw)
	if err != nil {
		return err
	}
	account, err := l.accounts.get(t.From)
	if err != nil {
		return err
	}
	_, err = l.pool.Restore(t, k.Source, account, k.Seen, l.now())
	return err
}

// updatePool tells the pool of blocks that left and joined. With mu held.
func (l *Ledger) updatePool(reverted []mempool.Step, applied []store.Applied) {
	steps := reverted
	for _, a := range applied {
		steps = append(steps, mempool.Step{Block: a.Block, Diff: a.Diff})
	}
	var mined []*chain.Transaction
	for _, a := range applied {
		for _, t := range a.Block.Transactions {
			if l.pool.Has(t.ID()) {
				mined = append(mined, t)
			}
		}
	}
	moved := l.pool.Advance(steps, l.now())
	l.forget(mined)
	l.forget(moved.Dropped)
	l.forget(l.pool.Expire(l.now()))
	for _, t := range moved.Restored {
		l.news.add(t.ID())
		if err := l.store.KeepPending(store.Pending{ID: t.ID(), Raw: t.Raw(), Seen: l.now()}, false); err != nil && !errors.Is(err, store.ErrReadOnly) {
			l.log.Error("reverted transaction is not kept on disk", "error", err)
		}
	}
	l.free(moved.Restored)
	l.free(moved.Freed)
}

// maxFreed bounds what waits to be published; nothing is lost with the oldest,
// since peers exchange pools when they meet.
const maxFreed = 10_000

// free notes transactions that others may lack. With mu held.
func (l *Ledger) free(txs []*chain.Transaction) {
	l.freed = append(l.freed, txs...)
	l.freed = l.freed[max(0, len(l.freed)-maxFreed):]
}

// DecodeBlock is chain.Rules.DecodeBlock, but takes the transactions that wait
// in the pool from there: they need not be read again, nor their signatures be
// checked. It does not wait for a change that is under way.
func (l *Ledger) DecodeBlock(raw []byte) (*chain.Block, error) {
	return l.rules.DecodeBlockKnowing(raw, l.pool.Known)
}

// FreedTransactions takes out the transactions of the pool that others may
// lack, to be published: what waited for a gap in nonces that has closed, and
// what came back from reverted blocks.
func (l *Ledger) FreedTransactions() []*chain.Transaction {
	l.mu.Lock()
	defer l.mu.Unlock()
	freed := slices.DeleteFunc(l.freed, func(t *chain.Transaction) bool { return !l.pool.Has(t.ID()) })
	l.freed = nil
	return freed
}

// PoolNews returns the ids of at most n transactions that entered the pool
// after a place in the order of their coming, and the place after them; of
// those long ago it has forgotten. Changed tells when there are more. With n
// = 0 it returns the present place.
func (l *Ledger) PoolNews(after uint64, n int) (ids []chain.Hash, next uint64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.news.since(after, n)
}

// news is a ring of the ids that came last, each with its place. Its owner's
// lock guards it.
type news struct {
	ring  []chain.Hash
	count uint64 // of all that ever came
}

func newNews(size int) *news { return &news{ring: make([]chain.Hash, size)} }

func (q *news) add(id chain.Hash) {
	q.ring[q.count%uint64(len(q.ring))] = id
	q.count++
}

func (q *news) since(after uint64, n int) (ids []chain.Hash, next uint64) {
	if n <= 0 || after > q.count {
		return nil, q.count
	}
	if kept := uint64(len(q.ring)); q.count > kept {
		after = max(after, q.count-kept)
	}
	for ; after < q.count && len(ids) < n; after++ {
		ids = append(ids, q.ring[after%uint64(len(q.ring))])
	}
	return ids, after
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
