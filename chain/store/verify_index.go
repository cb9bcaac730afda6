package store

import (
	"bytes"
	"errors"
	"slices"
)

// indexes tells whether a row is of one of the best chain's indexes.
func indexes(row byte) bool { return row == txRow || row == concernRow || row == recordedRow }

// placeIn returns the place that a row of an index is about.
func placeIn(key, value []byte) (place, error) {
	if key[0] == txRow {
		return decodePlace(key, value)
	}
	return splitPlaced(key)
}

// strayIndex proves that a row of an index is one that the block of its place
// has.
func (v *verifier) strayIndex(key, value []byte) error {
	if !indexes(key[0]) {
		return nil
	}
	p, err := placeIn(key, value)
	if err != nil {
		return err
	}
	h, err := v.hashAt(p.height)
	if errors.Is(err, ErrNotFound) {
		return damaged(key, "names height %d above the tip", p.height)
	}
	if err != nil {
		return err
	}
	b, err := v.block(h)
	if err != nil {
		return err
	}
	rows, err := indexRows(keys{}, b)
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(rows, func(r entry) bool { return bytes.Equal(r.key, key) }) {
		return damaged(key, "is nothing that block %s has", h)
	}
	return nil
}

// reorganisation proves that none is missing before this one: their numbers
// have no gap.
func (v *region) reorganisation(key, value []byte) error {
	r, err := decodeReorganisation(key, value)
	if err != nil {
		return err
	}
	if r.Number != v.reorganised {
		return damaged(key, "want number %d", v.reorganised)
	}
	v.reorganised++
	return nil
}
