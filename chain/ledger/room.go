package ledger

import (
	"slices"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

// Bounds of the waiting room, beside those in bytes.
const (
	roomBlocks     = 512
	roomPeerBlocks = 64
)

// roomWait is the longest that a block may have to wait for its time's sake.
const roomWait = 10 * time.Minute

// room keeps blocks from gossip that cannot be judged yet: their parent is
// missing, or their time has not come. Their proof of work has been checked.
// When it is full the oldest leave; no peer can fill it alone. The ledger's
// lock guards it.
type room struct {
	waiting  []waiting // oldest first
	bytes    int       // of memory
	maxBytes int       // of all; a peer may have a quarter, or one block
}

type waiting struct {
	block *chain.Block
	cost  int // bytes of memory
	src   chain.Source
	due   time.Time // zero: waits for its parent
	ready bool      // its parent has come
}

func newRoom(p chain.Params) *room {
	return &room{maxBytes: max(32<<20, 20*int(p.MaxBlockBytes))}
}

// costOf returns the bytes of memory that a block takes: its canonical form,
// its transactions' data and addresses once more, their structs, and the
// buffers of those that DecodeBlock took from the pool, which may have left it.
// That is less than nine times the canonical form.
func costOf(b *chain.Block) int {
	const each = 512 // measured; a transaction has 253 bytes or more
	cost := 2*len(b.Raw()) + each*(1+len(b.Transactions))
	for _, t := range b.Transactions {
		if t.Verified() { // the others are part of the block's bytes
			cost += cap(t.Raw())
		}
	}
	return cost
}

// add keeps a block unless it is here already or its peer has its share.
func (r *room) add(src chain.Source, b *chain.Block, due time.Time) {
	cost := costOf(b)
	count, size := 0, cost
	for _, w := range r.waiting {
		if w.block.Hash == b.Hash {
			return
		}
		if w.src.Peer == src.Peer {
			count++
			size += w.cost
		}
	}
	if count >= roomPeerBlocks || count > 0 && size > r.maxBytes/4 {
		return
	}
	for len(r.waiting) >= roomBlocks || r.bytes+cost > r.maxBytes {
		r.remove(0)
	}
	r.waiting = append(r.waiting, waiting{block: b, cost: cost, src: src, due: due})
	r.bytes += cost
}

func (r *room) remove(i int) waiting {
	w := r.waiting[i]
	r.bytes -= w.cost
	r.waiting = slices.Delete(r.waiting, i, i+1)
	return w
}

// parentArrived marks the blocks that waited for this one.
func (r *room) parentArrived(hash chain.Hash) {
	for i := range r.waiting {
		if w := &r.waiting[i]; w.due.IsZero() && w.block.PrevHash == hash {
			w.ready = true
		}
	}
}

// take removes and returns what can be judged now, and when to come again for
// time's sake (zero: never).
func (r *room) take(now time.Time) (ready []waiting, next time.Time) {
	for i := 0; i < len(r.waiting); {
		w := r.waiting[i]
		switch {
		case w.ready || !w.due.IsZero() && !now.Before(w.due):
			ready = append(ready, r.remove(i))
			continue
		case !w.due.IsZero() && (next.IsZero() || w.due.Before(next)):
			next = w.due
		}
		i++
	}
	return ready, next
}

// Ready takes out of the waiting room the blocks that can be judged now, with
// the sources they came from, and says when to ask again for time's sake (zero:
// never). Changed tells when to ask again for a parent's sake.
func (l *Ledger) Ready() (blocks []*chain.Block, sources []chain.Source, next time.Time) {
	l.mu.Lock()
	defer l.mu.Unlock()
	ready, next := l.room.take(l.now())
	for _, w := range ready {
		blocks = append(blocks, w.block)
		sources = append(sources, w.src)
	}
	return blocks, sources, next
}
