package mempool

import "github.com/lp2pnode/lp2pnode/chain"

// maxOutcomes bounds how many transactions that left are remembered.
const maxOutcomes = 8192

// Fate is why a transaction left the pool other than into a block.
type Fate string

// The fates.
const (
	FateReplaced Fate = "replaced" // another transaction has its sender and nonce
	FateExpired  Fate = "expired"  // it waited too long
	FateEvicted  Fate = "evicted"  // the pool was full, and others pay more
	FateUnfit    Fate = "unfit"    // its sender's balance no longer pays for it
)

// Outcome is what became of a transaction.
type Outcome struct {
	Fate Fate
	By   chain.Hash // of FateReplaced: the other transaction, if it is known
}

// outcomes remembers the last maxOutcomes transactions that left.
type outcomes struct {
	ring  []chain.Hash
	next  int
	fates map[chain.Hash]Outcome
}

func (o *outcomes) note(id chain.Hash, out Outcome) {
	if o.fates == nil {
		o.fates = map[chain.Hash]Outcome{}
	}
	_, again := o.fates[id]
	o.fates[id] = out
	switch {
	case again: // it keeps its place in the ring
	case len(o.ring) < maxOutcomes:
		o.ring = append(o.ring, id)
	default:
		delete(o.fates, o.ring[o.next])
		o.ring[o.next] = id
		o.next = (o.next + 1) % maxOutcomes
	}
}

// Outcome returns what became of a transaction that left lately other than
// into a block. Whoever asks looks at the chain first: a replaced transaction
// may be in a block after all.
func (p *Pool) Outcome(id chain.Hash) (Outcome, bool) {
	if p.Has(id) {
		return Outcome{}, false
	}
	out, ok := p.left.fates[id]
	return out, ok
}
