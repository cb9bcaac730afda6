package ledger

import (
	"errors"
	"fmt"
	"slices"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/mempool"
	"github.com/lp2pnode/lp2pnode/chain/merkle"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

// plan is what one call of AddBlocks wants to change. A nil plan is empty.
type plan struct {
	entries []store.Entry
	blocks  map[chain.Hash]*chain.Block // of entries
	states  map[chain.Hash]chain.State  // after them
	dropped map[chain.Hash]bool         // staged, but broken or on a broken block
	way     *way
}

func newPlan() *plan {
	return &plan{
		blocks:  map[chain.Hash]*chain.Block{},
		states:  map[chain.Hash]chain.State{},
		dropped: map[chain.Hash]bool{},
	}
}

func (p *plan) stage(e store.Entry, after chain.State) {
	p.entries = append(p.entries, e)
	p.blocks[e.Block.Hash] = e.Block
	p.states[e.Block.Hash] = after
}

func (p *plan) state(hash chain.Hash) (chain.State, bool) {
	if p == nil {
		return chain.State{}, false
	}
	s, ok := p.states[hash]
	return s, ok
}

func (p *plan) has(hash chain.Hash) bool {
	_, ok := p.state(hash)
	return ok
}

// heaviest returns the state of most work among best and the plan's; of equals
// the first.
func (p *plan) heaviest(best chain.State) chain.State {
	for _, e := range p.entries {
		if s := p.states[e.Block.Hash]; s.Work.Cmp(best.Work) > 0 {
			best = s
		}
	}
	return best
}

// drop takes out the blocks of a broken branch and what stands on them.
func (p *plan) drop(broken []chain.Hash) {
	for _, hash := range broken {
		p.dropped[hash] = true
	}
	p.entries = slices.DeleteFunc(p.entries, func(e store.Entry) bool {
		gone := p.dropped[e.Block.Hash] || p.dropped[e.Block.PrevHash]
		if gone {
			p.dropped[e.Block.Hash] = true
			delete(p.blocks, e.Block.Hash)
			delete(p.states, e.Block.Hash)
		}
		return gone
	})
}

// pass tells that others may hear of the blocks, unless one is refused. It is
// called when they are judged and again when they are durable: the latter is for
// this node's own.
func (p *plan) pass(src chain.Source, durable bool) {
	if own := src.Via == chain.ViaMiner; own == durable && len(p.entries) > 0 && len(p.dropped) == 0 {
		p.way.pass()
	}
}

// follow executes the heaviest chain among the tip and the plan, and commits
// all in one batch. When a block cannot be executed it returns its hash and the
// reason, after committing what is left without it. With mu held.
func (l *Ledger) follow(p *plan, src chain.Source) (*chain.Hash, error) {
	old := l.Tip()
	best := p.heaviest(old)
	var bad *chain.Hash
	var why error
	for {
		change, err := l.execute(p, old, best, src)
		var failed *executionError
		if errors.As(err, &failed) && errors.Is(err, chain.ErrUnfit) {
			l.condemn(failed)
			l.log.Warn("block breaks a rule", "height", failed.height, "hash", failed.hash, "error", failed.err, "via", src.Via, "peer", src.Peer)
			if bad == nil {
				bad, why = &failed.hash, fmt.Errorf("block %s: %w", failed.hash, failed.err)
			}
			p.drop(failed.branch)
			if best, err = l.bestWithout(p, old, failed.parent); err != nil {
				return nil, err
			}
			continue
		}
		if err != nil {
			return nil, err
		}
		change.Put = p.entries
		p.way.passed(StageExecute)
		p.pass(src, false)
		if err := l.commit(p, change, best, src); err != nil {
			return nil, err
		}
		p.way.passed(StageCommit)
		for hash, s := range p.states {
			l.states.put(hash, s)
		}
		return bad, why
	}
}

// execute works out the change to best. A side block that nobody asked for is
// tried on its own branch, so that it is neither kept nor passed on when it
// cannot be executed (protocol §8); what sync fetches waits for its turn. With
// mu held.
func (l *Ledger) execute(p *plan, old, best chain.State, src chain.Source) (store.Change, error) {
	if best.Tip.Hash == old.Tip.Hash && src.Via == chain.ViaGossip && len(p.entries) == 1 {
		_, err := l.switchTo(p, old, p.states[p.entries[0].Block.Hash])
		return store.Change{}, err
	}
	return l.switchTo(p, old, best)
}

// bestWithout returns the heaviest of the tip, the branch below the block that
// could not be executed, and the plan.
func (l *Ledger) bestWithout(p *plan, tip chain.State, below chain.Hash) (chain.State, error) {
	s, err := l.planned(p, below)
	if err != nil {
		return chain.State{}, err
	}
	if s.Work.Cmp(tip.Work) > 0 {
		tip = s
	}
	return p.heaviest(tip), nil
}

// condemn remembers a block that could not be executed and those on it that led
// to the tip of its branch: sync may have kept some while they were a side
// branch, unexecuted. With mu held.
func (l *Ledger) condemn(failed *executionError) {
	for _, hash := range slices.Backward(failed.branch[1:]) {
		l.broken.put(hash, fmt.Errorf("%w: it stands on block %s, which broke a rule", chain.ErrUnfit, failed.hash))
	}
	l.broken.put(failed.hash, failed.err)
}

// executionError says which block of a branch could not be executed.
type executionError struct {
	hash, parent chain.Hash
	branch       []chain.Hash // from hash to the tip of the branch
	height       uint64
	err          error
}

func (e *executionError) Error() string {
	return fmt.Sprintf("execute block %d, %s: %v", e.height, e.hash, e.err)
}

func (e *executionError) Unwrap() error { return e.err }

// switchTo works out the change from the chain of old to that of best. With mu
// held.
func (l *Ledger) switchTo(p *plan, old, best chain.State) (store.Change, error) {
	var change store.Change
	if best.Tip.Hash == old.Tip.Hash {
		return change, nil
	}
	revert, apply, fork, err := l.path(p, old, best)
	if err != nil {
		return change, err
	}
	change.Revert = revert
	view := newOverlay(l.accounts.get)
	for _, hash := range revert {
		diff, err := l.store.Undo(hash)
		if err != nil {
			return change, fmt.Errorf("read undo of block %s: %w", hash, err)
		}
		view.undo(diff)
	}
	at, err := l.planned(p, fork)
	if err != nil {
		return change, err
	}
	history, work := at.History(), at.Work
	for i, hash := range apply {
		b := p.blocks[hash]
		if b == nil {
			if b, err = l.store.Block(hash); err != nil {
				return change, fmt.Errorf("read block %s: %w", hash, err)
			}
		}
		diff, err := l.rules.Execute(b, view.get)
		if err != nil {
			return change, &executionError{hash: hash, parent: b.PrevHash, branch: apply[i:], height: b.Height, err: err}
		}
		if i+1 < len(apply) {
			view.apply(diff)
		}
		var nodes []merkle.Node
		history, nodes = history.Append(hash[:])
		work = work.Add(l.rules.Engine.Work(&b.Header))
		change.Apply = append(change.Apply, store.Applied{Block: b, Work: work, Diff: diff, Nodes: nodes})
	}
	return change, nil
}

// planned returns the state after a block that is here or in the plan. With mu
// held.
func (l *Ledger) planned(p *plan, hash chain.Hash) (chain.State, error) {
	if s, ok := p.state(hash); ok {
		return s, nil
	}
	return l.stateAt(hash)
}

// path returns the blocks that leave the best chain, tip first, those that
// join it, lowest first, and the last block that both have. With mu held.
func (l *Ledger) path(p *plan, old, best chain.State) (revert, apply []chain.Hash, fork chain.Hash, err error) {
	at := best.Tip.Cursor()
	for at.Height > 0 {
		if at.Height <= old.Tip.Height {
			on, err := l.store.HashAt(at.Height)
			if err != nil {
				return nil, nil, fork, fmt.Errorf("read height %d: %w", at.Height, err)
			}
			if on == at.Hash {
				break
			}
		}
		apply = append(apply, at.Hash)
		parent, err := l.parentHash(p, at.Hash)
		if err != nil {
			return nil, nil, fork, err
		}
		at = chain.Cursor{Height: at.Height - 1, Hash: parent}
	}
	slices.Reverse(apply)
	for height := old.Tip.Height; height > at.Height; height-- {
		hash, err := l.store.HashAt(height)
		if err != nil {
			return nil, nil, fork, fmt.Errorf("read height %d: %w", height, err)
		}
		revert = append(revert, hash)
	}
	return revert, apply, at.Hash, nil
}

func (l *Ledger) parentHash(p *plan, hash chain.Hash) (chain.Hash, error) {
	if b := p.blocks[hash]; b != nil {
		return b.PrevHash, nil
	}
	r, err := l.store.Record(hash)
	if err != nil {
		return chain.Hash{}, fmt.Errorf("read header of %s: %w", hash, err)
	}
	return r.Header.PrevHash, nil
}

// commit makes a change durable, then tells. With mu held.
func (l *Ledger) commit(p *plan, change store.Change, best chain.State, src chain.Source) error {
	if len(change.Put) == 0 && len(change.Apply) == 0 {
		return nil
	}
	var steps []mempool.Step
	for _, hash := range change.Revert {
		step, err := l.revertStep(hash)
		if err != nil {
			return err
		}
		steps = append(steps, step)
	}
	change.At, change.Source = l.now(), src
	if err := l.store.Commit(change); err != nil {
		return fmt.Errorf("commit: %w", err)
	}
	p.pass(src, true)
	for _, e := range change.Put {
		l.room.parentArrived(e.Block.Hash)
	}
	if len(change.Apply) > 0 {
		old := l.Tip()
		l.accounts.follow(change)
		l.tip.Store(&best)
		l.changed.wake() // who wants more than the tip waits for the lock
		l.updatePool(steps, change.Apply)
		l.renewTemplates()
		l.tell(old.Tip, change, src)
	}
	l.changed.wake()
	return nil
}

// revertStep reads what the pool needs of a block that is about to leave.
func (l *Ledger) revertStep(hash chain.Hash) (mempool.Step, error) {
	b, err := l.store.Block(hash)
	if err != nil {
		return mempool.Step{}, fmt.Errorf("read block %s: %w", hash, err)
	}
	diff, err := l.store.Undo(hash)
	if err != nil {
		return mempool.Step{}, fmt.Errorf("read undo of block %s: %w", hash, err)
	}
	return mempool.Step{Revert: true, Block: b, Diff: diff}, nil
}

// tell logs what became of the best chain.
func (l *Ledger) tell(old chain.Header, change store.Change, src chain.Source) {
	l.stats.switched(src.Via, len(change.Revert), len(change.Apply))
	tip := l.Tip().Tip
	attrs := []any{"height", tip.Height, "hash", tip.Hash, "blocks", len(change.Apply), "via", src.Via}
	if src.Peer != "" {
		attrs = append(attrs, "peer", src.Peer)
	}
	switch {
	case len(change.Revert) > 0:
		l.log.Info("reorganised", append(attrs, "depth", len(change.Revert), "from", old.Hash, "from_height", old.Height)...)
	case len(change.Apply) == 1 && src.Via != chain.ViaMiner:
		l.log.Info("adopted", attrs...)
	default: // the miner tells of its own; catching up is told by who does it
		l.log.Debug("adopted", attrs...)
	}
}

// overlay is a view of accounts with changes on top.
type overlay struct {
	base chain.Accounts
	now  map[chain.Address]chain.Account
}

func newOverlay(base chain.Accounts) *overlay {
	return &overlay{base: base, now: map[chain.Address]chain.Account{}}
}

func (o *overlay) get(a chain.Address) (chain.Account, error) {
	if acc, ok := o.now[a]; ok {
		return acc, nil
	}
	return o.base(a)
}

func (o *overlay) apply(diff chain.Diff) {
	for _, c := range diff {
		o.now[c.Address] = c.New
	}
}

func (o *overlay) undo(diff chain.Diff) {
	for _, c := range slices.Backward(diff) {
		o.now[c.Address] = c.Old
	}
}
