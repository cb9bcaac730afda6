package store

import (
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

// read calls f with nobody writing.
func read[T any](s *Store, f func(view) (T, error)) (T, error) {
	var none T
	s.mu.RLock()
	defer s.mu.RUnlock()
	if err := s.usable(); err != nil {
		return none, err
	}
	got, err := f(view{s.db, s.rules})
	if broken := s.guard.check(); broken != nil {
		return none, broken
	}
	if err != nil {
		return none, err
	}
	return got, nil
}

// Record returns what is known of a block; ErrNotFound.
func (s *Store) Record(hash chain.Hash) (Record, error) {
	return read(s, func(v view) (Record, error) { return v.record(hash) })
}

// Has tells whether a block is stored.
func (s *Store) Has(hash chain.Hash) (bool, error) {
	return read(s, func(v view) (bool, error) { return v.has(hashKey(headerRow, hash)) })
}

// RawHeader returns the canonical bytes of a block's header; ErrNotFound.
func (s *Store) RawHeader(hash chain.Hash) ([]byte, error) {
	return read(s, func(v view) ([]byte, error) {
		value, err := v.headerValue(hash)
		return value.header, err
	})
}

// RawBlock returns a block's canonical bytes; ErrNotFound.
func (s *Store) RawBlock(hash chain.Hash) ([]byte, error) {
	defer s.took(OpBlock, time.Now())
	return read(s, func(v view) ([]byte, error) { return v.rawBlock(hash) })
}

// Block returns a block, with all checked that DecodeBlock checks; ErrNotFound.
func (s *Store) Block(hash chain.Hash) (*chain.Block, error) {
	defer s.took(OpBlock, time.Now())
	return read(s, func(v view) (*chain.Block, error) { return v.block(hash) })
}

// HashAt returns the hash of the best chain's block of a height; ErrNotFound
// above the tip.
func (s *Store) HashAt(height uint64) (chain.Hash, error) {
	return read(s, func(v view) (chain.Hash, error) { return v.hashAt(height) })
}

// Hashes returns the hashes of the best chain from a height upwards, at most
// limit of them, all read at one moment.
func (s *Store) Hashes(from uint64, limit int) ([]chain.Hash, error) {
	return read(s, func(v view) ([]chain.Hash, error) { return v.hashes(from, limit) })
}

// At returns all blocks of a height, side branches too, in the order of their
// hashes; none is no error.
func (s *Store) At(height uint64) ([]Record, error) {
	return read(s, func(v view) ([]Record, error) { return v.at(height) })
}

// Account returns an account at the best tip; it is zero if never seen.
func (s *Store) Account(a chain.Address) (chain.Account, error) {
	return read(s, func(v view) (chain.Account, error) { return v.account(a) })
}

// Undo returns what a block of the best chain changed; ErrNotFound for others.
func (s *Store) Undo(hash chain.Hash) (chain.Diff, error) {
	return read(s, func(v view) (chain.Diff, error) { return v.undo(hash) })
}

// Location is where a transaction stands: the Index-th of the best chain's
// Block at Height.
type Location struct {
	Height, Index uint64
	Block         chain.Hash
}

// Transaction returns where on the best chain a transaction stands;
// ErrNotFound.
func (s *Store) Transaction(id chain.Hash) (Location, error) {
	return read(s, func(v view) (Location, error) {
		p, err := v.place(id)
		if err != nil {
			return Location{}, err
		}
		h, err := v.mustHash(heightKey(numberRow, p.height))
		return Location{Height: p.height, Index: p.index, Block: h}, err
	})
}

// HistoryNode returns a complete node of the best chain's history tree
// (protocol §4), the tip included as a leaf; level 0 are the leaves.
// ErrNotFound for one that is not complete.
func (s *Store) HistoryNode(level uint, index uint64) (chain.Hash, error) {
	return read(s, func(v view) (chain.Hash, error) { return v.node(level, index) })
}

// StateAt returns the state after any stored block (the best chain's is read,
// a side branch's is built upon it); ErrNotFound.
func (s *Store) StateAt(hash chain.Hash) (chain.State, error) {
	return read(s, func(v view) (chain.State, error) { return v.stateAt(hash) })
}

// Tip returns the state of the best chain.
func (s *Store) Tip() (chain.State, error) {
	return read(s, view.tip)
}
