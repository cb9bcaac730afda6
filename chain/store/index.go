package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/cockroachdb/pebble/v2"

	"github.com/lp2pnode/lp2pnode/chain"
)

// entry is one row of an index of the best chain.
type entry struct{ key, value []byte }

// indexRows returns the rows of the best chain's indexes that a block has:
// where each transaction stands, what concerns each account, and which hashes
// are on record.
func indexRows(k keys, b *chain.Block) ([]entry, error) {
	most := 3*len(b.Transactions) + 1 // without records
	rows := make([]entry, 0, most)
	room := make([]byte, 0, most*placedSize) // for the bytes of all
	add := func(with []byte, value int) {
		row := with[len(room):len(with):len(with)]
		at := len(row) - value
		rows, room = append(rows, entry{row[:at:at], row[at:]}), with
	}
	concern := func(a chain.Address, at place) error {
		public, err := k.of(a)
		if err != nil {
			return fmt.Errorf("index account: %w", err)
		}
		add(appendPlaced(room, concernRow, public, at), 0)
		return nil
	}
	for i, t := range b.Transactions {
		at, id := place{b.Height, uint64(i)}, t.ID()
		key := append(append(room, txRow), id[:]...)
		row := at.append(key)
		add(row, len(row)-len(key))
		for _, a := range parties(t) {
			if err := concern(a, at); err != nil {
				return nil, err
			}
		}
		for _, h := range chain.RecordedHashes(t.Data) {
			add(appendPlaced(room, recordedRow, h[:], at), 0)
		}
	}
	if b.Miner != "" { // not genesis
		if err := concern(b.Miner, place{b.Height, uint64(len(b.Transactions))}); err != nil {
			return nil, err
		}
	}
	return rows, nil
}

// byKey goes through rows in the order of the first five bytes of their keys; of
// equal ones the first comes first. Pebble finds the place of a row from that of
// the row before, which is the quicker the nearer they are.
func byKey(rows []entry) iter.Seq[entry] {
	const most = 1 << 24 // a block has far fewer
	starts := make([]uint64, len(rows))
	for i, r := range rows {
		starts[i] = binary.BigEndian.Uint64(r.key)&^(most-1) | uint64(i)
	}
	slices.Sort(starts)
	return func(yield func(entry) bool) {
		for _, s := range starts {
			if !yield(rows[s&(most-1)]) {
				return
			}
		}
	}
}

// parties returns the one or two accounts that a transaction names.
func parties(t *chain.Transaction) []chain.Address {
	if t.To == "" || t.To == t.From {
		return []chain.Address{t.From}
	}
	return []chain.Address{t.From, t.To}
}

// appendPlace writes a place so that keys sort by it.
func appendPlace(b []byte, p place) []byte {
	return binary.BigEndian.AppendUint32(binary.BigEndian.AppendUint64(b, p.height), uint32(p.index))
}

func appendPlaced(b []byte, row byte, what []byte, p place) []byte {
	return appendPlace(append(append(b, row), what...), p)
}

func concernKey(public []byte, p place) []byte { return appendPlaced(nil, concernRow, public, p) }

func recordedKey(h chain.Hash, p place) []byte { return appendPlaced(nil, recordedRow, h[:], p) }

// placedSize is that of a concern's or a record's key.
const placedSize = 1 + hashSize + 12

// splitPlaced takes a key of a concern or a record apart.
func splitPlaced(key []byte) (place, error) {
	if len(key) != placedSize {
		return place{}, damaged(key, "want a key of %d bytes", placedSize)
	}
	rest := key[1+hashSize:]
	return place{binary.BigEndian.Uint64(rest), uint64(binary.BigEndian.Uint32(rest[8:]))}, nil
}

// buildIndexes writes the rows of the indexes for the whole best chain.
func buildIndexes(w *writer) error {
	tip, err := w.tipRecord()
	if err != nil {
		return err
	}
	for height := uint64(0); height <= tip.Header.Height; height++ {
		h, err := w.hashAt(height)
		if err != nil {
			return err
		}
		b, err := w.block(h)
		if err != nil {
			return err
		}
		rows, err := indexRows(keys{}, b)
		if err != nil {
			return err
		}
		for _, r := range rows {
			w.set(r.key, r.value)
		}
	}
	return nil
}

// Place is a place on the best chain: the Index-th transaction of the block at
// Height. An Index that is the block's number of transactions is what the miner
// gets after them.
type Place struct{ Height, Index uint64 }

// lastPlace is behind all others.
func lastPlace() place { return place{math.MaxUint64, math.MaxUint32} }

// History returns what concerns an account on the best chain, the latest first:
// transactions that name it and blocks that it mined, at most limit of them and
// all before a place. No before means the latest.
func (s *Store) History(a chain.Address, before *Place, limit int) ([]Location, error) {
	end := lastPlace()
	if before != nil {
		end = place{before.Height, min(before.Index, math.MaxUint32)}
	}
	public, err := a.Key()
	if err != nil {
		return nil, fmt.Errorf("index account: %w", err)
	}
	low := concernKey(public, place{})
	return read(s, func(v view) ([]Location, error) {
		return v.placed(low, appendPlace(low[:1+keySize:1+keySize], end), limit, true)
	})
}

// Recorded returns where on the best chain a hash is on record, in the sense of
// chain.RecordedHashes, the earliest first and at most limit of them.
func (s *Store) Recorded(h chain.Hash, limit int) ([]Location, error) {
	return read(s, func(v view) ([]Location, error) {
		return v.placed(recordedKey(h, place{}), recordedKey(h, lastPlace()), limit, false)
	})
}

// placed lists the places in the keys of [low, high).
func (v view) placed(low, high []byte, limit int, backwards bool) (found []Location, err error) {
	it, err := v.rows.NewIter(&pebble.IterOptions{LowerBound: low, UpperBound: high})
	if err != nil {
		return nil, fmt.Errorf("read index: %w", err)
	}
	defer func() { err = errors.Join(err, it.Close()) }()
	first, next := it.First, it.Next
	if backwards {
		first, next = it.Last, it.Prev
	}
	for ok := first(); ok && len(found) < limit; ok = next() {
		p, err := splitPlaced(it.Key())
		if err != nil {
			return nil, err
		}
		h, err := v.mustHash(heightKey(numberRow, p.height))
		if err != nil {
			return nil, err
		}
		found = append(found, Location{Height: p.height, Index: p.index, Block: h})
	}
	return found, it.Error()
}
