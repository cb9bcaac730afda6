package store

import (
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/lp2pnode/lp2pnode/chain"
)

// Hashes returns the hashes of the best chain from a height upwards, at most
// limit of them, all read at one moment.
func (s *Store) Hashes(from uint64, limit int) ([]chain.Hash, error) {
	return read(s, func(v view) ([]chain.Hash, error) {
		it, err := v.rows.NewIter(&pebble.IterOptions{LowerBound: heightKey(numberRow, from), UpperBound: after([]byte{numberRow})})
		if err != nil {
			return nil, fmt.Errorf("read heights: %w", err)
		}
		defer it.Close()
		var hashes []chain.Hash
		for ok := it.First(); ok && len(hashes) < limit; ok = it.Next() {
			value, err := it.ValueAndErr()
			if err != nil {
				return nil, fmt.Errorf("read row %s: %w", rowName(it.Key()), err)
			}
			if len(value) != hashSize {
				return nil, damaged(it.Key(), "want %d bytes, got %d", hashSize, len(value))
			}
			hashes = append(hashes, chain.Hash(value))
		}
		return hashes, it.Error()
	})
}

// Broken is closed when the disk has failed; Err then says how.
func (s *Store) Broken() <-chan struct{} { return s.guard.broken }

// Err returns nil until the disk has failed, then an error that matches
// ErrBroken.
func (s *Store) Err() error { return s.guard.check() }
