package p2p

import (
	"context"
	"math"
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

	// Each batch of blocks added costs a sync of the disk.
	batchBlocks = 128
	batchBytes  = 16 << 20
	batchWait   = 100 * time.Millisecond // for more of them

	partTime   = time.Second           // what a request should take, so that slow peers are asked for less
	leastHedge = 50 * time.Millisecond // by which another peer has to be quicker, at least
	heldUp     = 4                     // windows here that wait for an older one: it is worth asking for twice
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

	pace map[peer.ID]time.Duration // what a block takes from a peer, lately
}

// part is a window of blocks. Its fields are guarded by the plan's mu.
type part struct {
	hashes []chain.Hash
	blocks []*chain.Block        // all of them, once they are here
	from   peer.ID               // who gave them
	askers map[peer.ID]time.Time // who is being asked, since when
}

// newPlan returns an empty plan. A peer of which nothing is known yet is asked
// for what another is slow with after hedge.
func newPlan(hedge time.Duration) *plan {
	return &plan{hedge: hedge, changed: make(chan struct{}), pace: map[peer.ID]time.Duration{}}
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
// peer failed, else the oldest if others wait for it and this peer would bring
// it sooner, else a new one, else any that this peer would bring sooner. It
// waits when there is none, and says false when none will come.
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
			w.askers[id] = now
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
	here := 0
	for _, w := range p.parts {
		if w.missing() && len(w.askers) == 0 {
			return w, 0
		}
		if !w.missing() {
			here++
		}
	}
	if here >= heldUp && p.parts[0].missing() && p.hedgeIn(p.parts[0], id, now) == 0 {
		return p.parts[0], 0
	}
	if len(p.open) > 0 && len(p.parts) < aheadParts && p.bytes < aheadBytes {
		count := min(len(p.open), p.blocksFor(id))
		w := &part{hashes: slices.Clone(p.open[:count]), askers: map[peer.ID]time.Time{}}
		p.open = p.open[count:]
		p.parts = append(p.parts, w)
		p.notify()
		return w, 0
	}
	for _, w := range p.parts {
		switch in := p.hedgeIn(w, id, now); {
		case in == 0:
			return w, 0
		case in != never && (soon == 0 || in < soon):
			soon = in
		}
	}
	return nil, soon
}

const never = time.Duration(math.MaxInt64)

// hedgeIn returns after what time a peer may be asked for a window that others
// are being asked for: when by its pace it would bring the window in half the
// time that they still need. How long they need is known by their pace; who is
// late by it, or whose pace is unknown, will need as long again as it is late.
func (p *plan) hedgeIn(w *part, id peer.ID, now time.Time) time.Duration {
	if _, asked := w.askers[id]; asked || !w.missing() {
		return never
	}
	pace, known := p.pace[id]
	margin := max(2*pace*time.Duration(len(w.hashes)), leastHedge)
	in := time.Duration(0)
	for asker, since := range w.askers {
		due := since.Add(p.pace[asker] * time.Duration(len(w.hashes)))
		switch {
		case !known:
			in = max(in, since.Add(p.hedge).Sub(now))
		case due.Sub(now) < margin:
			in = max(in, due.Add(margin).Sub(now))
		}
	}
	return max(in, 0)
}

// blocksFor sizes a request: by the blocks that came so far, and by how quick
// the peer was.
func (p *plan) blocksFor(id peer.ID) int {
	pace := p.pace[id]
	if pace == 0 || p.blocks == 0 {
		return min(firstBlocks, p.blocksPerPart())
	}
	return max(min(int(partTime/pace), p.blocksPerPart()), 1)
}

// blocksPerPart is how many blocks, of the size that they had so far, a request
// may be for.
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
	p.learn(id, len(blocks), time.Since(w.askers[id]))
	delete(w.askers, id)
	if !w.missing() || len(blocks) == 0 || len(blocks) > len(w.hashes) {
		return // another was quicker, or it brought nothing
	}
	at := slices.Index(p.parts, w)
	if at < 0 {
		return // nothing is wanted any more
	}
	if rest := w.hashes[len(blocks):]; len(rest) > 0 {
		p.parts = slices.Insert(p.parts, at+1, &part{hashes: rest, askers: map[peer.ID]time.Time{}})
	}
	w.hashes, w.blocks, w.from = w.hashes[:len(blocks)], blocks, id
	p.blocks += len(blocks)
	p.size += w.bytes()
	p.bytes += w.bytes()
}

// learn notes a peer's pace, the latest answer counting as much as all before.
func (p *plan) learn(id peer.ID, blocks int, took time.Duration) {
	if blocks == 0 {
		return
	}
	pace := max(took/time.Duration(blocks), 1)
	if before, known := p.pace[id]; known {
		pace = (before + pace) / 2
	}
	p.pace[id] = max(pace, 1)
}

// next waits for the oldest windows and takes out as many as make a batch, as
// one: those of one peer that follow on each other, until they are enough, or
// nothing has come for batchWait. It says false when there is none left.
func (p *plan) next(ctx context.Context) (*part, bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for windows, patience := 0, batchWait; ; {
		count, grows := p.batch()
		if count > 0 && (!grows || count == windows && patience <= 0) {
			return p.takeOut(count), true
		}
		if len(p.parts) == 0 && (p.over || p.ended && len(p.open) == 0) {
			return nil, false
		}
		if count != windows {
			windows, patience = count, batchWait
		}
		atMost := time.Duration(0)
		if count > 0 {
			atMost = patience
		}
		began := time.Now()
		if p.wait(ctx, atMost) != nil {
			return nil, false
		}
		patience -= time.Since(began)
	}
}

// batch returns how many windows can be added as one now, and whether more may
// join them. The caller holds mu.
func (p *plan) batch() (windows int, grows bool) {
	blocks, bytes := 0, 0
	for i, w := range p.parts {
		if w.missing() {
			return i, !p.over
		}
		if w.from != p.parts[0].from || blocks >= batchBlocks || bytes >= batchBytes {
			return i, false
		}
		blocks, bytes = blocks+len(w.blocks), bytes+w.bytes()
	}
	wanted := !p.over && (len(p.open) > 0 || !p.ended)
	return len(p.parts), wanted && blocks < batchBlocks && bytes < batchBytes
}

// takeOut makes one of the first windows. The caller holds mu.
func (p *plan) takeOut(windows int) *part {
	first := p.parts[0]
	p.bytes -= first.bytes()
	for _, w := range p.parts[1:windows] {
		p.bytes -= w.bytes()
		first.hashes = append(first.hashes, w.hashes...)
		first.blocks = append(first.blocks, w.blocks...)
	}
	p.parts = slices.Delete(p.parts, 0, windows)
	p.notify()
	return first
}

// bytes are those of the blocks that are here.
func (w *part) bytes() int {
	size := 0
	for _, b := range w.blocks {
		size += len(b.Raw())
	}
	return size
}
