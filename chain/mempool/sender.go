package mempool

import (
	"cmp"
	"slices"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/canonical"
)

// sender holds one address's entries.
type sender struct {
	address chain.Address
	account chain.Account // at the tip
	list    []*entry      // by nonce, ascending, none below account.Nonce
	ready   int           // list[:ready] have no gap before them; the others wait
	chunks  []chunk       // of list[:ready], best first
	last    key           // of the end of the list
	feeless int
	bestAt  int // place in Pool.best, −1 if nothing is ready
	worstAt int // place in Pool.worst, −1 if the list is empty
}

// key is a place in the pool's order.
type key struct {
	waiting bool
	rate    Rate
	tie     uint64 // the latest arrival up to here
}

func (k key) before(o key) bool {
	if k.waiting != o.waiting {
		return o.waiting
	}
	if k.rate != o.rate {
		return k.rate > o.rate
	}
	return k.tie < o.tie
}

// chunk is a run of a sender's ready entries that is worth more taken together
// than less of it would be. The chunks of a sender have falling rates.
type chunk struct {
	key
	from, to  int // list[from:to]
	fee, size uint64
}

func newSender(a chain.Address, acc chain.Account) *sender {
	return &sender{address: a, account: acc, bestAt: -1, worstAt: -1}
}

// find returns where a nonce is or would be in the list.
func (s *sender) find(nonce uint64) (int, bool) {
	return slices.BinarySearchFunc(s.list, nonce, func(e *entry, n uint64) int {
		return cmp.Compare(e.tx.Nonce, n)
	})
}

// at returns the entry with a nonce, or nil.
func (s *sender) at(nonce uint64) *entry {
	if i, ok := s.find(nonce); ok {
		return s.list[i]
	}
	return nil
}

// nextNonce returns the first nonce that no ready entry uses.
func (s *sender) nextNonce() uint64 { return s.account.Nonce + uint64(s.ready) }

// order works out ready, chunks and last from list and account.
func (s *sender) order() {
	s.ready = 0
	for s.ready < len(s.list) && s.list[s.ready].tx.Nonce == s.nextNonce() {
		s.ready++
	}
	s.chunks = s.chunks[:0]
	for i, e := range s.list[:s.ready] {
		c := chunk{from: i, to: i + 1, fee: e.tx.Fee, size: uint64(len(e.tx.Raw()))}
		c.rate, c.tie = e.rate, e.seq
		for n := len(s.chunks); n > 0 && c.rate > s.chunks[n-1].rate; n-- {
			c = s.chunks[n-1].join(c)
			s.chunks = s.chunks[:n-1]
		}
		if n := len(s.chunks); n > 0 {
			c.tie = max(c.tie, s.chunks[n-1].tie)
		}
		s.chunks = append(s.chunks, c)
	}
	if n := len(s.chunks); n > 0 {
		s.last = s.chunks[n-1].key
	}
	for i, e := range s.list[s.ready:] {
		if i == 0 {
			s.last = key{true, e.rate, e.seq}
		}
		s.last = key{true, min(s.last.rate, e.rate), max(s.last.tie, e.seq)}
	}
}

func (c chunk) join(next chunk) chunk {
	c.to = next.to
	c.fee += next.fee
	c.size += next.size
	c.rate = rateOf(c.fee, c.size)
	c.tie = max(c.tie, next.tie)
	return c
}

// purse pays transactions of one sender in order.
type purse uint64

// pay reports whether the purse holds tx's amount and fee, and takes them.
func (left *purse) pay(tx *chain.Transaction) bool {
	if tx.Amount > canonical.MaxInteger || tx.Fee > canonical.MaxInteger || tx.Amount+tx.Fee > uint64(*left) {
		return false
	}
	*left -= purse(tx.Fee)
	if tx.To != tx.From && tx.To != "" {
		*left -= purse(tx.Amount)
	}
	return true
}

// affords checks that the balance pays for all entries, with tx in the place of
// its nonce. Its error matches chain.ErrUnfit.
func (s *sender) affords(tx *chain.Transaction) error {
	at, taken := s.find(tx.Nonce)
	rest := s.list[at:]
	if taken {
		rest = rest[1:]
	}
	left := purse(s.account.Balance)
	for _, e := range s.list[:at] {
		left.pay(e.tx) // holds, or e would not be here
	}
	before := left
	if !left.pay(tx) {
		return unaffordable(tx, uint64(before), at)
	}
	for _, e := range rest {
		if !left.pay(e.tx) {
			return unaffordable(tx, uint64(before), len(s.list))
		}
	}
	return nil
}
