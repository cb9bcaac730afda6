package ledger_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

// firstBroken returns the rule that an explanation finds broken first.
func firstBroken(f []chain.Finding) chain.Rule {
	for _, finding := range f {
		if !finding.OK {
			return finding.Rule
		}
	}
	return ""
}

func (w *world) explain(raw []byte) []chain.Finding {
	w.t.Helper()
	f, err := w.ledger.Explain(raw)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, finding := range f {
		if finding.Rule == "" || finding.Want == "" || finding.Got == "" {
			w.t.Errorf("nothing is said of %+v", finding)
		}
	}
	return f
}

// TestExplanationFindsWhatTheRulesFind: the rule that is broken first is the one
// for which the ledger refuses the block, whatever the block and its branch.
func TestExplanationFindsWhatTheRulesFind(t *testing.T) {
	w := newWorld(t)
	pay := w.pay("alice", "bob", 0, 10)
	w.draw("g─a─b─c\n└─x─y", map[string][]*chain.Transaction{"b": {pay, w.pay("alice", "carol", 1, 5)}, "y": {pay}})
	if err := w.hear("a", "b", "c", "x"); err != nil {
		t.Fatal(err)
	}
	change := func(name string, edit func(*chain.Header)) []byte {
		h := w.blocks[name].Header
		edit(&h)
		return chain.NewBlock(h, w.blocks[name].Transactions).Raw()
	}
	sealed := func(name string, edit func(*chain.Header)) []byte {
		return change(name, func(h *chain.Header) {
			edit(h)
			h.Hash = h.ComputeHash()
		})
	}
	forged := w.pay("alice", "bob", 0, 10)
	forged.Signature[5] ^= 1
	w.grow("forged", "c", chain.NewTransaction(*forged))
	w.grow("again", "c", pay)
	w.grow("poor", "c", w.pay("alice", "bob", 2, 1_000_000))
	w.grow("beyond", "y")
	for name, raw := range map[string][]byte{
		"good, on the best chain": w.blocks["b"].Raw(),
		"good, new":               w.grow("next", "c").Raw(),
		"good, on a side branch":  w.blocks["y"].Raw(),
		"genesis":                 w.blocks["g"].Raw(),
		"white space":             append([]byte(" "), w.blocks["c"].Raw()...),
		"too large":               bytes.Repeat([]byte(`,"transactions":[`), 10_000),
		"version":                 sealed("next", func(h *chain.Header) { h.Version = 2 }),
		"note":                    sealed("next", func(h *chain.Header) { h.Data = string(bytes.Repeat([]byte("x"), 257)) }),
		"no difficulty":           sealed("next", func(h *chain.Header) { h.Difficulty = 0 }),
		"hash":                    change("next", func(h *chain.Header) { h.Nonce++ }),
		"height 0":                sealed("next", func(h *chain.Header) { h.Height = 0 }),
		"no miner":                sealed("next", func(h *chain.Header) { h.Miner = "" }),
		"no work":                 sealed("next", func(h *chain.Header) { h.Difficulty = 1 << 52 }),
		"count":                   sealed("next", func(h *chain.Header) { h.TxCount = 1 }),
		"root":                    sealed("next", func(h *chain.Header) { h.TxRoot = chain.Hash{1} }),
		"parent":                  w.blocks["beyond"].Raw(),
		"height":                  sealed("next", func(h *chain.Header) { h.Height++ }),
		"early":                   sealed("next", func(h *chain.Header) { h.Timestamp = 1 }),
		"history":                 sealed("next", func(h *chain.Header) { h.HistoryRoot = chain.Hash{1} }),
		"difficulty":              sealed("next", func(h *chain.Header) { h.Difficulty = 2; w.mine(h) }),
		"signature":               w.blocks["forged"].Raw(),
		"nonce":                   w.blocks["again"].Raw(),
		"balance":                 w.blocks["poor"].Raw(),
	} {
		t.Run(name, func(t *testing.T) {
			got := firstBroken(w.explain(raw))
			if want := w.refusal(raw); got != want {
				t.Errorf("explained by rule %q, refused by %q\n%+v", got, want, w.explain(raw))
			}
		})
	}
	s := w.states["c"]
	w.seal("soon", s, s.Child(addressOf(w.rules, "miner"), "", uint64(w.now.Add(time.Hour).UnixMilli())), nil)
	if f := w.explain(w.blocks["soon"].Raw()); firstBroken(f) != chain.RuleTimestamp || f[len(f)-1].OK {
		t.Errorf("a block of the future: %+v", f)
	}
}

// refusal returns the rule for which a block is refused; "" if it is not.
func (w *world) refusal(raw []byte) chain.Rule {
	b, err := w.rules.DecodeBlock(bytes.Clone(raw))
	if err == nil {
		_, err = w.ledger.AddBlocks(fromPeer, b) // a side branch of theirs is executed
	}
	rule := new(chain.RuleError)
	switch {
	case errors.As(err, &rule):
		return rule.Rule
	case errors.Is(err, chain.ErrUnknownParent):
		return chain.RulePrevHash
	}
	return ""
}

// mine finds the proof for a header of trifling difficulty.
func (w *world) mine(h *chain.Header) {
	for h.Hash = h.ComputeHash(); w.rules.Engine.Sealed(h) != nil; h.Hash = h.ComputeHash() {
		h.Nonce++
	}
}

func TestTransactionIsExplainedWhereItStands(t *testing.T) {
	w := newWorld(t)
	first, second := w.pay("alice", "bob", 0, 990), w.pay("alice", "carol", 1, 5)
	w.draw("g─a", map[string][]*chain.Transaction{"a": {first, second}})
	if err := w.hear("a"); err != nil {
		t.Fatal(err)
	}
	forged := w.pay("alice", "bob", 2, 1)
	forged.Signature[5] ^= 1
	for _, row := range []struct {
		name string
		raw  []byte
		rule chain.Rule
	}{
		{"in the chain", second.Raw(), ""},
		{"new", w.pay("alice", "bob", 2, 5).Raw(), ""},
		{"too late", w.pay("alice", "bob", 1, 7).Raw(), chain.RuleNonce},
		{"too early", w.pay("alice", "bob", 9, 1).Raw(), chain.RuleNonce},
		{"too much", w.pay("alice", "bob", 2, 6).Raw(), chain.RuleBalance},
		{"forged", chain.NewTransaction(*forged).Raw(), chain.RuleSignature},
		{"no transaction", []byte("{}"), chain.RuleForm},
		{"too long", bytes.Repeat([]byte("x"), 200_000), chain.RuleSize},
		{"long data", w.rules.Sign(chain.Transaction{Nonce: 2, Data: fmt.Sprintf("%01001d", 0)}, key("alice")).Raw(), chain.RuleData},
	} {
		if got := firstBroken(w.explain(row.raw)); got != row.rule {
			t.Errorf("%s: want rule %q broken, got %q: %+v", row.name, row.rule, got, w.explain(row.raw))
		}
	}
}

// FuzzExplain: an explanation never contradicts the decoder.
func FuzzExplain(f *testing.F) {
	w := newWorld(f)
	w.draw("g─a─b", map[string][]*chain.Transaction{"b": {w.pay("alice", "bob", 0, 10)}})
	if err := w.hear("a"); err != nil {
		f.Fatal(err)
	}
	f.Add(w.blocks["a"].Raw())
	f.Add(w.blocks["b"].Raw())
	f.Add(w.blocks["b"].Transactions[0].Raw())
	f.Fuzz(func(t *testing.T, raw []byte) {
		found, err := w.ledger.Explain(raw)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.rules.DecodeBlock(bytes.Clone(raw)); err == nil {
			return
		}
		if _, err := w.rules.DecodeTransaction(bytes.Clone(raw)); err != nil && firstBroken(found) == "" {
			t.Errorf("%v, but it is explained as whole: %+v", err, found)
		}
	})
}
