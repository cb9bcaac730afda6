package chain_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/merkle"
)

// look is all that can be seen of a state.
func look(s chain.State) string {
	next := s.Child(alice.address, "", s.Tip.Timestamp+1)
	return string(s.Tip.Canonical()) + s.Work.String() + string(next.Canonical())
}

// TestStateIsAValue grows a tree of headers from states picked at random:
// none of them changes by being extended, however often.
func TestStateIsAValue(t *testing.T) {
	rules := easy(t, func(p *chain.Params) { p.RetargetWindow = 10; p.InitialDifficulty = 1000 })
	rapid.Check(t, func(t *rapid.T) {
		states := []chain.State{rules.GenesisState()}
		seen := []string{look(states[0])}
		for range rapid.IntRange(1, 40).Draw(t, "headers") {
			from := states[rapid.IntRange(max(0, len(states)-4), len(states)-1).Draw(t, "parent")]
			h := from.Child(bob.address, "", from.Tip.Timestamp+rapid.Uint64Range(1, 100_000).Draw(t, "wait"))
			h.Nonce = rapid.Uint64Range(0, maxInteger).Draw(t, "nonce")
			h.Hash = h.ComputeHash()
			if err := from.Check(&h); err != nil {
				t.Fatal(err)
			}
			twice, after := from.Extend(&h), from.Extend(&h)
			if look(twice) != look(after) {
				t.Fatal("the same header gives two states")
			}
			states, seen = append(states, after), append(seen, look(after))
		}
		for i, s := range states {
			if look(s) != seen[i] {
				t.Fatalf("state %d changed from\n%s\nto\n%s", i, seen[i], look(s))
			}
		}
	})
}

// TestStateIsRestoredFromItsParts: what a store keeps is all that a state is.
func TestStateIsRestoredFromItsParts(t *testing.T) {
	rules := easy(t, func(p *chain.Params) { p.RetargetWindow = 10 })
	state := rules.GenesisState()
	var hashes [][]byte
	for height := range uint64(30) {
		if got := state.History().Size(); got != height+1 {
			t.Fatalf("history of %d blocks at height %d", got, height)
		}
		if got, want := uint64(len(state.Recent())), min(height+1, rules.RecentHeaders()); got != want {
			t.Fatalf("%d recent headers at height %d, want %d", got, height, want)
		}
		hashes = append(hashes, bytes.Clone(state.Tip.Hash[:]))
		restored, err := rules.RestoreState(state.Tip, state.Work, frontier(t, hashes), slices.Clone(state.Recent()))
		if err != nil {
			t.Fatal(err)
		}
		if look(restored) != look(state) {
			t.Fatalf("restored\n%s\nwant\n%s", look(restored), look(state))
		}
		if _, err := rules.RestoreState(state.Tip, state.Work, frontier(t, hashes[1:]), state.Recent()); err == nil {
			t.Fatal("restored with a history too short")
		}
		if _, err := rules.RestoreState(state.Tip, state.Work, frontier(t, hashes), state.Recent()[1:]); err == nil {
			t.Fatal("restored with a header too few")
		}
		h := child(state, nil, nil).Header
		state = state.Extend(&h)
	}
}

// frontier rebuilds a frontier from the roots of the subtrees that it names.
func frontier(t *testing.T, entries [][]byte) merkle.Frontier {
	t.Helper()
	var roots []merkle.Hash
	size := uint64(len(entries))
	for _, n := range merkle.FrontierNodes(size) {
		roots = append(roots, merkle.Root(entries[n.Index<<n.Level:(n.Index+1)<<n.Level]))
	}
	f, err := merkle.NewFrontier(size, roots)
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// TestChildIsWhatTheRulesWant: an honest miner's block passes.
func TestChildIsWhatTheRulesWant(t *testing.T) {
	rules := easy(t, func(p *chain.Params) { p.RetargetWindow = 10; p.InitialDifficulty = 16 })
	state := rules.GenesisState()
	accounts := book{}.apply(t, rules.GenesisAccounts())
	for n := range uint64(25) {
		tx := rules.Sign(chain.Transaction{To: bob.address, Amount: 1, Fee: 1, Nonce: n}, alice.seed)
		b := child(state, []*chain.Transaction{tx}, nil)
		if err := judge(rules, state, accounts, b.Raw()); err != nil {
			t.Fatalf("height %d: %v", b.Height, err)
		}
		diff, err := rules.Execute(b, accounts.get)
		if err != nil {
			t.Fatal(err)
		}
		accounts, state = accounts.apply(t, diff), state.Extend(&b.Header)
	}
	want := book{
		alice.address: {Balance: 1000 - 50, Nonce: 25},
		bob.address:   {Balance: 10 + 25},
		carol.address: {Balance: 25 * 51},
	}
	if !maps.Equal(accounts, want) {
		t.Errorf("accounts are %v, want %v", accounts, want)
	}
}

// smallOrder are the encodings of the curve's points of small order, the
// non-canonical ones too: where verifiers differ (protocol §5).
var smallOrder = []string{
	"0100000000000000000000000000000000000000000000000000000000000000",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
	"0000000000000000000000000000000000000000000000000000000000000080",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
	"0000000000000000000000000000000000000000000000000000000000000000",
	"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
	"0100000000000000000000000000000000000000000000000000000000000080",
	"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
}

// TestSmallOrderSignaturesHold: all 196 pairs of key and R of small order hold
// with S = 0 under ZIP-215, whatever was signed.
func TestSmallOrderSignaturesHold(t *testing.T) {
	cold := easy(t, nil)
	for _, rules := range []*chain.Rules{cold, warm(t, cold)} {
		var batch []*chain.Transaction
		for _, key := range smallOrder {
			for _, r := range smallOrder {
				tx := chain.Transaction{From: chain.AddressOf(unhex(t, key)), Data: "any"}
				copy(tx.Signature[:], unhex(t, r))
				if _, err := rules.DecodeTransaction(chain.NewTransaction(tx).Raw()); err != nil {
					t.Errorf("key %s, R %s: %v", key, r, err)
				}
				batch = append(batch, chain.NewTransaction(tx))
			}
		}
		if err := rules.VerifyTransactions(batch); err != nil {
			t.Error(err)
		}
	}
}

// TestBatchAndSingleSignaturesAgree also says that what the standard library
// holds for good is good here.
func TestBatchAndSingleSignaturesAgree(t *testing.T) {
	rules := easy(t, nil)
	remembering := warm(t, rules)
	keys := []key{alice, bob, carol}
	drawPoint := rapid.SampledFrom(smallOrder)
	rapid.Check(t, func(t *rapid.T) {
		var fresh []*chain.Transaction
		firstBad := -1
		for i := range rapid.IntRange(1, 8).Draw(t, "transactions") {
			k := rapid.SampledFrom(keys).Draw(t, "key")
			tx := *rules.Sign(chain.Transaction{Nonce: uint64(i)}, k.seed)
			switch rapid.SampledFrom([]string{"good", "good", "good", "spoilt", "small", "key"}).Draw(t, "kind") {
			case "spoilt":
				tx.Signature[rapid.IntRange(0, 63).Draw(t, "byte")] ^= 1 << rapid.IntRange(0, 7).Draw(t, "bit")
			case "small":
				tx.Signature = chain.Signature{}
				_, _ = hex.Decode(tx.Signature[:32], []byte(drawPoint.Draw(t, "R")))
			case "key":
				public, _ := hex.DecodeString(drawPoint.Draw(t, "A"))
				tx.From = chain.AddressOf(public)
			}
			one := chain.NewTransaction(tx)
			err := rules.VerifyTransactions([]*chain.Transaction{one})
			if err != nil && checkRule(err, chain.RuleSignature, chain.ErrInvalid) != nil {
				t.Fatal(err)
			}
			if other := remembering.VerifyTransactions([]*chain.Transaction{chain.NewTransaction(tx)}); (other == nil) != (err == nil) {
				t.Fatalf("without keys: %v; with them: %v", err, other)
			}
			public, _ := one.From.Key()
			if err != nil && ed25519.Verify(public, one.SignedBytes(rules.Genesis().Hash), one.Signature[:]) {
				t.Fatalf("refused, but crypto/ed25519 holds it for good: %s", one.Raw())
			}
			if err != nil && firstBad < 0 {
				firstBad = i
			}
			fresh = append(fresh, chain.NewTransaction(tx))
		}
		other := make([]*chain.Transaction, len(fresh))
		for i, tx := range fresh {
			other[i] = chain.NewTransaction(*tx)
		}
		err := rules.VerifyTransactions(fresh)
		if with := remembering.VerifyTransactions(other); fmt.Sprint(with) != fmt.Sprint(err) {
			t.Fatalf("batch without keys: %v; with them: %v", err, with)
		}
		if (err == nil) != (firstBad < 0) {
			t.Fatalf("batch: %v; first bad one by one: %d", err, firstBad)
		}
		if err != nil && !bytes.Contains([]byte(err.Error()), []byte(fresh[firstBad].ID().String())) {
			t.Fatalf("the batch names another than number %d: %v", firstBad, err)
		}
	})
}
