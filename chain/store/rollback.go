package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

const (
	// One batch of Rollback takes off so many blocks, or fewer once its rows
	// take so many bytes.
	rollbackStep  = 256
	rollbackBytes = memTableBytes
	// maxWaitAgain bounds the bytes of the blocks whose transactions wait once
	// more: those of the lowest, which the others build on, and no more than a
	// pool takes.
	maxWaitAgain = 64 << 20
)

// Rollback takes the best chain back to a height, and forgets all blocks above
// it, those of side branches too: whoever has them brings them again. Their
// transactions wait once more. It goes in steps, each whole on disk; what ctx
// ends early has gone a part of the way. progress, if not nil, is told how many
// of the blocks are off. Nobody else may use the store meanwhile, and a ledger
// that was opened before does not learn of it.
func (s *Store) Rollback(ctx context.Context, height uint64, progress func(done, total uint64)) error {
	tip, err := s.Tip()
	if err != nil {
		return fmt.Errorf("roll back: %w", err)
	}
	from := tip.Tip.Height
	if height > from {
		return fmt.Errorf("roll back to block %d: the tip is block %d", height, from)
	}
	last, err := read(s, func(v view) (uint64, error) { return v.lastToWait(height+1, from, maxWaitAgain) })
	if err != nil {
		return fmt.Errorf("roll back to block %d: %w", height, err)
	}
	for at := from; ; {
		if err := ctx.Err(); err != nil {
			return err
		}
		to := max(height, at-min(at, rollbackStep))
		if at, err = s.rollbackStep(to, last); err != nil {
			return fmt.Errorf("roll back to block %d: %w", to, err)
		}
		if progress != nil {
			progress(from-at, from-height)
		}
		if at == height {
			return nil
		}
	}
}

// lastToWait returns the height up to which the blocks of a range of heights
// have no more than so many bytes of transactions in all.
func (v view) lastToWait(from, to uint64, limit int) (uint64, error) {
	for h := from; h <= to; h++ {
		hash, err := v.mustHash(heightKey(numberRow, h))
		if err != nil {
			return 0, err
		}
		body, err := v.get(hashKey(bodyRow, hash))
		if err != nil {
			return 0, missing(hashKey(bodyRow, hash), err)
		}
		if limit -= len(body); limit < 0 {
			return h - 1, nil
		}
	}
	return to, nil
}

// rollbackStep goes towards a height and returns how far it came. Transactions
// of blocks up to the height last wait again.
func (s *Store) rollbackStep(to, last uint64) (at uint64, err error) {
	s.commit.Lock()
	defer s.commit.Unlock()
	w, err := read(s, func(view) (*writer, error) {
		w := s.newWriter(s.db.NewBatch())
		return w, errors.Join(w.rollback(to, last), w.err)
	})
	if err != nil {
		return 0, err
	}
	return w.tip.Height, s.write(w.batch)
}

func (w *writer) rollback(to, last uint64) error {
	tip, err := w.tipRecord()
	if err != nil {
		return err
	}
	for w.tip = tip.Header.Cursor(); w.tip.Height > to && w.batch.Len() < rollbackBytes; {
		if w.tip.Height <= last {
			if err := w.waitAgain(w.tip.Hash); err != nil {
				return err
			}
		}
		if err := w.revert(w.tip.Hash); err != nil {
			return fmt.Errorf("revert block %d: %w", w.tip.Height, err)
		}
	}
	w.set(tipKey, w.tip.Hash[:])
	if err := errors.Join(w.settle(), w.forgetAbove(w.tip.Height)); err != nil {
		return err
	}
	return w.forgetReorganisations(w.tip.Height)
}

// waitAgain puts a block's transactions among those that wait.
func (w *writer) waitAgain(h chain.Hash) error {
	b, err := w.block(h)
	if err != nil {
		return missing(hashKey(headerRow, h), err)
	}
	for _, t := range b.Transactions {
		p := Pending{ID: t.ID(), Raw: t.Raw(), Seen: time.UnixMilli(int64(b.Timestamp))}
		w.set(hashKey(pendingRow, p.ID), p.encode())
	}
	return nil
}

// forgetAbove removes all blocks above a height.
func (w *writer) forgetAbove(height uint64) error {
	return w.between(heightKey(siblingRow, height+1), after([]byte{siblingRow}), func(key, _ []byte) error {
		_, h, err := splitSibling(key)
		w.remove(hashKey(headerRow, h))
		w.remove(hashKey(bodyRow, h))
		w.remove(append([]byte{}, key...))
		return err
	})
}

// forgetReorganisations removes the notes of those that speak of blocks above a
// height, and what came after them: their numbers have no gap.
func (w *writer) forgetReorganisations(height uint64) error {
	gone := false
	return w.each([]byte{reorganisationRow}, func(key, value []byte) error {
		r, err := decodeReorganisation(key, value)
		if gone = gone || max(r.Old.Height, r.New.Height) > height; gone {
			w.remove(append([]byte{}, key...))
		}
		return err
	})
}
