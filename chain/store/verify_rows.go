package store

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"runtime"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/lp2pnode/lp2pnode/chain"
)

// region is a part of all keys, looked at by one goroutine.
type region struct {
	*verifier
	from, to    []byte // nil is the beginning, or the end
	header      func() // called for each header
	indexed     uint64 // rows of indexes
	reorganised uint64 // rows of reorganisations
	err         error  // of the first row that is wrong

	sides  map[chain.Hash]chain.State // of the side branches at the last two heights
	lower  map[chain.Hash]chain.State
	height uint64 // of the siblings looked at
}

// regions cuts the keys into parts; siblings, accounts and reorganisations each in one. Rows by
// hash are many, so that each kind makes four.
func (v *verifier) regions(header func()) []*region {
	bounds := [][]byte{nil}
	for _, row := range []byte{accountRow, bodyRow, headerRow, nodeRow, metaRow, numberRow, pendingRow, siblingRow, txRow, undoRow, concernRow, recordedRow, reorganisationRow} {
		bounds = append(bounds, []byte{row})
		if row == bodyRow || row == headerRow || row == txRow || row == undoRow || row == concernRow || row == recordedRow {
			bounds = append(bounds, []byte{row, 0x40}, []byte{row, 0x80}, []byte{row, 0xc0})
		}
	}
	slices.SortFunc(bounds, bytes.Compare)
	all := make([]*region, len(bounds))
	for i, from := range bounds {
		all[i] = &region{verifier: v, from: from, header: header, sides: map[chain.Hash]chain.State{}}
		if i > 0 {
			all[i-1].to = from
		}
	}
	return all
}

// strays looks at every row for what the best chain did not prove. header is
// called for each header, by one goroutine at a time.
func (v *verifier) strays(ctx context.Context, header func()) error {
	var mu sync.Mutex
	all := v.regions(func() {
		mu.Lock()
		defer mu.Unlock()
		header()
	})
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for _, r := range all {
		g.Go(func() error {
			r.err = r.look(ctx)
			return nil
		})
	}
	_ = g.Wait() // each region has its own error
	var indexed uint64
	for _, r := range all {
		if r.err != nil {
			return r.err
		}
		indexed += r.indexed
	}
	if err := v.absentees(); err != nil {
		return err
	}
	if indexed != v.indexed { // those of the best chain are all there
		return v.each(nil, v.strayIndex)
	}
	return nil
}

func (v *region) look(ctx context.Context) error {
	return v.between(v.from, v.to, func(key, value []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		return v.stray(key, value)
	})
}

// absentees names the first account that should have a row and has none.
func (v *verifier) absentees() error {
	var missing []chain.Address
	for a, account := range v.accounts {
		if account != (chain.Account{}) {
			missing = append(missing, a)
		}
	}
	if len(missing) == 0 {
		return nil
	}
	a := slices.MinFunc(missing, func(a, b chain.Address) int { return cmp.Compare(a, b) })
	public, err := a.Key()
	return errors.Join(err, damaged(accountKey(public), "is missing: want balance %d, nonce %d", v.accounts[a].Balance, v.accounts[a].Nonce))
}

func (v *verifier) strayBody(h chain.Hash) error {
	key := hashKey(headerRow, h)
	has, err := v.has(key)
	if err == nil && !has {
		err = damaged(key, "is missing")
	}
	return err
}

// stray proves that a row belongs to the best chain or to a stored block.
func (v *region) stray(key, value []byte) error {
	switch row, size := key[0], len(key)-1; {
	case row == metaRow && (bytes.Equal(key, formatKey) || bytes.Equal(key, genesisKey) || bytes.Equal(key, tipKey)):
		return nil
	case row == accountRow && size == keySize:
		return v.strayAccount(key, value)
	case row == pendingRow:
		_, err := decodePending(key, value)
		return err
	case row == bodyRow && size == hashSize:
		return v.strayBody(chain.Hash(key[1:]))
	case row == headerRow && size == hashSize:
		r, err := v.record(chain.Hash(key[1:]))
		if err != nil {
			return err
		}
		v.header()
		return v.same(siblingKey(r.Header.Height, r.Header.Hash), nil)
	case row == siblingRow:
		return v.sibling(key, value)
	case row == undoRow && size == hashSize:
		return v.strayUndo(key)
	case row == numberRow && size == 8 && binary.BigEndian.Uint64(key[1:]) <= v.state.Tip.Height:
		return nil
	case row == nodeRow && size == 9 && complete(uint(key[1]), binary.BigEndian.Uint64(key[2:]), v.state.Tip.Height+1):
		return nil
	case indexes(row):
		v.indexed++ // those of the best chain are all there
		return nil
	case row == reorganisationRow:
		return v.reorganisation(key, value)
	}
	return damaged(key, "does not belong to the best chain")
}

// complete tells whether an interior node of a tree of size entries is complete.
func complete(level uint, index, size uint64) bool {
	return level >= 1 && level < 64 && index < size>>level
}

func (v *verifier) strayAccount(key, value []byte) error {
	a := chain.AddressOf(key[1:])
	got, err := decodeAccount(key, value)
	if err != nil {
		return err
	}
	if want := v.accounts[a]; got != want || want == (chain.Account{}) {
		return damaged(key, "want balance %d, nonce %d, got %d, %d", want.Balance, want.Nonce, got.Balance, got.Nonce)
	}
	delete(v.accounts, a)
	return nil
}

func (v *verifier) strayUndo(key []byte) error {
	h := chain.Hash(key[1:])
	r, err := v.promised(h)
	if err != nil {
		return err
	}
	best, err := v.onBest(r.Header.Height, h)
	if err == nil && !best {
		err = damaged(key, "does not belong to the best chain")
	}
	return err
}

// sibling proves the block of a sibling row, if it is on a side branch. The
// rows come in the order of heights.
func (v *region) sibling(key, value []byte) error {
	height, h, err := splitSibling(key)
	if err != nil {
		return err
	}
	if len(value) != 0 {
		return damaged(key, "want no value, got %x", value)
	}
	if height != v.height {
		v.lower, v.sides, v.height = v.sides, map[chain.Hash]chain.State{}, height
	}
	r, err := v.promised(h)
	if err != nil {
		return err
	}
	if r.Header.Height != height {
		return damaged(key, "block has height %d", r.Header.Height)
	}
	best, err := v.onBest(height, h)
	if best || err != nil {
		return err
	}
	parent, ok := v.lower[r.Header.PrevHash]
	if !ok {
		if _, err := v.promised(r.Header.PrevHash); err != nil {
			return err
		}
		if parent, err = v.stateAt(r.Header.PrevHash); err != nil {
			return err
		}
	}
	c := candidate{hash: h}
	if c.block, c.work, err = v.sound(h); err != nil {
		return err
	}
	v.sides[h], err = follow(&parent, c)
	return err
}
