package mempool

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

// Step is one block leaving or joining the best chain, with its changes of
// accounts (as executed, not read backwards).
type Step struct {
	Revert bool
	Block  *chain.Block
	Diff   chain.Diff
}

// Moved is what a change of the tip led to.
type Moved struct {
	Restored []*chain.Transaction // of reverted blocks, could be mined again: others may lack them
	Freed    []*chain.Transaction // waited for a nonce that is used now: pass them on
	Dropped  []*chain.Transaction // fit no longer, or found no room
}

// slot is what only one transaction of a chain can have.
type slot struct {
	from  chain.Address
	nonce uint64
}

// change sums up some steps.
type change struct {
	accounts map[chain.Address]chain.Account // at the new tip
	spent    map[slot]chain.Hash             // by transactions that joined
	back     map[chain.Hash]*chain.Transaction
}

// Advance follows the best chain: steps as in a reorganisation, reverts from
// the tip down, then blocks upwards. Transactions that joined leave the pool,
// with those whose nonces they used; those that were reverted and not mined
// again come back if they still fit, whatever the limits per sender and the
// floor; those whose sender's balance no longer pays for them leave.
func (p *Pool) Advance(steps []Step, now time.Time) Moved {
	c := sum(steps)
	var m Moved
	touched := p.follow(c, &m)
	restored := p.bringBack(c, touched, now, &m)
	var freed []*entry
	for _, a := range slices.Sorted(maps.Keys(touched)) {
		m.Dropped = append(m.Dropped, p.dropUnfit(touched[a])...)
		freed = append(freed, p.refresh(touched[a])...)
	}
	m.Dropped = append(m.Dropped, p.settle(now)...)
	m.Freed = p.transactionsLeft(freed)
	restored = slices.DeleteFunc(restored, func(e *entry) bool { return e.waiting })
	m.Restored = p.transactionsLeft(restored)
	return m
}

func sum(steps []Step) change {
	accounts, txs := 0, 0 // as many as the largest block has
	for _, step := range steps {
		accounts, txs = max(accounts, len(step.Diff)), max(txs, len(step.Block.Transactions))
	}
	c := change{
		accounts: make(map[chain.Address]chain.Account, accounts),
		spent:    make(map[slot]chain.Hash, txs),
		back:     map[chain.Hash]*chain.Transaction{},
	}
	for _, step := range steps {
		for _, d := range step.Diff {
			if step.Revert {
				c.accounts[d.Address] = d.Old
			} else {
				c.accounts[d.Address] = d.New
			}
		}
		for _, tx := range step.Block.Transactions {
			if step.Revert {
				delete(c.spent, slot{tx.From, tx.Nonce})
				c.back[tx.ID()] = tx
			} else {
				c.spent[slot{tx.From, tx.Nonce}] = tx.ID()
				delete(c.back, tx.ID())
			}
		}
	}
	return c
}

// follow gives the senders in the pool their new accounts and takes out what
// has a used nonce. It returns the senders to refresh.
func (p *Pool) follow(c change, m *Moved) map[chain.Address]*sender {
	touched := make(map[chain.Address]*sender, min(len(c.accounts), len(p.senders)))
	for a, acc := range c.accounts {
		s := p.senders[a]
		if s == nil {
			continue
		}
		touched[a] = s
		s.account = acc
		for len(s.list) > 0 && s.list[0].tx.Nonce < acc.Nonce {
			tx := s.list[0].tx
			p.unlink(s.list[0])
			if by := c.spent[slot{a, tx.Nonce}]; by != tx.ID() {
				m.Dropped = append(m.Dropped, tx)
				p.left.note(tx.ID(), Outcome{FateReplaced, by})
			}
		}
	}
	return touched
}

// bringBack puts in what was reverted and not mined again, as copies: their
// bytes are parts of blocks. It adds to the senders to refresh.
func (p *Pool) bringBack(c change, touched map[chain.Address]*sender, now time.Time, m *Moved) []*entry {
	back := slices.SortedFunc(maps.Values(c.back), func(a, b *chain.Transaction) int {
		return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Nonce, b.Nonce))
	})
	var restored []*entry
	for _, tx := range back {
		s := p.senders[tx.From]
		if s == nil {
			s = newSender(tx.From, c.accounts[tx.From])
		}
		touched[tx.From] = s
		rival, lost := c.spent[slot{tx.From, tx.Nonce}]
		if e := s.at(tx.Nonce); e != nil {
			rival, lost = e.tx.ID(), true
		}
		if lost || tx.Nonce < s.account.Nonce {
			m.Dropped = append(m.Dropped, tx)
			p.left.note(tx.ID(), Outcome{FateReplaced, rival})
			continue
		}
		e := p.newEntry(s, chain.NewTransaction(*tx), chain.Source{}, now)
		p.link(e)
		restored = append(restored, e)
	}
	return restored
}

// dropUnfit takes out what the balance does not pay for, earlier nonces first
// served. What follows waits.
func (p *Pool) dropUnfit(s *sender) []*chain.Transaction {
	var out []*entry
	left := purse(s.account.Balance)
	for _, e := range s.list {
		if !left.pay(e.tx) {
			out = append(out, e)
		}
	}
	for _, e := range out {
		p.unlink(e)
		p.left.note(e.tx.ID(), Outcome{Fate: FateUnfit})
	}
	return transactions(out)
}

// Expire takes out what has been here for MaxAge or more and returns all that
// left: what followed now waits, for which there is less room.
func (p *Pool) Expire(now time.Time) []*chain.Transaction {
	var out []*chain.Transaction
	for len(p.ages.items) > 0 && now.Sub(p.ages.items[0].seen) >= p.cfg.MaxAge {
		e := p.ages.items[0]
		p.unlink(e)
		p.refresh(e.sender)
		p.left.note(e.tx.ID(), Outcome{Fate: FateExpired})
		out = append(out, e.tx)
	}
	return append(out, p.settle(now)...)
}
