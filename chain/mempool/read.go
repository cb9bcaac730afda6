package mempool

import "github.com/lp2pnode/lp2pnode/chain"

// Stats is a pool in numbers.
type Stats struct {
	Transactions int
	Senders      int
	Bytes        uint64 // of canonical form
	Memory       uint64 // bytes, as the cap counts them
	MaxMemory    uint64 // the cap
	Waiting      uint64 // part of Memory: behind a gap in nonces
	Feeless      uint64 // part of Memory: with fee 0
}

// Stats returns the pool in numbers.
func (p *Pool) Stats() Stats {
	return Stats{len(p.ids), len(p.senders), p.bytes, p.memory, p.cfg.MaxBytes, p.waiting, p.feeless}
}

// Len returns the number of transactions.
func (p *Pool) Len() int { return len(p.ids) }

// Bytes returns the sum of the transactions' canonical sizes.
func (p *Pool) Bytes() uint64 { return p.bytes }

// Has reports whether a transaction is in the pool.
func (p *Pool) Has(id chain.Hash) bool { return p.ids[id] != nil }

// Get returns a transaction of the pool.
func (p *Pool) Get(id chain.Hash) (Entry, bool) {
	if e := p.ids[id]; e != nil {
		return e.public(), true
	}
	return Entry{}, false
}

// Known returns the pool's transaction with this id for use in a block: its
// signature was checked. It returns nil if there is none, or one that only
// came back from a block.
func (p *Pool) Known(id chain.Hash) *chain.Transaction {
	if e := p.ids[id]; e != nil && e.shared {
		return e.tx
	}
	return nil
}

// Sender returns an address's transactions by nonce.
func (p *Pool) Sender(a chain.Address) []Entry {
	s := p.senders[a]
	if s == nil {
		return nil
	}
	return entries(nil, s)
}

// NextNonce returns the nonce that an address's next transaction should have:
// the first that neither the chain nor a ready transaction of the pool uses.
// account is the address's at the tip.
func (p *Pool) NextNonce(a chain.Address, account chain.Account) uint64 {
	if s := p.senders[a]; s != nil {
		return s.nextNonce()
	}
	return account.Nonce
}

// Snapshot returns all transactions, those of one sender by nonce, to be given
// to Restore one after the other.
func (p *Pool) Snapshot() []Entry {
	list := make([]Entry, 0, len(p.ids))
	for _, s := range p.senders {
		list = entries(list, s)
	}
	return list
}

func entries(list []Entry, s *sender) []Entry {
	for _, e := range s.list {
		list = append(list, e.public())
	}
	return list
}
