package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/merkle"
)

// view reads rows from the database or from a snapshot of it.
type view struct {
	rows  pebble.Reader
	rules *chain.Rules
}

// get returns a copy of a row's value; ErrNotFound if there is none.
func (v view) get(key []byte) ([]byte, error) {
	value, closer, err := v.rows.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return nil, fmt.Errorf("%s: %w", rowName(key), ErrNotFound)
	}
	if err != nil {
		return nil, fmt.Errorf("read row %s: %w", rowName(key), err)
	}
	value = append(make([]byte, 0, len(value)), value...)
	if err := closer.Close(); err != nil {
		return nil, fmt.Errorf("read row %s: %w", rowName(key), err)
	}
	return value, nil
}

// missing turns ErrNotFound into damage, for a row that another row promises.
func missing(key []byte, err error) error {
	if errors.Is(err, ErrNotFound) {
		return damaged(key, "is missing")
	}
	return err
}

// must is get of a row that another row promises.
func (v view) must(key []byte) ([]byte, error) {
	value, err := v.get(key)
	return value, missing(key, err)
}

func (v view) has(key []byte) (bool, error) {
	_, closer, err := v.rows.Get(key)
	if errors.Is(err, pebble.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read row %s: %w", rowName(key), err)
	}
	return true, closer.Close()
}

// each calls f for every row whose key begins with prefix, in order. key and
// value are f's for the call only.
func (v view) each(prefix []byte, f func(key, value []byte) error) error {
	return v.between(prefix, after(prefix), f)
}

// between is each for the keys from one on and below another; nil is no bound.
func (v view) between(from, to []byte, f func(key, value []byte) error) error {
	it, err := v.rows.NewIter(&pebble.IterOptions{LowerBound: from, UpperBound: to})
	if err != nil {
		return fmt.Errorf("read rows %x…: %w", from, err)
	}
	for ok := it.First(); ok; ok = it.Next() {
		value, err := it.ValueAndErr()
		if err == nil {
			err = f(it.Key(), value)
		}
		if err != nil {
			return errors.Join(err, it.Close())
		}
	}
	if err := it.Close(); err != nil {
		return fmt.Errorf("read rows %x…: %w", from, err)
	}
	return nil
}

// after returns the first key behind all that begin with prefix; nil is the end.
func after(prefix []byte) []byte {
	for i := len(prefix) - 1; i >= 0; i-- {
		if prefix[i] != 0xff {
			return append(append([]byte{}, prefix[:i]...), prefix[i]+1)
		}
	}
	return nil
}

func (v view) headerValue(h chain.Hash) (headerValue, error) {
	key := hashKey(headerRow, h)
	value, err := v.get(key)
	if err != nil {
		return headerValue{}, err
	}
	return decodeHeaderValue(key, value)
}

func (v view) record(h chain.Hash) (Record, error) {
	value, err := v.headerValue(h)
	if err != nil {
		return Record{}, err
	}
	header, err := v.rules.DecodeHeader(value.header)
	if err != nil {
		return Record{}, damaged(hashKey(headerRow, h), "%v", err)
	}
	if header.Hash != h {
		return Record{}, damaged(hashKey(headerRow, h), "holds block %s", header.Hash)
	}
	return Record{Header: header, Work: value.work, Seen: value.seen, Source: value.source}, nil
}

func (v view) rawBlock(h chain.Hash) ([]byte, error) {
	value, err := v.headerValue(h)
	if err != nil {
		return nil, err
	}
	body, err := v.must(hashKey(bodyRow, h))
	if err != nil {
		return nil, err
	}
	raw, ok := joinBlock(value.header, body)
	if !ok {
		return nil, damaged(hashKey(headerRow, h), "is no header")
	}
	return raw, nil
}

// joinBlock is chain.JoinBlock for a header that may be damaged.
func joinBlock(header, body []byte) ([]byte, bool) {
	if !bytes.Contains(header, []byte(`,"tx_count":`)) {
		return nil, false
	}
	return chain.JoinBlock(header, body), true
}

func (v view) block(h chain.Hash) (*chain.Block, error) {
	raw, err := v.rawBlock(h)
	if err != nil {
		return nil, err
	}
	b, err := v.rules.DecodeBlock(raw)
	if err != nil {
		return nil, damaged(hashKey(bodyRow, h), "%v", err)
	}
	if b.Hash != h {
		return nil, damaged(hashKey(headerRow, h), "holds block %s", b.Hash)
	}
	return b, nil
}

// hash returns the hash that a row holds; ErrNotFound.
func (v view) hash(key []byte) (chain.Hash, error) {
	value, err := v.get(key)
	if err != nil {
		return chain.Hash{}, err
	}
	return decodeHash(key, value)
}

// mustHash is hash of a row that another row promises.
func (v view) mustHash(key []byte) (chain.Hash, error) {
	h, err := v.hash(key)
	return h, missing(key, err)
}

func (v view) hashAt(height uint64) (chain.Hash, error) {
	return v.hash(heightKey(numberRow, height))
}

// hashes lists the best chain from a height upwards, at most limit blocks.
func (v view) hashes(from uint64, limit int) ([]chain.Hash, error) {
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
		h, err := decodeHash(it.Key(), value)
		if err != nil {
			return nil, err
		}
		hashes = append(hashes, h)
	}
	return hashes, it.Error()
}

// onBest tells whether a block of this height is on the best chain.
func (v view) onBest(height uint64, h chain.Hash) (bool, error) {
	at, err := v.hashAt(height)
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return at == h, err
}

func (v view) at(height uint64) ([]Record, error) {
	var hashes []chain.Hash
	err := v.each(heightKey(siblingRow, height), func(key, _ []byte) error {
		_, h, err := splitSibling(key)
		hashes = append(hashes, h)
		return err
	})
	if err != nil {
		return nil, err
	}
	records := make([]Record, len(hashes))
	for i, h := range hashes {
		if records[i], err = v.promised(h); err != nil {
			return nil, err
		}
	}
	return records, nil
}

// promised is record of a block that another row names.
func (v view) promised(h chain.Hash) (Record, error) {
	r, err := v.record(h)
	return r, missing(hashKey(headerRow, h), err)
}

func (v view) account(a chain.Address) (chain.Account, error) {
	public, err := a.Key()
	if err != nil {
		return chain.Account{}, fmt.Errorf("read account: %w", err)
	}
	key := accountKey(public)
	value, err := v.get(key)
	if errors.Is(err, ErrNotFound) {
		return chain.Account{}, nil
	}
	if err != nil {
		return chain.Account{}, err
	}
	return decodeAccount(key, value)
}

func (v view) undo(h chain.Hash) (chain.Diff, error) {
	key := hashKey(undoRow, h)
	value, err := v.get(key)
	if err != nil {
		return nil, err
	}
	return decodeDiff(key, value)
}

func (v view) place(id chain.Hash) (place, error) {
	key := hashKey(txRow, id)
	value, err := v.get(key)
	if err != nil {
		return place{}, err
	}
	return decodePlace(key, value)
}

// splitSibling takes a sibling row's key apart.
func splitSibling(key []byte) (uint64, chain.Hash, error) {
	if len(key) != 1+8+hashSize {
		return 0, chain.Hash{}, damaged(key, "want a key of %d bytes", 1+8+hashSize)
	}
	return binary.BigEndian.Uint64(key[1:]), chain.Hash(key[9:]), nil
}

func (v view) node(level uint, index uint64) (chain.Hash, error) {
	if level == 0 {
		h, err := v.hashAt(index)
		return merkle.LeafHash(h[:]), err
	}
	return v.hash(nodeKey(level, index))
}
