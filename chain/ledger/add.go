package ledger

import (
	"errors"
	"fmt"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

// Policy for blocks that nobody asked for (protocol §8).
const (
	maxSiblings = 8  // blocks on one parent
	maxDepth    = 10 // heights below the tip
)

// AddBlocks takes blocks that DecodeBlock returned, each either the child of
// the one before or of a block that is here, and follows the best chain there
// is then: all in one synced batch, announced after it. It returns how many
// were taken before the first that was not, and why that one was not: an error
// that matches one of the chain package's errors, or else is this node's own
// fault. Of several, those already here are skipped and counted; a single one
// gets chain.ErrKnown.
//
// A block from gossip also meets the policy of protocol §8, and waits in a
// bounded room when its parent is missing or its time has not come.
func (l *Ledger) AddBlocks(src chain.Source, blocks ...*chain.Block) (int, error) {
	return l.addBlocks(src, blocks, func() {})
}

// AddBlock is AddBlocks for one block, and calls pass once, as soon as others
// may be told of it: when it is judged, before it is on disk, since passing on
// what others made promises nothing of this node; but what comes by
// chain.ViaMiner is this node's own word, and has to be on disk first. A block
// that is refused is not passed on. pass must be quick, and not call the ledger.
func (l *Ledger) AddBlock(src chain.Source, b *chain.Block, pass func()) error {
	_, err := l.addBlocks(src, []*chain.Block{b}, pass)
	return err
}

func (l *Ledger) addBlocks(src chain.Source, blocks []*chain.Block, pass func()) (int, error) {
	w := l.setOut(len(blocks), pass)
	taken, err := l.add(src, blocks, w)
	w.end(src, blocks, taken, err)
	return taken, err
}

func (l *Ledger) add(src chain.Source, blocks []*chain.Block, w *way) (int, error) {
	if len(blocks) == 1 {
		if err := l.screen(src, blocks[0]); err != nil {
			return 0, err
		}
		w.passed(StageScreen)
	}
	for i, b := range blocks {
		if err := l.rules.VerifyTransactions(b.Transactions); err != nil {
			blocks = blocks[:i]
			n, addErr := l.addVerified(src, blocks, w)
			if addErr != nil {
				return n, addErr
			}
			return n, fmt.Errorf("block %s: %w", b.Hash, err)
		}
	}
	w.passed(StageVerify)
	return l.addVerified(src, blocks, w)
}

// screen is what a block meets before its signatures are looked at.
func (l *Ledger) screen(src chain.Source, b *chain.Block) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.Held(); err != nil {
		return err
	}
	parent, err := l.parentOf(b, nil)
	if err == nil {
		err = l.judge(parent, b)
	}
	if err == nil && src.Via == chain.ViaGossip {
		err = l.wanted(parent, &b.Header)
	}
	l.remember(b, err)
	if src.Via == chain.ViaGossip {
		l.park(src, b, parent, err)
	}
	if err != nil {
		return fmt.Errorf("block %s: %w", b.Hash, err)
	}
	for i, t := range b.Transactions { // what the pool has verified is not verified again
		if t.Verified() {
			continue
		}
		if known := l.pool.Known(t.ID()); known != nil {
			b.Transactions[i] = known
		}
	}
	return nil
}

// parentOf returns the state that b stands on, from the plan or from what is
// here, or says why b cannot be judged. With mu held.
func (l *Ledger) parentOf(b *chain.Block, p *plan) (chain.State, error) {
	if why, bad := l.broken.get(b.Hash); bad {
		return chain.State{}, why
	}
	if p.has(b.Hash) {
		return chain.State{}, chain.ErrKnown
	}
	if parent, ok := p.state(b.PrevHash); ok {
		return parent, nil // a child of what is not here is not here either
	}
	here, err := l.store.Has(b.Hash)
	if err != nil {
		return chain.State{}, fmt.Errorf("look for block: %w", err)
	}
	if here {
		return chain.State{}, chain.ErrKnown
	}
	if _, bad := l.broken.get(b.PrevHash); bad {
		return chain.State{}, fmt.Errorf("%w: its parent %s broke a rule", chain.ErrUnfit, b.PrevHash)
	}
	return l.stateAt(b.PrevHash)
}

// judge applies clock and header rules.
func (l *Ledger) judge(parent chain.State, b *chain.Block) error {
	if due := l.dueAt(&b.Header); l.now().Before(due) {
		return fmt.Errorf("%w: timestamp %d can be judged from %s on", chain.ErrFuture, b.Timestamp, due.Format(time.RFC3339))
	}
	return parent.Check(&b.Header)
}

// dueAt returns from when on a timestamp is no more than F ahead (protocol §7).
func (l *Ledger) dueAt(h *chain.Header) time.Time {
	return time.UnixMilli(int64(h.Timestamp) - int64(l.rules.Params.MaxAheadMS()))
}

// wanted is the policy for blocks that nobody asked for. With mu held.
func (l *Ledger) wanted(parent chain.State, h *chain.Header) error {
	tip := l.Tip()
	if parent.Work.Add(l.rules.Engine.Work(h)).Cmp(tip.Work) > 0 {
		return nil
	}
	if h.Height+maxDepth < tip.Tip.Height {
		return fmt.Errorf("%w: height %d is more than %d below the tip", chain.ErrUnwanted, h.Height, maxDepth)
	}
	same, err := l.store.At(h.Height)
	if err != nil {
		return fmt.Errorf("read blocks of height %d: %w", h.Height, err)
	}
	siblings := 0
	for _, r := range same {
		if r.Header.PrevHash == h.PrevHash {
			siblings++
		}
	}
	if siblings >= maxSiblings {
		return fmt.Errorf("%w: %d blocks stand on %s already", chain.ErrUnwanted, siblings, h.PrevHash)
	}
	return nil
}

// remember keeps why a block is broken, for ever bad by its hash. With mu held.
func (l *Ledger) remember(b *chain.Block, err error) {
	if errors.Is(err, chain.ErrInvalid) || errors.Is(err, chain.ErrUnfit) {
		l.broken.put(b.Hash, err)
	}
}

// park keeps a block that may be judged later. With mu held.
func (l *Ledger) park(src chain.Source, b *chain.Block, parent chain.State, err error) {
	switch due := l.dueAt(&b.Header); {
	case due.Sub(l.now()) > roomWait:
	case errors.Is(err, chain.ErrUnknownParent):
		l.room.add(src, b, time.Time{})
	case errors.Is(err, chain.ErrFuture) && parent.Check(&b.Header) == nil:
		l.room.add(src, b, due)
		l.changed.wake() // there is a new time to wait for
	}
}

// addVerified stages blocks and commits the plan.
func (l *Ledger) addVerified(src chain.Source, blocks []*chain.Block, w *way) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := l.Held(); err != nil {
		return 0, err
	}
	p := newPlan()
	p.way = w
	var why error
	taken := 0
	for _, b := range blocks {
		parent, err := l.parentOf(b, p)
		if err == nil {
			err = l.judge(parent, b)
		}
		if errors.Is(err, chain.ErrKnown) && len(blocks) > 1 {
			taken++
			continue
		}
		if err != nil {
			l.remember(b, err)
			why = fmt.Errorf("block %s: %w", b.Hash, err)
			break
		}
		p.stage(store.Entry{Block: b, Work: parent.Work.Add(l.rules.Engine.Work(&b.Header)), Seen: l.now(), Source: src}, parent.Extend(&b.Header))
		taken++
	}
	w.passed(StageWait)
	bad, err := l.follow(p, src)
	if bad != nil {
		why = err
		for i, b := range blocks {
			if b.Hash == *bad || p.dropped[b.Hash] {
				taken = min(taken, i)
				break
			}
		}
	} else if err != nil {
		return 0, err
	}
	return taken, why
}
