package mempool

import (
	"fmt"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/canonical"
)

// Added is what taking in a transaction led to.
type Added struct {
	Replaced *chain.Transaction   // it had the same sender and nonce; nil if none
	Evicted  []*chain.Transaction // they made room
	Waiting  bool                 // it waits behind a gap in nonces: do not pass it on yet
	Freed    []*chain.Transaction // they waited for this one: pass them on after it
}

// Add takes in a transaction whose signature holds. account is its sender's at
// the tip; of a sender already in the pool, the pool knows it by Advance.
//
// Its errors match chain.ErrKnown; chain.ErrUnfit with the rule nonce, balance
// or overflow (protocol §5, on the tip's state after the pool's transactions of
// the sender); or chain.ErrUnwanted, saying which limit of this node it met and
// what helps. After an error the pool is as before.
//
// The pool keeps tx itself, so that a block with it need not be verified again
// (Known), unless its bytes are a small part of a larger buffer: then a copy.
func (p *Pool) Add(tx *chain.Transaction, src chain.Source, account chain.Account, now time.Time) (Added, error) {
	s, err := p.meet(tx, account)
	if err != nil {
		return Added{}, err
	}
	if err := p.window(s, tx); err != nil {
		return Added{}, err
	}
	if err := p.price(s, tx, now); err != nil {
		return Added{}, err
	}
	if err := p.feelessLimits(s, tx, src); err != nil {
		return Added{}, err
	}
	return p.take(s, tx, src, now, now)
}

// Restore is Add for what an earlier run of this node held: first seen at a
// time of its own, and past the floor and the limits per sender and peer.
func (p *Pool) Restore(tx *chain.Transaction, src chain.Source, account chain.Account, seen, now time.Time) (Added, error) {
	s, err := p.meet(tx, account)
	if err != nil {
		return Added{}, err
	}
	return p.take(s, tx, src, seen, now)
}

// meet finds or makes the sender and checks what no replacement can cure.
func (p *Pool) meet(tx *chain.Transaction, account chain.Account) (*sender, error) {
	if p.Has(tx.ID()) {
		return nil, fmt.Errorf("%w: transaction %s waits in the pool", chain.ErrKnown, tx.ID())
	}
	s := p.senders[tx.From]
	if s == nil {
		s = newSender(tx.From, account)
	}
	if tx.Nonce < s.account.Nonce {
		return nil, chain.Unfit(chain.RuleNonce, s.nextNonce(), tx.Nonce)
	}
	if tx.Nonce >= canonical.MaxInteger {
		return nil, chain.Unfit(chain.RuleOverflow, "a nonce that can grow", tx.Nonce)
	}
	return s, nil
}

// window bounds how far a nonce may lie ahead of the account's.
func (p *Pool) window(s *sender, tx *chain.Transaction) error {
	end := s.account.Nonce + p.cfg.MaxPerSender
	switch {
	case tx.Nonce < end || s.at(tx.Nonce) != nil:
		return nil
	case tx.Nonce == s.nextNonce():
		return unwanted("%d transactions of this sender wait already: send more after the next block", s.ready)
	}
	return chain.Unfit(chain.RuleNonce, fmt.Sprintf("%d (or up to %d, to wait for it)", s.nextNonce(), end-1), tx.Nonce)
}

// price checks the fee, against the floor and against what it would replace.
func (p *Pool) price(s *sender, tx *chain.Transaction, now time.Time) error {
	if least := p.Price(len(tx.Raw()), now); tx.Fee < least {
		return unwanted("fee %d is below what this node takes now: want at least %d for %d bytes", tx.Fee, least, len(tx.Raw()))
	}
	old := s.at(tx.Nonce)
	if old == nil {
		return nil
	}
	if least := old.tx.Fee + max(1, (old.tx.Fee+9)/10); tx.Fee < least {
		return unwanted("nonce %d is taken by transaction %s with fee %d: to replace it, want a fee of at least %d; to send another, nonce %d",
			tx.Nonce, old.tx.ID(), old.tx.Fee, least, s.nextNonce())
	}
	return nil
}

// feelessLimits bounds what pays nothing: by sender, by peer and in all.
func (p *Pool) feelessLimits(s *sender, tx *chain.Transaction, src chain.Source) error {
	if tx.Fee > 0 {
		return nil
	}
	if s.feeless >= p.cfg.MaxFeelessPerSender {
		return unwanted("%d transactions of this sender without fee wait already: pay a fee, or send more after the next block", s.feeless)
	}
	if o := p.origins[src.Peer]; src.Peer != "" && o != nil && o.feeless >= p.cfg.MaxFeelessPerPeer {
		return unwanted("%d transactions without fee from peer %s wait already: pay a fee, or send it later", o.feeless, src.Peer)
	}
	if p.feeless+costOf(tx) > p.maxFeeless() {
		return unwanted("the pool's share for transactions without fee is full: pay a fee, or send it later")
	}
	return nil
}

// take puts tx in if its sender can pay for all and room can be made, and else
// leaves the pool as it was.
func (p *Pool) take(s *sender, tx *chain.Transaction, src chain.Source, seen, now time.Time) (Added, error) {
	if err := s.affords(tx); err != nil {
		return Added{}, err
	}
	if costOf(tx) > p.cfg.MaxBytes {
		return Added{}, unwanted("%d bytes are more than the whole pool holds", len(tx.Raw()))
	}
	old := s.at(tx.Nonce)
	kept, shared := own(tx)
	e := p.newEntry(s, kept, src, seen)
	e.shared = shared
	if old != nil {
		p.unlink(old)
	}
	p.link(e)
	freed := p.refresh(s)
	out, top, ok := p.trim(e)
	if !ok {
		return Added{}, p.undo(e, old, out)
	}
	p.floor.raise(top, now)
	added := Added{Evicted: transactions(out), Waiting: e.waiting, Freed: p.transactionsLeft(freed)}
	for _, e := range out {
		p.left.note(e.tx.ID(), Outcome{Fate: FateEvicted})
	}
	if old != nil {
		added.Replaced = old.tx
		p.left.note(old.tx.ID(), Outcome{Fate: FateReplaced, By: tx.ID()})
	}
	return added, nil
}

// undo takes back what take has done, and says why there was no room.
func (p *Pool) undo(e, old *entry, out []*entry) error {
	p.unlink(e)
	p.refresh(e.sender)
	err := p.noRoom(e)
	if old != nil {
		p.link(old)
		p.refresh(old.sender)
	}
	for _, o := range out {
		p.link(o)
		p.refresh(o.sender)
	}
	return err
}

// transactionsLeft returns those of the entries that are still in the pool.
func (p *Pool) transactionsLeft(entries []*entry) []*chain.Transaction {
	var txs []*chain.Transaction
	for _, e := range entries {
		if p.holds(e) {
			txs = append(txs, e.tx)
		}
	}
	return txs
}

// noRoom says why e, which is out again, was the next to leave although others
// had left for it.
func (p *Pool) noRoom(e *entry) error {
	if e.waiting {
		return unwanted("there is no room for nonce %d behind a gap: send nonce %d first", e.tx.Nonce, e.sender.nextNonce())
	}
	least := p.worst.items[0].last.rate.plus(1).Fee(len(e.tx.Raw()))
	return unwanted("the pool is full of transactions that pay as much as fee %d for %d bytes: want at least %d", e.tx.Fee, len(e.tx.Raw()), least)
}

func unwanted(format string, args ...any) error {
	return fmt.Errorf("%w: %s", chain.ErrUnwanted, fmt.Sprintf(format, args...))
}

// unaffordable says that of a balance, left remains for tx after others.
func unaffordable(tx *chain.Transaction, left uint64, others int) error {
	want := fmt.Sprintf("amount %d + fee %d", tx.Amount, tx.Fee)
	if others > 0 {
		want += fmt.Sprintf(" beside %d pending", others)
	}
	return chain.Unfit(chain.RuleBalance, want, left)
}
