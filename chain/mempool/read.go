package mempool

import "github.com/lp2pnode/lp2pnode/chain"

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
// came back from a block. It may be called at any time, by anybody.
func (p *Pool) Known(id chain.Hash) *chain.Transaction {
	p.reading.RLock()
	defer p.reading.RUnlock()
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
	var list []Entry
	for _, e := range s.list {
		list = append(list, e.public())
	}
	return list
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
