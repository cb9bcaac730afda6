package mempool

import (
	"crypto/sha256"
	"fmt"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

var (
	start = time.UnixMilli(1_800_000_000_000)
	api   = chain.Source{Via: chain.ViaAPI}
)

func gossip(peer string) chain.Source { return chain.Source{Via: chain.ViaGossip, Peer: peer} }

// who returns the address of somebody by number.
func who(n int) chain.Address {
	key := sha256.Sum256(fmt.Append(nil, "sender ", n))
	return chain.AddressOf(key[:])
}

// pays returns a transaction of amount 0, unsigned: signatures are not the
// pool's business.
func pays(from chain.Address, nonce, fee uint64) *chain.Transaction {
	return chain.NewTransaction(chain.Transaction{From: from, Nonce: nonce, Fee: fee})
}

func rich(nonce uint64) chain.Account { return chain.Account{Balance: 1 << 50, Nonce: nonce} }

func mustAdd(t testing.TB, p *Pool, tx *chain.Transaction, acc chain.Account) Added {
	t.Helper()
	added, err := p.Add(tx, api, acc, start)
	if err != nil {
		t.Fatalf("add nonce %d fee %d: %v", tx.Nonce, tx.Fee, err)
	}
	check(t, p)
	return added
}

// fatal is what check needs of testing.TB and rapid.T.
type fatal interface {
	Helper()
	Fatalf(format string, args ...any)
}

// check proves anew all that has to hold of a pool between two calls.
func check(t fatal, p *Pool) {
	t.Helper()
	var bytes, memory, waiting, feeless uint64
	count, ready := 0, 0
	origins := map[string]origin{}
	for a, s := range p.senders {
		if s.address != a || len(s.list) == 0 {
			t.Fatalf("sender %s: kept as %s with %d entries", s.address, a, len(s.list))
		}
		checkSender(t, s)
		if got := p.worst.items[s.worstAt]; got != s {
			t.Fatalf("sender %s: place %d among the worst is another's", a, s.worstAt)
		}
		if (s.bestAt >= 0) != (s.ready > 0) || s.bestAt >= 0 && p.best.items[s.bestAt] != s {
			t.Fatalf("sender %s: %d ready, place %d among the best", a, s.ready, s.bestAt)
		}
		if s.ready > 0 {
			ready++
		}
		for _, e := range s.list {
			if !p.holds(e) || p.ages.items[e.ageAt] != e || p.origins[e.origin.peer] != e.origin {
				t.Fatalf("entry %s: index, age or origin does not lead back to it", e.tx.ID())
			}
			count++
			bytes += uint64(len(e.tx.Raw()))
			memory += e.cost
			o := origins[e.origin.peer]
			o.entries++
			if e.waiting {
				waiting += e.cost
			}
			if e.tx.Fee == 0 {
				feeless += e.cost
				o.feeless++
			}
			origins[e.origin.peer] = o
		}
	}
	if want, got := (numbers{count, bytes, memory, waiting, feeless}), numbersOf(p); got != want {
		t.Fatalf("want %+v, got %+v", want, got)
	}
	if memory > p.cfg.MaxBytes || waiting > p.maxWaiting() {
		t.Fatalf("over a cap: %+v", numbersOf(p))
	}
	if len(p.ages.items) != count || len(p.worst.items) != len(p.senders) || len(p.best.items) != ready || len(p.origins) != len(origins) {
		t.Fatalf("stale places: %d ages for %d, %d worst for %d, %d best for %d, %d origins for %d", len(p.ages.items), count, len(p.worst.items), len(p.senders), len(p.best.items), ready, len(p.origins), len(origins))
	}
	for peer, o := range origins {
		if got := p.origins[peer]; got.entries != o.entries || got.feeless != o.feeless {
			t.Fatalf("origin %q: want %+v, got %+v", peer, o, *got)
		}
	}
	checkOrder(t, p)
	if len(p.left.fates) != len(p.left.ring) || len(p.left.ring) > maxOutcomes {
		t.Fatalf("%d outcomes in a ring of %d", len(p.left.fates), len(p.left.ring))
	}
}

// numbers is what a pool counts.
type numbers struct {
	transactions                    int
	bytes, memory, waiting, feeless uint64
}

func numbersOf(p *Pool) numbers {
	return numbers{p.Len(), p.Bytes(), p.memory, p.waiting, p.feeless}
}

func checkSender(t fatal, s *sender) {
	t.Helper()
	left := purse(s.account.Balance)
	free := 0
	for i, e := range s.list {
		if e.sender != s || e.tx.From != s.address || e.tx.Nonce < s.account.Nonce || i > 0 && e.tx.Nonce <= s.list[i-1].tx.Nonce {
			t.Fatalf("sender %s: entry %d out of order", s.address, i)
		}
		if inLine := e.tx.Nonce == s.account.Nonce+uint64(i); inLine != (i < s.ready) || e.waiting == inLine {
			t.Fatalf("sender %s: nonce %d at %d after account %d: ready %d, waiting %v", s.address, e.tx.Nonce, i, s.account.Nonce, s.ready, e.waiting)
		}
		if !left.pay(e.tx) {
			t.Fatalf("sender %s: balance %d does not pay for entry %d", s.address, s.account.Balance, i)
		}
		if e.tx.Fee == 0 {
			free++
		}
	}
	if free != s.feeless {
		t.Fatalf("sender %s: want %d feeless, got %d", s.address, free, s.feeless)
	}
	at := 0
	for i, c := range s.chunks {
		if c.from != at || c.to <= c.from || i > 0 && s.chunks[i-1].rate < c.rate {
			t.Fatalf("sender %s: chunk %d of %v", s.address, i, s.chunks)
		}
		at = c.to
	}
	if at != s.ready {
		t.Fatalf("sender %s: chunks end at %d, ready %d", s.address, at, s.ready)
	}
}

// checkOrder proves that Pending is the one order, that Position agrees with
// it, and that the last of it would leave first.
func checkOrder(t fatal, p *Pool) {
	t.Helper()
	n := 0
	nonces := map[chain.Address]uint64{}
	waits := false
	for i, e := range p.Pending() {
		tx := e.Transaction
		if i != n {
			t.Fatalf("position %d after %d", i, n-1)
		}
		n++
		if last, ok := nonces[tx.From]; ok && tx.Nonce <= last {
			t.Fatalf("position %d: nonce %d after %d", i, tx.Nonce, last)
		}
		nonces[tx.From] = tx.Nonce
		if waits && !e.Waiting {
			t.Fatalf("position %d is ready, after one that waits", i)
		}
		waits = waits || e.Waiting
		if got, ok := p.Position(tx.ID()); ok == e.Waiting || ok && got != i {
			t.Fatalf("position %d (waiting %v): Position says %d, %v", i, e.Waiting, got, ok)
		}
		if i == p.Len()-1 && p.worst.items[0].address != tx.From {
			t.Fatalf("the last of the order is not the first to leave")
		}
	}
	if n != p.Len() {
		t.Fatalf("the order has %d of %d", n, p.Len())
	}
}
