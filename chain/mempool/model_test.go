package mempool

import (
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/lp2pnode/lp2pnode/chain"
)

// model is a small chain whose ledger owns a pool.
type model struct {
	p        *Pool
	accounts map[chain.Address]chain.Account
	blocks   []Step // the best chain
	now      time.Time
	serial   uint64
}

func (m *model) view(a chain.Address) (chain.Account, error) { return m.accounts[a], nil }

// apply puts a block on the tip.
func (m *model) apply(t fatal, txs []*chain.Transaction) Step {
	t.Helper()
	d := chain.NewDraft(m.view)
	var fees uint64
	for _, tx := range txs {
		if err := d.Apply(tx); err != nil {
			t.Fatalf("a block with nonce %d of %s: %v", tx.Nonce, tx.From, err)
		}
		fees += tx.Fee
	}
	if err := d.Reward(who(0), 50, fees); err != nil {
		t.Fatalf("reward: %v", err)
	}
	for _, c := range d.Diff() {
		m.accounts[c.Address] = c.New
	}
	step := Step{Block: chain.NewBlock(chain.Header{Hash: chain.Hash{1}}, txs), Diff: d.Diff()}
	m.blocks = append(m.blocks, step)
	return step
}

// revert takes the tip off.
func (m *model) revert() Step {
	step := m.blocks[len(m.blocks)-1]
	m.blocks = m.blocks[:len(m.blocks)-1]
	for _, c := range step.Diff {
		m.accounts[c.Address] = c.Old
	}
	step.Revert = true
	return step
}

func (m *model) draw(t *rapid.T) *chain.Transaction {
	from := who(rapid.IntRange(0, 5).Draw(t, "from"))
	near := m.accounts[from].Nonce
	if rapid.Bool().Draw(t, "next") {
		near = m.p.NextNonce(from, m.accounts[from])
	}
	m.serial++
	tx := chain.Transaction{
		From:  from,
		Nonce: near + max(2, uint64(rapid.SampledFrom([]int{2, 2, 2, 2, 1, 3, 4, 9}).Draw(t, "nonce"))) - 2,
		Fee:   uint64(rapid.SampledFrom([]int{0, 0, 1, 2, 3, 5, 8, 40}).Draw(t, "fee")),
		Data:  strings.Repeat("x", rapid.SampledFrom([]int{0, 0, 10, 300, 2500}).Draw(t, "data")),
	}
	tx.Signature[0], tx.Signature[1] = byte(m.serial), byte(m.serial>>8)
	if rapid.Bool().Draw(t, "moves") {
		tx.To = who(rapid.IntRange(0, 7).Draw(t, "to"))
		tx.Amount = uint64(rapid.IntRange(0, 60).Draw(t, "amount"))
	}
	return chain.NewTransaction(tx)
}

func (m *model) add(t *rapid.T) {
	tx := m.draw(t)
	src := gossip(rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "peer"))
	before := numbersOf(m.p)
	was := ids(m.p)
	old := m.at(tx)
	added, err := m.p.Add(tx, src, m.accounts[tx.From], m.now)
	if err != nil {
		if !errors.Is(err, chain.ErrUnfit) && !errors.Is(err, chain.ErrUnwanted) {
			t.Fatalf("an error of no kind: %v", err)
		}
		if numbersOf(m.p) != before || !maps.Equal(was, ids(m.p)) {
			t.Fatalf("refused (%v), yet the pool changed", err)
		}
		return
	}
	was[tx.ID()] = true
	if added.Replaced != old {
		t.Fatalf("replaced %v, want %v", added.Replaced, old)
	}
	if old != nil {
		delete(was, old.ID())
	}
	for _, e := range added.Evicted {
		delete(was, e.ID())
	}
	if !maps.Equal(was, ids(m.p)) {
		t.Fatalf("what it says of %+v is not what it did", added)
	}
	m.freed(t, added.Freed)
}

func (m *model) at(tx *chain.Transaction) *chain.Transaction {
	for _, e := range m.p.Sender(tx.From) {
		if e.Transaction.Nonce == tx.Nonce {
			return e.Transaction
		}
	}
	return nil
}

func (m *model) freed(t fatal, txs []*chain.Transaction) {
	for _, tx := range txs {
		if e, ok := m.p.Get(tx.ID()); !ok || e.Waiting {
			t.Fatalf("freed, but in the pool %v, waiting %v", ok, e.Waiting)
		}
	}
}

// block draws what the next block holds: a template, or strangers' choice.
func (m *model) block(t *rapid.T) []*chain.Transaction {
	if rapid.Bool().Draw(t, "ours") {
		room := uint64(rapid.IntRange(0, 9000).Draw(t, "room"))
		limit := rapid.IntRange(0, 6).Draw(t, "limit")
		txs, err := m.p.Select(m.view, room, limit)
		if err != nil {
			t.Fatalf("select: %v", err)
		}
		var size uint64
		for _, tx := range txs {
			size += uint64(len(tx.Raw())) + 1
		}
		if size > room+1 || limit > 0 && len(txs) > limit {
			t.Fatalf("%d transactions of %d bytes for a room of %d, limit %d", len(txs), size, room, limit)
		}
		return txs
	}
	d := chain.NewDraft(m.view)
	var txs []*chain.Transaction
	for range rapid.IntRange(0, 4).Draw(t, "strangers") {
		if tx := m.draw(t); d.Apply(tx) == nil {
			txs = append(txs, tx)
		}
	}
	return txs
}

// reorganise takes some blocks off, puts others on, and tells the pool.
func (m *model) reorganise(t *rapid.T) {
	var steps []Step
	was := ids(m.p)
	var back []*chain.Transaction
	for range min(rapid.SampledFrom([]int{0, 0, 0, 1, 2, 5}).Draw(t, "reverts"), len(m.blocks)) {
		steps = append(steps, m.revert())
		back = append(back, steps[len(steps)-1].Block.Transactions...)
	}
	joined := map[chain.Hash]bool{}
	for range rapid.IntRange(0, 2).Draw(t, "blocks") {
		txs := m.block(t)
		if again := rapid.IntRange(0, 3).Draw(t, "mined again"); len(back) > 0 && again > 0 {
			txs = m.executable(append(slices.Clone(back[max(0, len(back)-again):]), txs...))
		}
		steps = append(steps, m.apply(t, txs))
		for _, tx := range txs {
			joined[tx.ID()] = true
		}
	}
	moved := m.p.Advance(steps, m.now)
	m.freed(t, append(slices.Clone(moved.Freed), moved.Restored...))
	for _, tx := range back {
		was[tx.ID()] = true
	}
	gone := map[chain.Hash]bool{}
	for _, tx := range moved.Dropped {
		if _, ok := m.p.Outcome(tx.ID()); !ok || gone[tx.ID()] {
			t.Fatalf("dropped without an outcome, or twice: %s", tx.ID())
		}
		gone[tx.ID()] = true
	}
	for id := range was {
		if in := m.p.Has(id); in == (joined[id] || gone[id]) {
			t.Fatalf("transaction %s: in the pool %v, in a block %v, dropped %v", id, in, joined[id], gone[id])
		}
	}
}

func (m *model) executable(txs []*chain.Transaction) (fit []*chain.Transaction) {
	d := chain.NewDraft(m.view)
	for _, tx := range txs {
		if d.Apply(tx) == nil {
			fit = append(fit, tx)
		}
	}
	return fit
}

func ids(p *Pool) map[chain.Hash]bool {
	set := map[chain.Hash]bool{}
	for _, e := range p.Pending() {
		set[e.Transaction.ID()] = true
	}
	return set
}

func TestPoolKeepsItsInvariantsThroughAnything(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &model{
			p: New(Config{
				MaxBytes:            uint64(rapid.SampledFrom([]int{12_000, 25_000, 200_000}).Draw(t, "cap")),
				MaxPerSender:        8,
				MaxFeelessPerSender: 3,
				MaxFeelessPerPeer:   6,
			}),
			accounts: map[chain.Address]chain.Account{},
			now:      start,
		}
		for i := range 5 {
			m.accounts[who(i)] = chain.Account{Balance: uint64(i * 40)}
		}
		t.Repeat(map[string]func(*rapid.T){
			"":           func(t *rapid.T) { m.check(t) },
			"add":        m.add,
			"add more":   m.add,
			"reorganise": m.reorganise,
			"expire": func(t *rapid.T) {
				m.now = m.now.Add(time.Duration(rapid.IntRange(0, 100).Draw(t, "minutes")) * time.Minute)
				was := ids(m.p)
				for _, tx := range m.p.Expire(m.now) {
					delete(was, tx.ID())
				}
				if !maps.Equal(was, ids(m.p)) {
					t.Fatalf("what left is not what expired")
				}
			},
		})
	})
}

// check proves the pool's invariants, that it knows the tip's accounts, and
// that all that is ready could be mined at once.
func (m *model) check(t *rapid.T) {
	check(t, m.p)
	ready := 0
	for a, s := range m.p.senders {
		if s.account != m.accounts[a] {
			t.Fatalf("sender %s: the pool has %+v, the chain %+v", a, s.account, m.accounts[a])
		}
		ready += s.ready
	}
	txs, err := m.p.Select(m.view, 1<<40, 0)
	if err != nil || len(txs) != ready {
		t.Fatalf("want a template of all %d that are ready, got %d, %v", ready, len(txs), err)
	}
	if fit := m.executable(txs); len(fit) != len(txs) {
		t.Fatalf("only %d of a template's %d can be executed", len(fit), len(txs))
	}
}
