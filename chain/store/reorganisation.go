package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/lp2pnode/lp2pnode/chain"
)

// Reorganisation is a change of the best chain that took blocks off it: those
// after Fork up to Old gave way to those after Fork up to New. Numbers count
// from 0.
type Reorganisation struct {
	Number         uint64
	At             time.Time    // to the millisecond
	Source         chain.Source // of the block that tipped the scale
	Fork, Old, New chain.Cursor
}

func encodeReorganisation(key []byte, r Reorganisation) []byte {
	b := encodeOrigin(nil, r.At, r.Source)
	for _, c := range []chain.Cursor{r.Fork, r.Old, r.New} {
		b = append(binary.AppendUvarint(b, c.Height), c.Hash[:]...)
	}
	return binary.BigEndian.AppendUint32(b, checksum(key, b))
}

func decodeReorganisation(key, value []byte) (Reorganisation, error) {
	if len(key) != 9 {
		return Reorganisation{}, damaged(key, "want a key of 9 bytes")
	}
	r := reader{rest: value}
	o := Reorganisation{Number: binary.BigEndian.Uint64(key[1:])}
	o.At, o.Source = r.origin()
	for _, c := range []*chain.Cursor{&o.Fork, &o.Old, &o.New} {
		c.Height = r.uvarint()
		copy(c.Hash[:], r.bytes(hashSize))
	}
	summed := value[:len(value)-len(r.rest)]
	sum := r.bytes(4)
	if !r.done() {
		return Reorganisation{}, damaged(key, "want a time, a source and three places, got %d bytes", len(value))
	}
	if want := checksum(key, summed); want != binary.BigEndian.Uint32(sum) {
		return Reorganisation{}, damaged(key, "want checksum %08x, got %x", want, sum)
	}
	return o, nil
}

// note writes what a change did to the best chain, if it took blocks off.
func (w *writer) note(c Change, old, fork chain.Cursor) error {
	if len(c.Revert) == 0 {
		return nil
	}
	last, err := w.reorganisations(nil, 1)
	if err != nil {
		return err
	}
	r := Reorganisation{At: c.At, Source: c.Source, Fork: fork, Old: old, New: w.tip}
	if len(last) > 0 {
		r.Number = last[0].Number + 1
	}
	key := heightKey(reorganisationRow, r.Number)
	w.set(key, encodeReorganisation(key, r))
	return nil
}

// Reorganisations returns the changes of the best chain that took blocks off
// it, the latest first: at most limit of them, all before a number if there is
// one.
func (s *Store) Reorganisations(before *uint64, limit int) ([]Reorganisation, error) {
	return read(s, func(v view) ([]Reorganisation, error) { return v.reorganisations(before, limit) })
}

func (v view) reorganisations(before *uint64, limit int) (list []Reorganisation, err error) {
	end := after([]byte{reorganisationRow})
	if before != nil {
		end = heightKey(reorganisationRow, *before)
	}
	it, err := v.rows.NewIter(&pebble.IterOptions{LowerBound: []byte{reorganisationRow}, UpperBound: end})
	if err != nil {
		return nil, fmt.Errorf("read reorganisations: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	for ok := it.Last(); ok && len(list) < limit; ok = it.Prev() {
		value, err := it.ValueAndErr()
		if err != nil {
			return nil, fmt.Errorf("read row %s: %w", rowName(it.Key()), err)
		}
		r, err := decodeReorganisation(it.Key(), value)
		if err != nil {
			return nil, err
		}
		list = append(list, r)
	}
	return list, it.Error()
}
