package mempool

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/canonical"
)

func TestAddRefusesByConsequenceAndRule(t *testing.T) {
	a, b := who(1), who(2)
	acc := chain.Account{Balance: 100, Nonce: 5}
	move := func(nonce, amount, fee uint64, to chain.Address) *chain.Transaction {
		return chain.NewTransaction(chain.Transaction{From: a, To: to, Nonce: nonce, Amount: amount, Fee: fee})
	}
	pending := move(5, 50, 10, b)
	for _, row := range []struct {
		name string
		cfg  Config
		tx   *chain.Transaction
		want error
		rule chain.Rule
		text string
	}{
		{"the same again", Config{}, pending, chain.ErrKnown, "", "waits in the pool"},
		{"used nonce", Config{}, move(4, 0, 1, ""), chain.ErrUnfit, chain.RuleNonce, "6, got "},
		{"nonce beyond the window", Config{}, move(69, 0, 1, ""), chain.ErrUnfit, chain.RuleNonce, "want 6 (or up to 68"},
		{"last nonce of all", Config{}, move(canonical.MaxInteger, 0, 1, ""), chain.ErrUnfit, chain.RuleOverflow, ""},
		{"overdraft with what is pending", Config{}, move(6, 30, 11, b), chain.ErrUnfit, chain.RuleBalance, "amount 30 + fee 11 beside 1 pending, got "},
		{"overdraft behind a gap", Config{}, move(8, 41, 0, b), chain.ErrUnfit, chain.RuleBalance, ""},
		{"replacement that later ones cannot afford", Config{}, move(5, 90, 11, b), chain.ErrUnfit, chain.RuleBalance, ""},
		{"sum that wraps round", Config{}, move(6, 1<<64-1, 2, b), chain.ErrUnfit, chain.RuleBalance, ""},
		{"replacement with the same fee", Config{}, move(5, 1, 10, b), chain.ErrUnwanted, "", "want a fee of at least 11; to send another, nonce 6"},
		{"below the floor", Config{MinFee: 2}, move(6, 0, 1, ""), chain.ErrUnwanted, "", "fee 1 is below what this node takes now: want at least 2 for"},
		{"fee-less with a floor", Config{MinFee: 1}, move(6, 0, 0, ""), chain.ErrUnwanted, "", "want at least 1"},
		{"more in line than a sender may have", Config{MaxPerSender: 1}, move(6, 0, 1, ""), chain.ErrUnwanted, "", "1 transactions of this sender wait already"},
		{"larger than the pool", Config{MaxBytes: 3000}, chain.NewTransaction(chain.Transaction{From: b, Nonce: 5, Fee: 100, Data: strings.Repeat("x", 3000)}), chain.ErrUnwanted, "", "more than the whole pool holds"},
		{"no room behind a gap", Config{MaxBytes: 9000}, move(7, 0, 1, ""), chain.ErrUnwanted, "", "send nonce 6 first"},
	} {
		t.Run(row.name, func(t *testing.T) {
			p := New(row.cfg)
			mustAdd(t, p, pending, acc)
			_, err := p.Add(row.tx, api, acc, start)
			if !errors.Is(err, row.want) || !strings.Contains(fmt.Sprint(err), row.text) {
				t.Fatalf("want %v with %q, got %v", row.want, row.text, err)
			}
			var rule *chain.RuleError
			if errors.As(err, &rule) != (row.rule != "") || rule != nil && rule.Rule != row.rule {
				t.Fatalf("want rule %q, got %v", row.rule, err)
			}
			check(t, p)
			if p.Len() != 1 || !p.Has(pending.ID()) {
				t.Fatal("a refused transaction changed the pool")
			}
		})
	}
}

func TestReplacementCostsTenPercentAndOneUnit(t *testing.T) {
	for _, row := range []struct {
		old, fee uint64
		ok       bool
	}{
		{0, 0, false},
		{0, 1, true},
		{1, 1, false},
		{1, 2, true},
		{10, 11, true},
		{11, 12, false},
		{11, 13, true},
		{100, 109, false},
		{100, 110, true},
		{101, 111, false},
		{101, 112, true},
	} {
		p := New(Config{})
		old := pays(who(1), 0, row.old)
		mustAdd(t, p, old, rich(0))
		tail := pays(who(1), 1, 5)
		mustAdd(t, p, tail, rich(0))
		better := chain.NewTransaction(chain.Transaction{From: who(1), Fee: row.fee, Data: "better"})
		added, err := p.Add(better, api, rich(0), start)
		check(t, p)
		if (err == nil) != row.ok {
			t.Fatalf("fee %d over %d: want ok=%v, got %v", row.fee, row.old, row.ok, err)
		}
		if !row.ok {
			continue
		}
		out, left := p.Outcome(old.ID())
		if added.Replaced != old || !left || out != (Outcome{FateReplaced, better.ID()}) || p.Len() != 2 || added.Waiting || added.Freed != nil {
			t.Fatalf("fee %d over %d: %+v, outcome %v", row.fee, row.old, added, out)
		}
	}
}

func TestGapWaitsAndIsFreedWhenItCloses(t *testing.T) {
	p := New(Config{})
	a := who(1)
	var txs []*chain.Transaction
	for n := range uint64(5) {
		txs = append(txs, pays(a, n, 1))
	}
	for _, n := range []int{4, 2, 1} {
		if added := mustAdd(t, p, txs[n], rich(0)); !added.Waiting || added.Freed != nil {
			t.Fatalf("nonce %d: %+v", n, added)
		}
		if _, ok := p.Position(txs[n].ID()); ok {
			t.Fatalf("nonce %d has a position behind a gap", n)
		}
	}
	if got := p.NextNonce(a, rich(0)); got != 0 {
		t.Fatalf("want the next nonce to be the gap, 0, got %d", got)
	}
	added := mustAdd(t, p, txs[0], rich(0))
	if added.Waiting || len(added.Freed) != 2 || added.Freed[0] != txs[1] || added.Freed[1] != txs[2] {
		t.Fatalf("closing the first gap: %+v", added)
	}
	if got := p.NextNonce(a, rich(0)); got != 3 {
		t.Fatalf("want next nonce 3, got %d", got)
	}
	if added := mustAdd(t, p, txs[3], rich(0)); len(added.Freed) != 1 || added.Freed[0] != txs[4] {
		t.Fatalf("closing the second gap: %+v", added)
	}
	if got := p.Sender(a); len(got) != 5 || got[4].Waiting || got[4].Transaction != txs[4] {
		t.Fatalf("sender's list: %v", got)
	}
}

func TestTransferToOneselfCostsOnlyItsFee(t *testing.T) {
	p := New(Config{})
	a := who(1)
	acc := chain.Account{Balance: 10}
	for n := range uint64(10) {
		mustAdd(t, p, chain.NewTransaction(chain.Transaction{From: a, To: a, Nonce: n, Amount: 9 - n, Fee: 1}), acc)
	}
	_, err := p.Add(pays(a, 10, 1), api, acc, start)
	if !errors.Is(err, chain.ErrUnfit) {
		t.Fatalf("want the balance to be used up, got %v", err)
	}
}

func TestFeelessAreLimitedBySenderPeerAndShare(t *testing.T) {
	p := New(Config{MaxFeelessPerSender: 3, MaxFeelessPerPeer: 5, MaxBytes: 40 * costOf(pays(who(0), 0, 0))})
	taken := func(s int, n uint64, src chain.Source) bool {
		_, err := p.Add(pays(who(s), n, 0), src, chain.Account{}, start)
		check(t, p)
		if err != nil && !errors.Is(err, chain.ErrUnwanted) {
			t.Fatal(err)
		}
		return err == nil
	}
	for _, row := range []struct {
		sender int
		nonce  uint64
		src    chain.Source
		want   bool
	}{
		{1, 0, gossip("x"), true},
		{1, 1, gossip("x"), true},
		{1, 2, gossip("x"), true},
		{1, 3, gossip("x"), false}, // the sender's fourth
		{1, 3, api, false},
		{2, 0, gossip("x"), true},
		{2, 1, gossip("x"), true},
		{3, 0, gossip("x"), false}, // the peer's sixth
		{3, 0, gossip("y"), true},
		{3, 1, api, true},
		{4, 0, api, true},
		{5, 0, api, true},
		{6, 0, api, true},
		{7, 0, api, false}, // the eleventh of 40: over a quarter
	} {
		if got := taken(row.sender, row.nonce, row.src); got != row.want {
			t.Fatalf("sender %d nonce %d from %+v: want %v, got %v", row.sender, row.nonce, row.src, row.want, got)
		}
	}
	if _, err := p.Add(pays(who(8), 0, 1), gossip("x"), rich(0), start); err != nil {
		t.Fatalf("one that pays found no room beside the fee-less: %v", err)
	}
}

func TestFullPoolLosesTheCheapestAndRaisesItsFloor(t *testing.T) {
	one := costOf(pays(who(0), 0, 10))
	p := New(Config{MaxBytes: 10*one + one/2})
	var txs []*chain.Transaction
	for i := range 10 {
		txs = append(txs, pays(who(i), 0, uint64(10+i)))
		mustAdd(t, p, txs[i], rich(0))
	}
	if p.floor.at(start) != 0 {
		t.Fatal("a floor before the pool was ever over-full")
	}
	if _, err := p.Add(pays(who(20), 0, 10), api, rich(0), start); !errors.Is(err, chain.ErrUnwanted) || p.floor.at(start) != 0 || !strings.Contains(err.Error(), "want at least 11") {
		t.Fatalf("the newest of the cheapest: want it refused without a floor, got %v, floor %d", err, p.floor.at(start))
	}
	check(t, p)
	added := mustAdd(t, p, pays(who(21), 0, 50), rich(0))
	if len(added.Evicted) != 1 || added.Evicted[0] != txs[0] {
		t.Fatalf("want the cheapest to leave, got %+v", added)
	}
	if out, ok := p.Outcome(txs[0].ID()); !ok || out.Fate != FateEvicted {
		t.Fatalf("outcome of the evicted: %v", out)
	}
	size := len(txs[0].Raw())
	least := p.Price(size, start)
	if least != 11 {
		t.Fatalf("want a price of 10 and a step, 11, got %d", least)
	}
	_, err := p.Add(pays(who(22), 0, least-1), api, rich(0), start)
	if !errors.Is(err, chain.ErrUnwanted) || !strings.Contains(err.Error(), "want at least 11") {
		t.Fatalf("below the floor: %v", err)
	}
	first := p.floor.at(start)
	for i, want := range []Rate{first, first / 2, first / 4, first / 8} {
		for _, early := range []time.Duration{0, 9 * time.Minute} {
			if got := p.floor.at(start.Add(time.Duration(i)*10*time.Minute + early)); got != want {
				t.Fatalf("floor after %d half-lives: want %d, got %d", i, want, got)
			}
		}
	}
	if got := p.floor.at(start.Add(24 * time.Hour)); got != 0 {
		t.Fatalf("want no floor after a day, got %d", got)
	}
	if got := p.floor.at(start.Add(-time.Hour)); got != first {
		t.Fatalf("a clock set back: want floor %d, got %d", first, got)
	}
}

func TestTailsLeaveBeforeHeads(t *testing.T) {
	one := costOf(pays(who(0), 0, 10))
	p := New(Config{MaxBytes: 6*one + one/2})
	var chained []*chain.Transaction // a cheap head, rich tails: taken together 20 each
	for n, fee := range []uint64{2, 29, 29} {
		chained = append(chained, pays(who(1), uint64(n), fee))
		mustAdd(t, p, chained[n], rich(0))
	}
	for i := range 3 {
		mustAdd(t, p, pays(who(2+i), 0, 25), rich(0))
	}
	for i, want := range []*chain.Transaction{chained[2], chained[1], chained[0]} {
		added := mustAdd(t, p, pays(who(10+i), 0, 100), rich(0))
		if len(added.Evicted) != 1 || added.Evicted[0] != want {
			t.Fatalf("eviction %d: want nonce %d, got %+v", i, want.Nonce, added)
		}
	}
}

func TestWhatWaitsLeavesFirstAndRaisesNoFloor(t *testing.T) {
	one := costOf(pays(who(0), 0, 10))
	p := New(Config{MaxBytes: 16*one + one/2})
	for i := range 2 {
		mustAdd(t, p, pays(who(i), 7, 1000+uint64(i)), rich(0))
	}
	if _, err := p.Add(pays(who(2), 7, 1000), api, rich(0), start); !errors.Is(err, chain.ErrUnwanted) {
		t.Fatalf("a third behind a gap, over an eighth of the pool: %v", err)
	}
	added := mustAdd(t, p, pays(who(3), 7, 2000), rich(0))
	if len(added.Evicted) != 1 || added.Evicted[0].From != who(0) {
		t.Fatalf("a richer one behind a gap: %+v", added)
	}
	for i := range 14 {
		mustAdd(t, p, pays(who(10+i), 0, 1), rich(0))
	}
	for i := range 2 {
		added := mustAdd(t, p, pays(who(30+i), 0, 0), rich(0))
		if len(added.Evicted) != 1 || added.Evicted[0].Nonce != 7 {
			t.Fatalf("want one that waits to leave, got %+v", added)
		}
	}
	if got := p.floor.at(start); got != 0 {
		t.Fatalf("want no floor, got %d", got)
	}
}

func TestRefusedGiantLeavesThePoolAsItWas(t *testing.T) {
	one := costOf(pays(who(0), 0, 10))
	p := New(Config{MaxBytes: 20 * one})
	for i := range 20 {
		mustAdd(t, p, pays(who(i), 0, uint64(1+i)), rich(0))
	}
	giant := chain.NewTransaction(chain.Transaction{From: who(5), Nonce: 1, Fee: 190, Data: strings.Repeat("x", 5000)})
	if rateOf(190, uint64(len(giant.Raw()))) < rateOf(8, uint64(len(pays(who(0), 0, 8).Raw()))) {
		t.Fatal("the giant would not be refused late")
	}
	if _, err := p.Add(giant, gossip("x"), rich(0), start); !errors.Is(err, chain.ErrUnwanted) {
		t.Fatalf("want it refused, got %v", err)
	}
	check(t, p)
	if p.Len() != 20 || p.floor.at(start) != 0 || len(p.left.fates) != 0 {
		t.Fatalf("the refused one left traces: %d transactions, floor %d, outcomes %v", p.Len(), p.floor.at(start), p.left.fates)
	}
}

func TestExpiryIsRememberedAndLeavesTheRestWaiting(t *testing.T) {
	p := New(Config{})
	first, second := pays(who(1), 0, 1), pays(who(1), 1, 1)
	mustAdd(t, p, first, rich(0))
	if _, err := p.Add(second, api, rich(0), start.Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if got := p.Expire(start.Add(3*time.Hour - 1)); got != nil {
		t.Fatalf("expired early: %v", got)
	}
	if got := p.Expire(start.Add(3 * time.Hour)); len(got) != 1 || got[0] != first {
		t.Fatalf("want the first to expire, got %v", got)
	}
	check(t, p)
	if out, ok := p.Outcome(first.ID()); !ok || out.Fate != FateExpired {
		t.Fatalf("outcome: %v", out)
	}
	if e, ok := p.Get(second.ID()); !ok || !e.Waiting {
		t.Fatal("the second does not wait for the first's nonce")
	}
	added := mustAdd(t, p, pays(who(1), 0, 2), rich(0))
	if len(added.Freed) != 1 || added.Freed[0] != second {
		t.Fatalf("the second was not freed: %+v", added)
	}
}

func TestKeptBytesStandAlone(t *testing.T) {
	rules := testRules(t)
	signed := rules.Sign(chain.Transaction{Fee: 1}, make([]byte, 32))
	decode := func(raw []byte) *chain.Transaction {
		tx, err := rules.DecodeTransaction(raw)
		if err != nil {
			t.Fatal(err)
		}
		return tx
	}
	p := New(Config{})
	alone := decode(signed.Raw())
	mustAdd(t, p, alone, rich(0))
	if p.Known(alone.ID()) != alone {
		t.Fatal("a verified transaction is not known by its pointer")
	}
	p = New(Config{})
	buffer := append(append(make([]byte, 0, 1<<20), signed.Raw()...), "more"...)
	mustAdd(t, p, decode(buffer[:len(signed.Raw())]), rich(0))
	e, _ := p.Get(signed.ID())
	if raw := e.Transaction.Raw(); cap(raw) > maxCap(e.Transaction) || &raw[0] == &buffer[0] {
		t.Fatal("the pool keeps a megabyte alive for one transaction")
	}
	if p.Known(signed.ID()) != nil {
		t.Fatal("a copy passes for verified")
	}
}

func TestRestoreTakesBackWhatWaited(t *testing.T) {
	p := New(Config{})
	for s := range 20 {
		for n := range uint64(5) {
			tx := pays(who(s), n*uint64(1+s%2), uint64(s))
			if _, err := p.Add(tx, gossip("x"), rich(0), start.Add(time.Duration(s)*time.Minute)); err != nil {
				t.Fatal(err)
			}
		}
	}
	again := New(Config{MaxPerSender: 2, MaxFeelessPerSender: 1, MinFee: 100})
	for _, e := range p.Pending() {
		if _, err := again.Restore(e.Transaction, e.Source, rich(0), e.Seen, start.Add(time.Hour)); err != nil {
			t.Fatal(err)
		}
	}
	check(t, again)
	if again.Len() != 100 || again.Bytes() != p.Bytes() || again.waiting != p.waiting {
		t.Fatalf("want %+v, got %+v", numbersOf(p), numbersOf(again))
	}
	for _, e := range p.Pending() {
		if got, ok := again.Get(e.Transaction.ID()); !ok || got != e {
			t.Fatalf("want %+v, got %+v", e, got)
		}
	}
}

func TestOutcomesAreBounded(t *testing.T) {
	var o outcomes
	id := func(i int) (h chain.Hash) {
		h[0], h[1], h[2] = byte(i), byte(i>>8), byte(i>>16)
		return h
	}
	for i := range 3 * maxOutcomes {
		o.note(id(i), Outcome{Fate: FateExpired})
		o.note(id(i), Outcome{Fate: FateEvicted})
	}
	if len(o.ring) != maxOutcomes || len(o.fates) != maxOutcomes {
		t.Fatalf("%d in the ring, %d fates", len(o.ring), len(o.fates))
	}
	if o.fates[id(3*maxOutcomes-1)].Fate != FateEvicted || o.fates[id(0)].Fate != "" {
		t.Fatal("not the last ones are remembered")
	}
}

func TestRatesRoundForTheMinerAndNeverWrap(t *testing.T) {
	for _, row := range []struct {
		fee  uint64
		size int
	}{{0, 300}, {1, 253}, {1, 1_000_000}, {7, 8_388_608}, {canonical.MaxInteger, 253}, {canonical.MaxInteger, 8_388_608}} {
		rate := rateOf(row.fee, uint64(row.size))
		if got := rate.Fee(row.size); got > row.fee && rate != 1<<64-1 {
			t.Fatalf("fee %d for %d bytes is rate %d, which costs %d", row.fee, row.size, rate, got)
		}
		if got := rate.plus(floorStep); got <= rate && rate != 1<<64-1 {
			t.Fatalf("rate %d and a step is %d", rate, got)
		}
	}
	p := New(Config{MinFee: 3})
	for size, want := range map[int]uint64{253: 3, 1000: 3, 1001: 6, 10_000: 30} {
		if got := p.Price(size, start); got != want {
			t.Fatalf("price of %d bytes: want %d, got %d", size, want, got)
		}
	}
	if New(Config{MinFee: 1<<64 - 1}).Price(5000, start) != 1<<64-1 {
		t.Fatal("a huge floor wrapped round")
	}
}
