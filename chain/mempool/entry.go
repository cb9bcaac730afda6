package mempool

import (
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

// entryOverhead is what a small transaction costs in memory beside its
// canonical bytes and its data: its struct, its addresses, its places in the
// pool's maps and heaps, and its sender if it is the only one. Measured by
// TestMemoryStaysWithinTheCap.
const entryOverhead = 1024

// Entry is a transaction in the pool.
type Entry struct {
	Transaction *chain.Transaction
	Seen        time.Time    // when it came first
	Source      chain.Source // from whom it came first; zero after a reorganisation
	Waiting     bool         // behind a gap in its sender's nonces: not to be mined or passed on yet
	Rate        Rate         // its own fee for its own bytes
}

// entry is an Entry with its places in the pool.
type entry struct {
	tx      *chain.Transaction
	seen    time.Time
	via     chain.Via
	origin  *origin
	sender  *sender
	seq     uint64 // order of arrival; no two are equal
	cost    uint64 // bytes of memory
	rate    Rate
	ageAt   int  // place in Pool.ages
	waiting bool // set by refresh
	shared  bool // tx is known to be verified, so more than one block may hold it
}

func (e *entry) public() Entry {
	return Entry{e.tx, e.seen, chain.Source{Via: e.via, Peer: e.origin.peer}, e.waiting, e.rate}
}

func (e *entry) feeless() bool { return e.tx.Fee == 0 }

// origin is a peer from whom transactions came, "" for this node and for
// blocks; it is kept while an entry points to it.
type origin struct {
	peer    string
	entries int
	feeless int
}

// costOf returns the bytes of memory that tx is charged with once it is kept:
// it holds its data twice, raw and decoded.
func costOf(tx *chain.Transaction) uint64 {
	return uint64(min(cap(tx.Raw()), maxCap(tx)) + len(tx.Data) + entryOverhead)
}

// maxCap is the size of a buffer that still counts as tx's own.
func maxCap(tx *chain.Transaction) int { return 2*len(tx.Raw()) + 512 }

// own returns tx itself if its bytes stand alone, or else a copy, so that the
// larger buffer they came in does not stay alive. A copy is not known to be
// verified: shared is false.
func own(tx *chain.Transaction) (kept *chain.Transaction, shared bool) {
	if cap(tx.Raw()) <= maxCap(tx) {
		return tx, true
	}
	return chain.NewTransaction(*tx), false
}

func (p *Pool) newEntry(s *sender, tx *chain.Transaction, src chain.Source, seen time.Time) *entry {
	p.seq++
	o := p.origins[src.Peer]
	if o == nil {
		o = &origin{peer: src.Peer}
	}
	return &entry{
		tx:     tx,
		seen:   seen,
		via:    src.Via,
		origin: o,
		sender: s,
		seq:    p.seq,
		cost:   costOf(tx),
		rate:   rateOf(tx.Fee, uint64(len(tx.Raw()))),
		ageAt:  -1,
	}
}
