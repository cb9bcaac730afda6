package store

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/lp2pnode/lp2pnode/chain"
)

// Pending is a transaction that waits for a block, kept for the next start.
type Pending struct {
	ID     chain.Hash
	Raw    []byte    // canonical JSON
	Seen   time.Time // to the millisecond
	Source chain.Source
}

// KeepPending keeps a waiting transaction. It is on disk when a call with sync
// returns nil; without, it is lost if the machine fails within moments. Calls
// may run at the same time and then share a sync. Errors are those of Commit.
func (s *Store) KeepPending(p Pending, sync bool) error {
	defer s.took(OpKeep, time.Now())
	return s.writePending(sync, func(b *pebble.Batch) error {
		return b.Set(hashKey(pendingRow, p.ID), p.encode(), nil)
	})
}

// ForgetPending drops transactions that wait no longer. Ids that are not there
// are no error.
func (s *Store) ForgetPending(ids []chain.Hash) error {
	if len(ids) == 0 {
		return nil
	}
	return s.writePending(false, func(b *pebble.Batch) error {
		var errs []error
		for _, id := range ids {
			errs = append(errs, b.Delete(hashKey(pendingRow, id), nil))
		}
		return errors.Join(errs...)
	})
}

// writePending commits rows that no other row depends on, so readers need not
// wait for their sync.
func (s *Store) writePending(sync bool, fill func(*pebble.Batch) error) error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.writable(); err != nil {
		return fmt.Errorf("keep waiting transactions: %w", err)
	}
	batch := s.db.NewBatch()
	if err := fill(batch); err != nil {
		return errors.Join(fmt.Errorf("keep waiting transactions: %w", err), batch.Close())
	}
	options := pebble.NoSync
	if sync {
		options = pebble.Sync
	}
	if err := s.guard.run(func() error { return batch.Commit(options) }); err != nil {
		s.guard.fail(err) // Pebble cannot say what became of the batch
		return fmt.Errorf("keep waiting transactions: %w", s.guard.check())
	}
	return nil
}

// Pending returns the transactions kept, in the order of their ids.
func (s *Store) Pending() ([]Pending, error) {
	return read(s, func(v view) ([]Pending, error) {
		var all []Pending
		err := v.each([]byte{pendingRow}, func(key, value []byte) error {
			p, err := decodePending(key, bytes.Clone(value))
			all = append(all, p)
			return err
		})
		return all, err
	})
}

func (p Pending) encode() []byte {
	return append(encodeOrigin(nil, p.Seen, p.Source), p.Raw...)
}

func decodePending(key, value []byte) (Pending, error) {
	if len(key) != 1+hashSize {
		return Pending{}, damaged(key, "want a key of %d bytes, got %d", 1+hashSize, len(key))
	}
	r := reader{rest: value}
	p := Pending{ID: chain.Hash(key[1:])}
	p.Seen, p.Source = r.origin()
	p.Raw = r.rest
	if r.bad || len(p.Raw) == 0 {
		return Pending{}, damaged(key, "ends too early, after %d bytes", len(value))
	}
	return p, nil
}
