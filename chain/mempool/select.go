package mempool

import (
	"errors"
	"fmt"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/canonical"
)

// maxMisses bounds how many transactions in a row Select finds too large for
// what is left of a block.
const maxMisses = 2000

// Select returns transactions for a block on the tip whose accounts view gives:
// in the pool's order, each executable after those before it, at most limit of
// them (0: any number) in at most maxBytes bytes with the commas between them.
// What does not fit stays in the pool. Errors are the view's.
func (p *Pool) Select(view chain.Accounts, maxBytes uint64, limit int) ([]*chain.Transaction, error) {
	f := filling{draft: chain.NewDraft(view), room: maxBytes, limit: limit}
	w := p.walk()
	for f.misses < maxMisses && !f.full() {
		st, ok := w.next()
		if !ok {
			break
		}
		all, err := f.fill(st.entries())
		if err != nil {
			return nil, fmt.Errorf("select transactions: %w", err)
		}
		if all {
			w.more(st)
		}
	}
	return f.txs, nil
}

// filling is a block that fills up.
type filling struct {
	draft  *chain.Draft
	txs    []*chain.Transaction
	room   uint64 // bytes left
	fees   uint64
	limit  int
	misses int // too large, in a row
}

func (f *filling) full() bool {
	return f.room < chain.MinTransactionBytes || (f.limit > 0 && len(f.txs) >= f.limit)
}

// fill takes entries of one sender in order, until one does not fit.
func (f *filling) fill(entries []*entry) (all bool, err error) {
	for _, e := range entries {
		size := uint64(len(e.tx.Raw()))
		if len(f.txs) > 0 {
			size++ // the comma before it
		}
		if f.full() || e.tx.Fee > canonical.MaxInteger-f.fees {
			return false, nil
		}
		if size > f.room {
			f.misses++
			return false, nil
		}
		switch err := f.draft.Apply(e.tx); {
		case errors.Is(err, chain.ErrUnfit):
			return false, nil
		case err != nil:
			return false, err
		}
		tx := e.tx
		if !e.shared {
			tx = chain.NewTransaction(*tx) // two blocks may not verify one at a time
		}
		f.txs = append(f.txs, tx)
		f.room -= size
		f.fees += tx.Fee
		f.misses = 0
	}
	return true, nil
}
