package store

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"github.com/cockroachdb/pebble/v2"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/merkle"
)

// Verify proves everything anew, from the genesis parameters and the blocks'
// bytes: hashes, work, roots, signatures, header rules, accounts by executing
// all transactions, undo data, indexes and history nodes; side branches but
// for their execution, which may never have happened; and that no row is there
// that should not be. progress, if not nil, is told each height of the best
// chain. The error names the first row that is wrong; ctx ends it early. The
// store goes on meanwhile; what is proved is its content at the call.
func (s *Store) Verify(ctx context.Context, progress func(height uint64)) error {
	s.long.RLock()
	defer s.long.RUnlock()
	if err := s.check(); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	if progress == nil {
		progress = func(uint64) {}
	}
	var snapshot *pebble.Snapshot
	if err := s.guard.run(func() error { snapshot = s.db.NewSnapshot(); return nil }); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	v := verifier{
		view: view{snapshot, s.rules}, accounts: map[chain.Address]chain.Account{}, sides: map[chain.Hash]chain.State{},
	}
	err := v.all(ctx, progress)
	if closing := s.guard.run(snapshot.Close); closing != nil {
		err = closing // the store broke meanwhile
	}
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	return nil
}

// verifier is one run of Verify.
type verifier struct {
	view
	state        chain.State // after the last block proved
	accounts     map[chain.Address]chain.Account
	transactions uint64                     // on the best chain
	sides        map[chain.Hash]chain.State // of the side branches at the last two heights
	height       uint64                     // of the siblings looked at
	lower        map[chain.Hash]chain.State
}

func (v *verifier) all(ctx context.Context, progress func(uint64)) error {
	if err := v.meta(); err != nil {
		return err
	}
	tip, err := v.tipRecord()
	if err != nil {
		return err
	}
	for height := uint64(0); height <= tip.Header.Height; height++ {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := v.next(height); err != nil {
			return fmt.Errorf("height %d: %w", height, err)
		}
		progress(height)
	}
	if end := v.state.Tip.Hash; tip.Header.Hash != end {
		return damaged(tipKey, "want %s, the end of the best chain, got %s", end, tip.Header.Hash)
	}
	return v.strays(ctx)
}

func (v *verifier) meta() error {
	format, err := v.format()
	if err != nil {
		return err
	}
	if format != currentFormat {
		return damaged(formatKey, "want %d, got %d", currentFormat, format)
	}
	genesis, err := v.genesis()
	if err != nil {
		return err
	}
	if want := v.rules.Genesis().Hash; genesis != want {
		return damaged(genesisKey, "want %s, got %s", want, genesis)
	}
	return nil
}

// next proves the block of a height of the best chain, whose parent is proved.
func (v *verifier) next(height uint64) error {
	h, err := v.mustHash(heightKey(numberRow, height))
	if err != nil {
		return err
	}
	b, diff, nodes, err := v.prove(h, height)
	if err != nil {
		return err
	}
	undo, err := encodeDiff(diff)
	if err != nil {
		return err
	}
	if err := v.same(hashKey(undoRow, h), undo); err != nil {
		return err
	}
	for i, t := range b.Transactions {
		if err := v.same(hashKey(txRow, t.ID()), place{height, uint64(i)}.encode()); err != nil {
			return err
		}
	}
	v.transactions += uint64(len(b.Transactions))
	for _, n := range nodes {
		if err := v.same(nodeKey(n.Level, n.Index), n.Hash[:]); err != nil {
			return err
		}
	}
	return v.same(siblingKey(height, h), nil)
}

// prove proves one block and executes it.
func (v *verifier) prove(h chain.Hash, height uint64) (*chain.Block, chain.Diff, []merkle.Node, error) {
	if height == 0 {
		return v.proveGenesis(h)
	}
	_, nodes := v.state.History().Append(h[:])
	state, b, err := v.follow(&v.state, h)
	if err != nil {
		return nil, nil, nil, err
	}
	diff, err := v.rules.Execute(b, func(a chain.Address) (chain.Account, error) { return v.accounts[a], nil })
	if err != nil {
		return nil, nil, nil, damaged(hashKey(bodyRow, h), "%v", err)
	}
	v.state = state
	v.settle(diff)
	return b, diff, nodes, nil
}

func (v *verifier) proveGenesis(h chain.Hash) (*chain.Block, chain.Diff, []merkle.Node, error) {
	if want := v.rules.Genesis().Hash; h != want {
		return nil, nil, nil, damaged(heightKey(numberRow, 0), "want %s, got %s", want, h)
	}
	b, err := v.block(h)
	if err != nil {
		return nil, nil, nil, missing(hashKey(headerRow, h), err)
	}
	v.state = v.rules.GenesisState()
	diff := v.rules.GenesisAccounts()
	v.settle(diff)
	return b, diff, nil, v.work(h, v.state.Work)
}

func (v *verifier) settle(diff chain.Diff) {
	for _, c := range diff {
		v.accounts[c.Address] = c.New
	}
}

// follow proves a stored block on the state of its parent, but for execution.
func (v *verifier) follow(parent *chain.State, h chain.Hash) (chain.State, *chain.Block, error) {
	b, err := v.block(h)
	if err != nil {
		return chain.State{}, nil, missing(hashKey(headerRow, h), err)
	}
	if err := parent.Check(&b.Header); err != nil {
		return chain.State{}, nil, damaged(hashKey(headerRow, h), "%v", err)
	}
	if err := v.rules.VerifyTransactions(b.Transactions); err != nil {
		return chain.State{}, nil, damaged(hashKey(bodyRow, h), "%v", err)
	}
	state := parent.Extend(&b.Header)
	return state, b, v.work(h, state.Work)
}

func (v *verifier) work(h chain.Hash, want chain.Work) error {
	value, err := v.headerValue(h)
	if err != nil {
		return err
	}
	if value.work != want {
		return damaged(hashKey(headerRow, h), "want work %s, got %s", want, value.work)
	}
	return nil
}

// same proves that a row has this value.
func (v *verifier) same(key, want []byte) error {
	got, err := v.must(key)
	if err != nil {
		return err
	}
	if !bytes.Equal(got, want) {
		return damaged(key, "want %x, got %x", want, got)
	}
	return nil
}

// strays looks at every row for what the best chain did not prove.
func (v *verifier) strays(ctx context.Context) error {
	var transactions uint64
	err := v.each(nil, func(key, value []byte) error {
		if err := ctx.Err(); err != nil {
			return err
		}
		if key[0] == txRow {
			transactions++
		}
		return v.stray(key, value)
	})
	if err != nil {
		return err
	}
	for a, account := range v.accounts {
		if account != (chain.Account{}) {
			key, err := accountKey(a)
			return errors.Join(err, damaged(key, "is missing: want balance %d, nonce %d", account.Balance, account.Nonce))
		}
	}
	if transactions != v.transactions { // those of the best chain are all there
		return v.each([]byte{txRow}, v.strayTransaction)
	}
	return nil
}

// stray proves that a row belongs to the best chain or to a stored block.
func (v *verifier) stray(key, value []byte) error {
	switch row, size := key[0], len(key)-1; {
	case row == metaRow && (bytes.Equal(key, formatKey) || bytes.Equal(key, genesisKey) || bytes.Equal(key, tipKey)):
		return nil
	case row == accountRow && size == keySize:
		return v.strayAccount(key, value)
	case row == pendingRow:
		_, err := decodePending(key, value)
		return err
	case row == bodyRow && size == hashSize:
		_, err := v.must(hashKey(headerRow, chain.Hash(key[1:])))
		return err
	case row == headerRow && size == hashSize:
		r, err := v.record(chain.Hash(key[1:]))
		if err != nil {
			return err
		}
		return v.same(siblingKey(r.Header.Height, r.Header.Hash), nil)
	case row == siblingRow:
		return v.sibling(key, value)
	case row == undoRow && size == hashSize:
		return v.strayUndo(key)
	case row == numberRow && size == 8 && binary.BigEndian.Uint64(key[1:]) <= v.state.Tip.Height:
		return nil
	case row == nodeRow && size == 9 && complete(uint(key[1]), binary.BigEndian.Uint64(key[2:]), v.state.Tip.Height+1):
		return nil
	case row == txRow && size == hashSize:
		return nil // counted
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

func (v *verifier) strayTransaction(key, value []byte) error {
	p, err := decodePlace(key, value)
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
	if p.index >= uint64(len(b.Transactions)) || b.Transactions[p.index].ID() != chain.Hash(key[1:]) {
		return damaged(key, "is not number %d of block %s", p.index, h)
	}
	return nil
}

// sibling proves the block of a sibling row, if it is on a side branch. The
// rows come in the order of heights.
func (v *verifier) sibling(key, value []byte) error {
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
	v.sides[h], _, err = v.follow(&parent, h)
	return err
}
