package p2p

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/lp2pnode/lp2pnode/chain"
)

const (
	partBytes   = 4 << 20  // what a request for blocks aims at
	aheadBytes  = 32 << 20 // of blocks fetched and not yet added
	aheadParts  = 32       // windows asked for or fetched, not yet added
	firstBlocks = 32       // of a request while nothing is known of their size
	aheadHashes = 1 << 14  // to fetch, before more headers are asked for
)

// plan is the blocks to fetch, in order: hashes come in from the headers,
// windows of them go out to the peers, blocks come back in any order and leave
// in order. All methods are safe for concurrent use.
type plan struct {
	hedge time.Duration

	mu      sync.Mutex
	changed chan struct{} // closed at the next change
	open    []chain.Hash  // not asked for yet
	parts   []*part       // asked for or here, not yet added; oldest first
	bytes   int           // of the blocks in parts
	ended   bool          // no more hashes will come
	over    bool          // nothing more will be fetched
	blocks  int           // that came so far
	size    int           // their bytes
}

// part is a window of blocks. Its fields are guarded by the plan's mu.
type part struct {
	hashes []chain.Hash
	blocks []*chain.Block // all of them, once they are here
	from   peer.ID        // who gave them
	askers []peer.ID      // who is being asked
	since  time.Time      // when it was asked for last
}

func newPlan(hedge time.Duration) *plan {
	return &plan{hedge: hedge, changed: make(chan struct{})}
}

// notify wakes who waits. The caller holds mu.
func (p *plan) notify() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// push adds hashes, waits while there are enough of them, and says false when
// no more are wanted.
func (p *plan) push(ctx context.Context, hashes []chain.Hash) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.over {
		p.open = append(p.open, hashes...)
		p.notify()
	}
	for len(p.open) > aheadHashes {
		if p.wait(ctx, 0) != nil {
			return false
		}
	}
	return !p.over
}

// wait lets go of mu until the next change or the end of a time. The caller
// holds mu, and holds it again afterwards.
func (p *plan) wait(ctx context.Context, atMost time.Duration) error {
	changed := p.changed
	p.mu.Unlock()
	defer p.mu.Lock()
	var due <-chan time.Time
	if atMost > 0 {
		timer := time.NewTimer(atMost)
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-changed:
	case <-due:
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// end says that no more hashes will come.
func (p *plan) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.notify()
}

// stop ends the fetching. What came without a gap can still be taken by next.
func (p *plan) stop() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.over, p.open = true, nil
	if gap := slices.IndexFunc(p.parts, (*part).missing); gap >= 0 {
		p.parts = p.parts[:gap]
	}
	p.notify()
}

// take returns the next window for a peer to be asked for: one that another
// peer failed, else a new one, else the oldest that another peer is slow with.
// It waits when there is none, and says false when none will come.
func (p *plan) take(ctx context.Context, id peer.ID) (*part, []chain.Hash, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		if p.over || p.ended && len(p.open) == 0 && !slices.ContainsFunc(p.parts, (*part).missing) {
			return nil, nil, false
		}
		now := time.Now()
		w, soon := p.choose(id, now)
		if w != nil {
			w.askers, w.since = append(w.askers, id), now
			return w, w.hashes, true
		}
		if p.wait(ctx, soon) != nil {
			return nil, nil, false
		}
	}
}

func (w *part) missing() bool { return w.blocks == nil }

// choose returns a window for a peer, or when to look again (zero: at the next
// change).
func (p *plan) choose(id peer.ID, now time.Time) (w *part, soon time.Duration) {
	for _, w := range p.parts {
		if w.missing() && len(w.askers) == 0 {
			return w, 0
		}
	}
	if len(p.open) > 0 && len(p.parts) < aheadParts && p.bytes < aheadBytes {
		count := min(len(p.open), p.blocksPerPart())
		w := &part{hashes: slices.Clone(p.open[:count])}
		p.open = p.open[count:]
		p.parts = append(p.parts, w)
		p.notify()
		return w, 0
	}
	for _, w := range p.parts {
		if !w.missing() || slices.Contains(w.askers, id) {
			continue
		}
		if late := p.hedge - now.Sub(w.since); late > 0 {
			if soon == 0 || late < soon {
				soon = late
			}
			continue
		}
		return w, 0
	}
	return nil, soon
}

// blocksPerPart sizes a request by the blocks that came so far.
func (p *plan) blocksPerPart() int {
	if p.blocks == 0 {
		return firstBlocks
	}
	return min(max(partBytes/max(p.size/p.blocks, 1), 1), maxBlocks)
}

// give takes in what a peer answered for a window: all of it, a beginning, or
// nothing. What is missing goes to the next who asks.
func (p *plan) give(w *part, id peer.ID, blocks []*chain.Block) {
	p.mu.Lock()
	defer p.mu.Unlock()
	defer p.notify()
	w.askers = slices.DeleteFunc(w.askers, func(a peer.ID) bool { return a == id })
	if !w.missing() || len(blocks) == 0 || len(blocks) > len(w.hashes) {
		return // another was quicker, or it brought nothing
	}
	at := slices.Index(p.parts, w)
	if at < 0 {
		return // nothing is wanted any more
	}
	if rest := w.hashes[len(blocks):]; len(rest) > 0 {
		p.parts = slices.Insert(p.parts, at+1, &part{hashes: rest})
	}
	w.hashes, w.blocks, w.from = w.hashes[:len(blocks)], blocks, id
	for _, b := range blocks {
		p.blocks++
		p.size += len(b.Raw())
		p.bytes += len(b.Raw())
	}
}

// next waits for the oldest window and takes it out. It says false when there
// is none left.
func (p *plan) next(ctx context.Context) (*part, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for {
		switch {
		case len(p.parts) == 0 && (p.over || p.ended && len(p.open) == 0):
			return nil, false
		case len(p.parts) > 0 && !p.parts[0].missing():
			w := p.parts[0]
			p.parts = p.parts[1:]
			for _, b := range w.blocks {
				p.bytes -= len(b.Raw())
			}
			p.notify()
			return w, true
		}
		if p.wait(ctx, 0) != nil {
			return nil, false
		}
	}
}
