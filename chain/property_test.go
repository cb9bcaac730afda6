package chain_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
	"pgregory.net/rapid"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/canonical"
)

// oddRunes are those that canonical forms go wrong on: escapes, separators,
// noncharacters, the edges of the surrogates, marks that normal forms move.
var oddRunes = []rune("\x00\x01\b\t\n\f\r\x1f \"\\/'<>&\x7f\u0080\u00a0é\u0301\u200d\u2028\u2029\ud7ff\ue000\ufeff\ufdd0\ufffd\ufffe\uffff\U00010000🔗\U0001f1e9\U0010ffff,:{}[]")

var (
	drawText    = rapid.StringOf(rapid.OneOf(rapid.Rune(), rapid.SampledFrom(oddRunes)))
	drawInteger = rapid.OneOf(rapid.Uint64Range(0, 20), rapid.Uint64Range(0, maxInteger), rapid.Uint64Range(maxInteger-5, maxInteger))
	drawHash    = rapid.Custom(func(t *rapid.T) chain.Hash {
		return chain.Hash(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "hash"))
	})
	drawAddress = rapid.SampledFrom([]chain.Address{alice.address, bob.address, carol.address, dave.address, erin.address})
)

var drawHeader = rapid.Custom(func(t *rapid.T) chain.Header {
	return chain.Header{
		Data:        drawText.Filter(func(s string) bool { return len(s) <= chain.MaxNoteBytes }).Draw(t, "data"),
		Difficulty:  max(1, drawInteger.Draw(t, "difficulty")),
		Height:      max(1, drawInteger.Draw(t, "height")),
		HistoryRoot: drawHash.Draw(t, "history root"),
		Miner:       drawAddress.Draw(t, "miner"),
		Nonce:       drawInteger.Draw(t, "nonce"),
		PrevHash:    drawHash.Draw(t, "previous"),
		Timestamp:   drawInteger.Draw(t, "timestamp"),
		TxCount:     drawInteger.Draw(t, "count"),
		TxRoot:      drawHash.Draw(t, "root"),
		Version:     chain.Version,
	}
})

var drawTransaction = rapid.Custom(func(t *rapid.T) chain.Transaction {
	tx := chain.Transaction{
		Amount:    drawInteger.Draw(t, "amount"),
		Data:      drawText.Draw(t, "data"),
		Fee:       drawInteger.Draw(t, "fee"),
		From:      drawAddress.Draw(t, "from"),
		Nonce:     drawInteger.Draw(t, "nonce"),
		Signature: chain.Signature(rapid.SliceOfN(rapid.Byte(), 64, 64).Draw(t, "signature")),
		To:        rapid.OneOf(drawAddress, rapid.Just(chain.Address(""))).Draw(t, "to"),
	}
	if tx.To == "" {
		tx.Amount = 0
	}
	return tx
})

// elsewhere returns the canonical JSON of fields by way of encoding/json and
// RFC 8785 as go-json-experiment has it: another way than the one tested.
func elsewhere(t *rapid.T, fields map[string]any) []byte {
	raw, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	value := jsontext.Value(raw)
	if err := value.Canonicalize(); err != nil {
		t.Fatal(err)
	}
	return value
}

func headerFields(h chain.Header) map[string]any {
	return map[string]any{
		"data": h.Data, "difficulty": h.Difficulty, "hash": h.Hash.String(), "height": h.Height, "history_root": h.HistoryRoot.String(),
		"miner": string(h.Miner), "nonce": h.Nonce, "prev_hash": h.PrevHash.String(), "timestamp": h.Timestamp,
		"tx_count": h.TxCount, "tx_root": h.TxRoot.String(), "version": h.Version,
	}
}

func TestHeadersSurviveTheirCanonicalForm(t *testing.T) {
	rules := easy(t, nil)
	rapid.Check(t, func(t *rapid.T) {
		h := drawHeader.Draw(t, "header")
		h.Hash = h.ComputeHash()
		raw := h.Canonical()
		if want := elsewhere(t, headerFields(h)); !bytes.Equal(raw, want) {
			t.Fatalf("canonical\n%s\nwant\n%s", raw, want)
		}
		h.Difficulty = 1 // so that any hash will do
		h.Hash = h.ComputeHash()
		got, err := rules.DecodeHeader(h.Canonical())
		if err != nil || got != h {
			t.Fatalf("decoded %v (%v), want %v", got, err, h)
		}
	})
}

func TestTransactionsSurviveTheirCanonicalForm(t *testing.T) {
	rules := easy(t, nil)
	state := rules.GenesisState()
	rapid.Check(t, func(t *rapid.T) {
		tx := chain.NewTransaction(drawTransaction.Draw(t, "transaction"))
		fields := map[string]any{
			"amount": tx.Amount, "data": tx.Data, "fee": tx.Fee, "from": string(tx.From), "nonce": tx.Nonce,
			"signature": tx.Signature.String(), "to": string(tx.To),
		}
		if want := elsewhere(t, fields); !bytes.Equal(tx.Raw(), want) {
			t.Fatalf("canonical\n%s\nwant\n%s", tx.Raw(), want)
		}
		delete(fields, "signature")
		fields["chain"] = rules.Genesis().Hash.String()
		if got, want := tx.SignedBytes(rules.Genesis().Hash), elsewhere(t, fields); !bytes.Equal(got, want) {
			t.Fatalf("signed bytes\n%s\nwant\n%s", got, want)
		}
		// In a block a transaction is decoded without its signature being checked.
		b, err := rules.DecodeBlock(child(state, []*chain.Transaction{tx}, nil).Raw())
		if err != nil {
			t.Fatal(err)
		}
		if got := b.Transactions[0]; got.ID() != tx.ID() || !bytes.Equal(chain.NewTransaction(*got).Raw(), tx.Raw()) {
			t.Fatalf("decoded\n%s\nwant\n%s", got.Raw(), tx.Raw())
		}
	})
}

func TestParametersSurviveTheirCanonicalForm(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		blockBytes := rapid.Uint64Range(4096, 8_388_608).Draw(t, "block bytes")
		p := chain.Params{
			Allocations:       rapid.MapOf(drawAddress, rapid.Uint64Range(0, maxInteger/5)).Draw(t, "allocations"),
			BlockIntervalMS:   rapid.Uint64Range(100, 86_400_000).Draw(t, "interval"),
			ChainID:           rapid.StringMatching(`[a-z0-9-]{1,32}`).Draw(t, "id"),
			Consensus:         "pow",
			HalvingInterval:   drawInteger.Draw(t, "halving"),
			InitialDifficulty: max(1, drawInteger.Draw(t, "difficulty")),
			MaxBlockBytes:     blockBytes,
			MaxDataBytes:      rapid.Uint64Range(0, blockBytes).Draw(t, "data bytes"),
			RetargetWindow:    rapid.OneOf(rapid.Just(uint64(0)), rapid.Uint64Range(10, 1000)).Draw(t, "window"),
			Reward:            rapid.Uint64Range(0, 100_000_000).Draw(t, "reward"),
			Timestamp:         rapid.Uint64Range(0, 253402300799999).Draw(t, "timestamp"),
		}
		raw := p.Canonical()
		ordered := jsontext.Value(raw).Clone()
		if err := ordered.Canonicalize(); err != nil || !bytes.Equal(ordered, raw) {
			t.Fatalf("canonical\n%s\nwant\n%s (%v)", raw, ordered, err)
		}
		got, err := chain.ParseParams(raw)
		if err != nil || !bytes.Equal(got.Canonical(), raw) || !maps.Equal(got.Allocations, p.Allocations) {
			t.Fatalf("parsed\n%s\n(%v), want\n%s", got.Canonical(), err, raw)
		}
		// People may write it in any order and with white space.
		var fields map[string]json.RawMessage
		if err := json.Unmarshal(raw, &fields); err != nil {
			t.Fatal(err)
		}
		pretty := []byte("{")
		for name, value := range fields { // in an order of its own each time
			pretty = append(fmt.Appendf(pretty, "\n\t%q : ", name), append(value, ',')...)
		}
		pretty[len(pretty)-1] = '}'
		if got, err := chain.ParseParams(pretty); err != nil || !bytes.Equal(got.Canonical(), raw) {
			t.Fatalf("parsed from a pretty form\n%s\n(%v), want\n%s", got.Canonical(), err, raw)
		}
	})
}

func TestSplitAndJoinAreInverse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		h := drawHeader.Draw(t, "header")
		h.Data = strings.Repeat(rapid.SampledFrom([]string{"", `,"transactions":[]`, `,"tx_count":1`, `","tx_count":`}).Draw(t, "trap"), 2) + h.Data
		var txs []*chain.Transaction
		for _, tx := range rapid.SliceOfN(drawTransaction, 0, 4).Draw(t, "transactions") {
			tx.Data += rapid.SampledFrom([]string{"", `,"transactions":[]`, `,"tx_count":1`, `","tx_count":`}).Draw(t, "trap")
			txs = append(txs, chain.NewTransaction(tx))
		}
		b := chain.NewBlock(h, txs)
		header, list, err := chain.SplitBlock(b.Raw())
		if err != nil || !bytes.Equal(header, h.Canonical()) {
			t.Fatalf("split header\n%s\n(%v), want\n%s", header, err, h.Canonical())
		}
		if !bytes.Equal(chain.JoinBlock(header, list), b.Raw()) {
			t.Fatalf("joined\n%s\nwant\n%s", chain.JoinBlock(header, list), b.Raw())
		}
	})
}

// drawBook returns accounts near each edge.
var drawBook = rapid.Custom(func(t *rapid.T) book {
	return book(rapid.MapOf(drawAddress, rapid.Custom(func(t *rapid.T) chain.Account {
		return chain.Account{Balance: drawInteger.Draw(t, "balance"), Nonce: rapid.Uint64Range(0, 2).Draw(t, "nonce")}
	})).Draw(t, "accounts")).tidy()
})

// drawPayments returns transactions of which most can be executed in turn.
func drawPayments(t *rapid.T, accounts book) []*chain.Transaction {
	nonces := map[chain.Address]uint64{}
	for a, acc := range accounts {
		nonces[a] = acc.Nonce
	}
	var txs []*chain.Transaction
	for range rapid.IntRange(0, 12).Draw(t, "payments") {
		tx := chain.Transaction{From: drawAddress.Draw(t, "from"), To: drawAddress.Draw(t, "to")}
		have := accounts[tx.From].Balance
		tx.Amount = rapid.OneOf(rapid.Just(uint64(0)), rapid.Uint64Range(0, have), rapid.Uint64Range(0, min(have, 9))).Draw(t, "amount")
		tx.Fee = rapid.Uint64Range(0, min(have-tx.Amount, 3)).Draw(t, "fee")
		tx.Nonce = nonces[tx.From] + rapid.SampledFrom([]uint64{0, 0, 0, 0, 0, 0, 0, 0, 0, 1}).Draw(t, "gap")
		nonces[tx.From]++
		txs = append(txs, chain.NewTransaction(tx))
	}
	return txs
}

func total(b book) (sum uint64) {
	for _, acc := range b {
		sum += acc.Balance // five accounts: no overflow
	}
	return sum
}

// TestExecutionIsUndoneByItsDiff: a diff read backwards is the inverse, units
// are neither made nor lost but for the reward, and the view is left alone.
func TestExecutionIsUndoneByItsDiff(t *testing.T) {
	rules := easy(t, func(p *chain.Params) { p.HalvingInterval = 10 })
	executed := 0
	rapid.Check(t, func(rt *rapid.T) {
		before := drawBook.Draw(rt, "accounts")
		untouched := maps.Clone(before)
		h := chain.Header{Height: rapid.Uint64Range(1, 80).Draw(rt, "height"), Miner: drawAddress.Draw(rt, "miner")}
		b := chain.NewBlock(h, drawPayments(rt, before))
		diff, err := rules.Execute(b, before.get)
		if !maps.Equal(before, untouched) {
			rt.Fatal("execution changed the view")
		}
		if err != nil {
			if ruled := slices.ContainsFunc([]chain.Rule{chain.RuleNonce, chain.RuleBalance, chain.RuleOverflow}, func(r chain.Rule) bool {
				return checkRule(err, r, chain.ErrUnfit) == nil
			}); !ruled {
				rt.Fatalf("not a rule of execution: %v", err)
			}
			return
		}
		executed++
		seen := map[chain.Address]bool{}
		for _, c := range diff {
			if seen[c.Address] {
				rt.Fatalf("account %s stands in the diff twice", c.Address)
			}
			seen[c.Address] = true
		}
		after := before.apply(rt, diff)
		if got := after.undo(rt, diff); !maps.Equal(got, before) {
			rt.Fatalf("undone: %v, want %v", got, before)
		}
		if got, want := total(after), total(before)+rules.Params.RewardAt(h.Height); got != want {
			rt.Fatalf("%d units after, want %d", got, want)
		}
		for a, acc := range after {
			if acc.Balance > canonical.MaxInteger {
				rt.Fatalf("account %s has %d", a, acc.Balance)
			}
		}
	})
	if executed == 0 {
		t.Error("none of the blocks drawn could be executed")
	}
}

// TestFailedTransactionChangesNothing: a draft goes on as if it had not been
// tried, which is how templates are made.
func TestFailedTransactionChangesNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		accounts := drawBook.Draw(t, "accounts")
		all, fit := chain.NewDraft(accounts.get), chain.NewDraft(accounts.get)
		for _, tx := range drawPayments(t, accounts) {
			if all.Apply(tx) == nil {
				if err := fit.Apply(tx); err != nil {
					t.Fatal(err)
				}
			}
		}
		if !slices.Equal(all.Diff(), fit.Diff()) {
			t.Fatalf("with failed ones %v, without %v", all.Diff(), fit.Diff())
		}
	})
}
