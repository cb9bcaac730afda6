package store

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/cockroachdb/pebble/v2"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/merkle"
)

// Entry is a block to keep.
type Entry struct {
	Block  *chain.Block
	Work   chain.Work // of all blocks up to this one
	Seen   time.Time
	Source chain.Source
}

// Applied is a block that joins the best chain: what it changes, and the nodes
// of the history tree that it completes, as merkle.Frontier.Append gives them.
type Applied struct {
	Block *chain.Block
	Work  chain.Work
	Diff  chain.Diff
	Nodes []merkle.Node
}

// Change is what one Commit does: it keeps the blocks of Put, takes those of
// Revert off the best chain, the tip first, and puts those of Apply on it, the
// lowest first. An applied block is stored before or is in Put. When it takes
// blocks off, At and Source are kept with what it did: see Reorganisation.
type Change struct {
	At     time.Time
	Source chain.Source
	Put    []Entry
	Revert []chain.Hash
	Apply  []Applied
}

// Commit makes a change in one batch that is on disk, whole, when Commit
// returns nil. An error that matches ErrBroken means that the disk has failed:
// after the next Open the change is there or not, but never half of it. Any
// other error changed nothing.
func (s *Store) Commit(c Change) error {
	defer s.took(OpCommit, time.Now())
	s.commit.Lock()
	defer s.commit.Unlock()
	batch, err := read(s, func(view) (*pebble.Batch, error) {
		w := s.newWriter(s.db.NewBatchWithSize(c.room()))
		w.expect(c.accounts())
		return w.batch, errors.Join(w.change(c), w.err)
	})
	if err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	return s.write(batch)
}

// room is what the rows of a change take, in bytes, a little more for most: a
// batch that grows has old and new memory for a moment.
func (c *Change) room() int {
	const least = 4 << 10
	size := 0
	for i := range c.Put {
		size += len(c.Put[i].Block.Raw())
	}
	return least + size*7/4 // transfers: 1.6, empty blocks: 1.75
}

// accounts is how many the change touches, or fewer if it has several blocks.
func (c *Change) accounts() int {
	most := 0
	for i := range c.Apply {
		most = max(most, len(c.Apply[i].Diff))
	}
	return most
}

// write commits a batch with nobody reading.
func (s *Store) write(batch *pebble.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.writable(); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	if err := s.guard.run(func() error { return batch.Commit(pebble.Sync) }); err != nil {
		s.guard.fail(err) // Pebble cannot say what became of the batch
		return fmt.Errorf("commit: %w", s.guard.check())
	}
	return nil
}

// writer builds the batch of a change.
type writer struct {
	view
	batch *pebble.Batch
	err   error // the first of set and remove
	put   map[chain.Hash]bool
	tip   chain.Cursor

	keys     keys
	accounts map[chain.Address]chain.Account // as the change leaves those that it touches
}

func (s *Store) newWriter(batch *pebble.Batch) *writer {
	return &writer{view: view{s.db, s.rules}, batch: batch, put: map[chain.Hash]bool{}, keys: keys{}, accounts: map[chain.Address]chain.Account{}}
}

// expect makes room for so many accounts.
func (w *writer) expect(accounts int) {
	w.keys = make(keys, accounts)
	w.accounts = make(map[chain.Address]chain.Account, accounts)
}

func (w *writer) set(key, value []byte) {
	w.err = errors.Join(w.err, w.batch.Set(key, value, nil))
}

func (w *writer) remove(key []byte) {
	w.err = errors.Join(w.err, w.batch.Delete(key, nil))
}

func (w *writer) change(c Change) error {
	tip, err := w.tipRecord()
	if err != nil {
		return err
	}
	old := tip.Header.Cursor()
	w.tip = old
	for _, e := range c.Put {
		if err := w.keep(e); err != nil {
			return fmt.Errorf("put block %s: %w", e.Block.Hash, err)
		}
	}
	for _, h := range c.Revert {
		if err := w.revert(h); err != nil {
			return fmt.Errorf("revert block %s: %w", h, err)
		}
	}
	fork := w.tip
	for i := range c.Apply {
		if err := w.apply(&c.Apply[i]); err != nil {
			return fmt.Errorf("apply block %s: %w", c.Apply[i].Block.Hash, err)
		}
	}
	w.set(tipKey, w.tip.Hash[:])
	return errors.Join(w.settle(), w.note(c, old, fork))
}

// keep writes a block's own rows, unless they are there: the first source and
// time stay.
func (w *writer) keep(e Entry) error {
	h := e.Block.Hash
	if !w.put[e.Block.PrevHash] { // a child of what was not there is not there either
		if has, err := w.has(hashKey(headerRow, h)); has || err != nil {
			return err
		}
	}
	header, body, err := chain.SplitBlock(e.Block.Raw())
	if err != nil {
		return err
	}
	key := hashKey(headerRow, h)
	w.set(key, headerValue{work: e.Work, seen: e.Seen, source: e.Source, header: header}.encode(key))
	w.set(hashKey(bodyRow, h), body)
	w.set(siblingKey(e.Block.Height, h), nil)
	w.put[h] = true
	return nil
}

func (w *writer) revert(h chain.Hash) error {
	if h != w.tip.Hash || w.tip.Height == 0 {
		return fmt.Errorf("the tip is %s", w.tip.Hash)
	}
	b, err := w.block(h)
	if err != nil {
		return missing(hashKey(headerRow, h), err)
	}
	diff, err := w.undo(h)
	if err != nil {
		return missing(hashKey(undoRow, h), err)
	}
	for _, c := range diff {
		w.accounts[c.Address] = c.Old
	}
	rows, err := indexRows(w.keys, b)
	if err != nil {
		return err
	}
	for _, r := range rows {
		w.remove(r.key)
	}
	for _, n := range completed(b.Height) {
		w.remove(nodeKey(n.Level, n.Index))
	}
	w.remove(hashKey(undoRow, h))
	w.remove(heightKey(numberRow, b.Height))
	w.tip = chain.Cursor{Height: b.Height - 1, Hash: b.PrevHash}
	return nil
}

func (w *writer) apply(a *Applied) error {
	b := a.Block
	if b.PrevHash != w.tip.Hash || b.Height != w.tip.Height+1 {
		return fmt.Errorf("the tip is %d %s", w.tip.Height, w.tip.Hash)
	}
	if err := w.stored(a); err != nil {
		return err
	}
	if want := completed(b.Height); len(want) != len(a.Nodes) {
		return fmt.Errorf("want %d nodes of the history tree, got %d", len(want), len(a.Nodes))
	}
	return w.join(a)
}

// stored checks that a block's own rows are there.
func (w *writer) stored(a *Applied) error {
	if w.put[a.Block.Hash] {
		return nil
	}
	has, err := w.has(hashKey(headerRow, a.Block.Hash))
	if err == nil && !has {
		err = errors.New("it is neither stored nor put")
	}
	return err
}

// join writes the rows of a block of the best chain.
func (w *writer) join(a *Applied) error {
	b := a.Block
	undo, err := encodeDiff(w.keys, a.Diff)
	if err != nil {
		return err
	}
	for _, c := range a.Diff {
		w.accounts[c.Address] = c.New
	}
	rows, err := indexRows(w.keys, b)
	if err != nil {
		return err
	}
	for r := range byKey(rows) {
		w.set(r.key, r.value)
	}
	for _, n := range a.Nodes {
		w.set(nodeKey(n.Level, n.Index), n.Hash[:])
	}
	w.set(hashKey(undoRow, b.Hash), undo)
	w.set(heightKey(numberRow, b.Height), b.Hash[:])
	w.tip = b.Cursor()
	return nil
}

// settle writes the accounts that revert and apply have touched, each once,
// however many blocks did; the zero one has no row.
func (w *writer) settle() error {
	for _, a := range slices.Sorted(maps.Keys(w.accounts)) {
		public, err := w.keys.of(a)
		if err != nil {
			return fmt.Errorf("write account: %w", err)
		}
		key := accountKey(public)
		if now := w.accounts[a]; now == (chain.Account{}) {
			w.remove(key)
		} else {
			w.set(key, encodeAccount(nil, now))
		}
	}
	return nil
}
