package mempool

import (
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
)

func newModel(cfg Config, balances ...uint64) *model {
	m := &model{p: New(cfg), accounts: map[chain.Address]chain.Account{}, now: start}
	for i, b := range balances {
		m.accounts[who(i)] = chain.Account{Balance: b}
	}
	return m
}

func (m *model) mustAdd(t testing.TB, tx *chain.Transaction) Added {
	t.Helper()
	return mustAdd(t, m.p, tx, m.accounts[tx.From])
}

func TestBlockTakesItsTransactionsAndTheirRivals(t *testing.T) {
	m := newModel(Config{}, 0, 100, 100)
	mined, rival, next, waits := pays(who(1), 0, 1), pays(who(2), 0, 1), pays(who(2), 1, 1), pays(who(2), 3, 1)
	for _, tx := range []*chain.Transaction{mined, rival, next, waits} {
		m.mustAdd(t, tx)
	}
	stranger, gap := pays(who(2), 0, 5), pays(who(2), 2, 7)
	moved := m.p.Advance([]Step{m.apply(t, []*chain.Transaction{mined, stranger})}, start)
	check(t, m.p)
	if len(moved.Dropped) != 1 || moved.Dropped[0] != rival || moved.Freed != nil || moved.Restored != nil {
		t.Fatalf("after the first block: %+v", moved)
	}
	if out, ok := m.p.Outcome(rival.ID()); !ok || out != (Outcome{FateReplaced, stranger.ID()}) {
		t.Fatalf("the rival's outcome: %+v", out)
	}
	if _, ok := m.p.Outcome(mined.ID()); ok || m.p.Has(mined.ID()) {
		t.Fatal("a mined transaction has an outcome or is still here")
	}
	moved = m.p.Advance([]Step{m.apply(t, []*chain.Transaction{next, gap})}, start)
	check(t, m.p)
	if len(moved.Freed) != 1 || moved.Freed[0] != waits || m.p.Len() != 1 {
		t.Fatalf("after the block that closes the gap: %+v", moved)
	}
}

func TestReorganisationBringsBackWhatFits(t *testing.T) {
	m := newModel(Config{MaxPerSender: 4, MaxFeelessPerSender: 2}, 0, 100, 100)
	var first, second []*chain.Transaction
	for n := range uint64(4) {
		first = append(first, pays(who(1), n, 0)) // more than the pool takes of one sender without fee
	}
	for n := range uint64(4) {
		second = append(second, pays(who(1), 4+n, 0))
	}
	spent := chain.NewTransaction(chain.Transaction{From: who(2), To: who(1), Amount: 90, Fee: 1})
	first = append(first, spent)
	m.p.Advance([]Step{m.apply(t, first)}, start)
	m.p.Advance([]Step{m.apply(t, second)}, start)
	tail := pays(who(1), 8, 150) // paid out of what reverting takes away
	m.mustAdd(t, tail)
	later := pays(who(1), 9, 1)
	m.mustAdd(t, later)

	elsewhere := chain.NewTransaction(chain.Transaction{From: who(2), To: who(3), Amount: 90, Fee: 2})
	moved := m.p.Advance([]Step{m.revert(), m.revert(), m.apply(t, []*chain.Transaction{first[0], elsewhere})}, start)
	check(t, m.p)
	if len(moved.Restored) != 7 || moved.Restored[0].ID() != first[1].ID() || moved.Restored[6].ID() != second[3].ID() {
		t.Fatalf("want the seven not mined again, older nonces first, got %+v", moved.Restored)
	}
	if &moved.Restored[0].Raw()[0] == &first[1].Raw()[0] || m.p.Known(first[1].ID()) != nil {
		t.Fatal("what came back keeps its block alive, or passes for verified")
	}
	if len(moved.Dropped) != 2 || moved.Dropped[0] != spent || moved.Dropped[1] != tail {
		t.Fatalf("want the spent and the unpaid to be dropped, got %+v", moved.Dropped)
	}
	for tx, want := range map[*chain.Transaction]Outcome{spent: {FateReplaced, elsewhere.ID()}, tail: {Fate: FateUnfit}} {
		if out, ok := m.p.Outcome(tx.ID()); !ok || out != want {
			t.Fatalf("outcome: want %+v, got %+v", want, out)
		}
	}
	if e, ok := m.p.Get(later.ID()); !ok || !e.Waiting {
		t.Fatal("what followed the unpaid one should wait for another")
	}
	txs, err := m.p.Select(m.view, 1<<20, 0)
	if err != nil || len(txs) != 7 || txs[0] == moved.Restored[0] {
		t.Fatalf("want a template of the seven, as copies, got %d, %v", len(txs), err)
	}
}

func TestRevertAndApplyOfTheSameBlockChangesNothing(t *testing.T) {
	m := newModel(Config{}, 0, 100)
	var txs []*chain.Transaction
	for n := range uint64(3) {
		txs = append(txs, pays(who(1), n, 1))
		m.mustAdd(t, txs[n])
	}
	m.p.Advance([]Step{m.apply(t, txs[:2])}, start)
	moved := m.p.Advance([]Step{m.revert(), m.apply(t, txs[:2])}, start)
	check(t, m.p)
	if m.p.Len() != 1 || m.p.Known(txs[2].ID()) != txs[2] || moved.Freed != nil || moved.Dropped != nil || moved.Restored != nil {
		t.Fatalf("got %d in the pool, %+v", m.p.Len(), moved)
	}
}
