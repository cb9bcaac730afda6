package store

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"iter"
	"runtime"
	"sync"

	"github.com/cockroachdb/pebble/v2"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/merkle"
)

// Verify proves everything anew, from the genesis parameters and the blocks'
// bytes: hashes, work, roots, signatures, header rules, accounts by executing
// all transactions, undo data, indexes and history nodes; side branches but
// for their execution, which may never have happened; and that no row is there
// that should not be. All processors share the work. progress, if not nil, is
// told how much of a total is done, in parts of about the same time. The error
// names the row that is wrong, of the best chain's the lowest; ctx ends it
// early. The store goes on meanwhile; what is proved is its content at the call.
func (s *Store) Verify(ctx context.Context, progress func(done, total uint64)) error {
	s.long.RLock()
	defer s.long.RUnlock()
	if err := s.check(); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	if progress == nil {
		progress = func(uint64, uint64) {}
	}
	db, snapshots := s.db, make(chan *pebble.Snapshot, 1)
	if err := s.guard.run(func() error { snapshots <- db.NewSnapshot(); return nil }); err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	snapshot := <-snapshots
	v := verifier{view: view{snapshot, s.rules}, accounts: map[chain.Address]chain.Account{}}
	ctx, stop := s.untilReopened(ctx)
	defer stop()
	err := v.all(ctx, progress)
	if errors.Is(err, context.Canceled) {
		err = context.Cause(ctx)
	}
	if closing := s.guard.run(snapshot.Close); closing != nil {
		err = closing // the store broke meanwhile
	}
	if err != nil {
		return fmt.Errorf("verify: %w", err)
	}
	return nil
}

// untilReopened returns a context that ends, with errReopened as its cause,
// when Reopen waits. It is called with long held.
func (s *Store) untilReopened(ctx context.Context) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	var watch sync.WaitGroup
	watch.Go(func() {
		select {
		case <-s.leave:
			cancel(errReopened)
		case <-ctx.Done():
		}
	})
	return ctx, func() {
		cancel(nil)
		watch.Wait()
	}
}

// verifier is one run of Verify.
type verifier struct {
	view
	state    chain.State // after the last block proved
	accounts map[chain.Address]chain.Account
	indexed  uint64 // rows of the best chain's indexes
}

// rowsShare is how much longer it takes to prove a block than to look at the
// rows that it has.
const rowsShare = 8

func (v *verifier) all(ctx context.Context, progress func(done, total uint64)) error {
	if err := v.meta(); err != nil {
		return err
	}
	tip, err := v.tipRecord()
	if err != nil {
		return err
	}
	blocks := tip.Header.Height + 1
	total := blocks + blocks/rowsShare + 1
	for height, c := range inOrder(blocks, v.candidate) {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := v.next(height, c); err != nil {
			return fmt.Errorf("height %d: %w", height, err)
		}
		progress(height+1, total)
	}
	if end := v.state.Tip.Hash; tip.Header.Hash != end {
		return damaged(tipKey, "want %s, the end of the best chain, got %s", end, tip.Header.Hash)
	}
	seen := uint64(0)
	err = v.strays(ctx, func() {
		if seen++; seen%rowsShare == 0 {
			progress(min(blocks+seen/rowsShare, total), total)
		}
	})
	if err == nil {
		progress(total, total)
	}
	return err
}

// inOrder yields what work returns for 0 … n−1, which it does on all
// processors, a few ahead.
func inOrder[T any](n uint64, work func(uint64) T) iter.Seq2[uint64, T] {
	return func(yield func(uint64, T) bool) {
		ahead := make(chan chan T, 2*runtime.GOMAXPROCS(0))
		enough := make(chan struct{})
		var workers sync.WaitGroup
		defer workers.Wait()
		defer close(enough)
		workers.Go(func() {
			defer close(ahead)
			for i := range n {
				result := make(chan T, 1)
				select {
				case ahead <- result:
					workers.Go(func() { result <- work(i) })
				case <-enough:
					return
				}
			}
		})
		i := uint64(0)
		for result := range ahead {
			if !yield(i, <-result) {
				return
			}
			i++
		}
	}
}

// candidate is a block of the best chain of which all is checked that takes
// neither its parent nor accounts.
type candidate struct {
	hash  chain.Hash
	block *chain.Block
	work  chain.Work
	err   error
}

func (v *verifier) candidate(height uint64) (c candidate) {
	if c.hash, c.err = v.mustHash(heightKey(numberRow, height)); c.err == nil {
		c.block, c.work, c.err = v.sound(c.hash)
	}
	return c
}

// sound reads a block and checks all that it can be held to by itself.
func (v *verifier) sound(h chain.Hash) (*chain.Block, chain.Work, error) {
	b, err := v.block(h)
	if err != nil {
		return nil, chain.Work{}, missing(hashKey(headerRow, h), err)
	}
	if err := v.rules.VerifyTransactions(b.Transactions); err != nil {
		return nil, chain.Work{}, damaged(hashKey(bodyRow, h), "%v", err)
	}
	value, err := v.headerValue(h)
	return b, value.work, err
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
func (v *verifier) next(height uint64, c candidate) error {
	if c.err != nil {
		return c.err
	}
	h, b := c.hash, c.block
	diff, nodes, err := v.prove(height, c)
	if err != nil {
		return err
	}
	k := keys{} // this block's: those of a whole chain would be as large as accounts
	undo, err := encodeDiff(k, diff)
	if err != nil {
		return err
	}
	if err := v.same(hashKey(undoRow, h), undo); err != nil {
		return err
	}
	rows, err := indexRows(k, b)
	if err != nil {
		return err
	}
	for _, r := range rows {
		if err := v.same(r.key, r.value); err != nil {
			return err
		}
	}
	v.indexed += uint64(len(rows))
	for _, n := range nodes {
		if err := v.same(nodeKey(n.Level, n.Index), n.Hash[:]); err != nil {
			return err
		}
	}
	return v.same(siblingKey(height, h), nil)
}

// prove proves one block on its parent and executes it.
func (v *verifier) prove(height uint64, c candidate) (chain.Diff, []merkle.Node, error) {
	if height == 0 {
		return v.proveGenesis(c)
	}
	_, nodes := v.state.History().Append(c.hash[:])
	state, err := follow(&v.state, c)
	if err != nil {
		return nil, nil, err
	}
	diff, err := v.rules.Execute(c.block, func(a chain.Address) (chain.Account, error) { return v.accounts[a], nil })
	if err != nil {
		return nil, nil, damaged(hashKey(bodyRow, c.hash), "%v", err)
	}
	v.state = state
	v.settle(diff)
	return diff, nodes, nil
}

func (v *verifier) proveGenesis(c candidate) (chain.Diff, []merkle.Node, error) {
	if want := v.rules.Genesis().Hash; c.hash != want {
		return nil, nil, damaged(heightKey(numberRow, 0), "want %s, got %s", want, c.hash)
	}
	v.state = v.rules.GenesisState()
	diff := v.rules.GenesisAccounts()
	v.settle(diff)
	return diff, nil, sameWork(c, v.state.Work)
}

func (v *verifier) settle(diff chain.Diff) {
	for _, c := range diff {
		v.accounts[c.Address] = c.New
	}
}

// follow proves a sound block on the state of its parent, but for execution.
func follow(parent *chain.State, c candidate) (chain.State, error) {
	if err := parent.Check(&c.block.Header); err != nil {
		return chain.State{}, damaged(hashKey(headerRow, c.hash), "%v", err)
	}
	state := parent.Extend(&c.block.Header)
	return state, sameWork(c, state.Work)
}

func sameWork(c candidate, want chain.Work) error {
	if c.work != want {
		return damaged(hashKey(headerRow, c.hash), "want work %s, got %s", want, c.work)
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
