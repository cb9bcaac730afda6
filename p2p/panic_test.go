package p2p

import (
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
)

// trap panics on blocks and transactions that carry a certain text.
type trap struct{ *memory }

func (t trap) AddBlock(src chain.Source, b *chain.Block, pass func()) error {
	if b.Data == "a trap" {
		panic("a bug in judging blocks")
	}
	return t.memory.AddBlock(src, b, pass)
}

func (t trap) AddTransaction(src chain.Source, tx *chain.Transaction) error {
	if tx.Data == "a trap" {
		panic("a bug in judging transactions")
	}
	return t.memory.AddTransaction(src, tx)
}

// TestPanicInValidatorEndsOnlyTheMessage: it is told once, however often it is
// brought about, and nobody is blamed for a fault of ours.
func TestPanicInValidatorEndsOnlyTheMessage(t *testing.T) {
	rules := testRules(t, "one")
	m := newMemory(rules)
	a, b := start(t, newMemory(rules), nil, gossipOnly), start(t, m, trap{m}, gossipOnly)
	a.dial(t, b)
	awaitMesh(t, a, b)
	next := a.memory.Tip()
	for i := range 3 {
		trapped := child(next, "a trap")
		next = next.Extend(&trapped.Header)
		if err := a.PublishBlock(t.Context(), trapped); err != nil {
			t.Fatal(err)
		}
		tx := rules.Sign(chain.Transaction{Data: "a trap", Nonce: uint64(i)}, make([]byte, 32))
		if err := a.PublishTransaction(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
	}
	await(t, "the panics", func() bool { return b.fate(topicBlocks, "ignore") == 3 && b.fate(topicTransactions, "ignore") == 3 })
	good := child(a.memory.Tip(), "good")
	if err := a.PublishBlock(t.Context(), good); err != nil {
		t.Fatal(err)
	}
	awaitTip(t, b, good.Hash)
	if got := b.log.count("level=ERROR"); got != 2 {
		t.Errorf("%d errors in the log, want one for each of two bugs", got)
	}
	if deeds := b.about(a).Deeds; len(deeds) != 0 {
		t.Errorf("the sender is blamed: %+v", deeds)
	}
}
