package ledger_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/ledger"
	"github.com/lp2pnode/lp2pnode/chain/pow"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

// world is a ledger on a memory disk with a clock of its own, and named keys
// and blocks.
type world struct {
	t      testing.TB
	rules  *chain.Rules
	store  *store.Store
	ledger *ledger.Ledger
	now    time.Time
	blocks map[string]*chain.Block
	names  map[chain.Hash]string
	states map[string]chain.State
}

const startMS = 1_790_000_000_000

// key returns the seed of a named account; alice has units.
func key(name string) []byte {
	seed := make([]byte, 32)
	copy(seed, name)
	return seed
}

func addressOf(r *chain.Rules, name string) chain.Address {
	return r.Sign(chain.Transaction{}, key(name)).From
}

func newWorld(t testing.TB) *world {
	t.Helper()
	return newWorldOn(t, vfs.NewMem())
}

// newWorldOn is newWorld on a disk of the test's.
func newWorldOn(t testing.TB, disk vfs.FS) *world {
	t.Helper()
	params := chain.Params{
		Allocations:     map[chain.Address]uint64{},
		BlockIntervalMS: 1000, ChainID: "tree", Consensus: "pow", InitialDifficulty: 1,
		MaxBlockBytes: 100_000, MaxDataBytes: 1000, Reward: 50, Timestamp: startMS,
	}
	bare, err := chain.NewRules(params, pow.Engine{})
	if err != nil {
		t.Fatal(err)
	}
	params.Allocations[addressOf(bare, "alice")] = 1000
	rules, err := chain.NewRules(params, pow.Engine{})
	if err != nil {
		t.Fatal(err)
	}
	lock, err := store.LockDir("data", disk)
	if err != nil {
		t.Fatal(err)
	}
	st, err := store.Open(lock, rules, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{
		t: t, rules: rules, store: st, now: time.UnixMilli(startMS + 1_000_000),
		blocks: map[string]*chain.Block{"g": rules.Genesis()},
		names:  map[chain.Hash]string{rules.Genesis().Hash: "g"},
		states: map[string]chain.State{"g": rules.GenesisState()},
	}
	w.ledger, err = ledger.Open(st, rules, ledger.Config{Now: func() time.Time { return w.now }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := st.Verify(context.Background(), nil); err != nil {
			t.Errorf("the store does not re-prove: %v", err)
		}
		_ = st.Close()
		_ = lock.Close()
	})
	return w
}

// pay signs a transfer.
func (w *world) pay(from, to string, nonce, amount uint64) *chain.Transaction {
	return w.rules.Sign(chain.Transaction{Amount: amount, Nonce: nonce, To: addressOf(w.rules, to)}, key(from))
}

// grow makes a block named so on another, with transactions.
func (w *world) grow(name, parent string, txs ...*chain.Transaction) *chain.Block {
	w.t.Helper()
	s, ok := w.states[parent]
	if !ok {
		w.t.Fatalf("block %q stands on %q, which is not drawn", name, parent)
	}
	h := s.Child(addressOf(w.rules, "miner"), name, s.Tip.Timestamp+1000)
	return w.seal(name, s, h, txs)
}

func (w *world) seal(name string, parent chain.State, h chain.Header, txs []*chain.Transaction) *chain.Block {
	w.t.Helper()
	h.TxCount, h.TxRoot = chain.TxSummary(txs)
	h.Hash = h.ComputeHash() // difficulty 1: every hash will do
	b, err := w.rules.DecodeBlock(chain.NewBlock(h, txs).Raw())
	if err != nil {
		w.t.Fatal(err)
	}
	w.blocks[name], w.names[b.Hash] = b, name
	w.states[name] = parent.Extend(&b.Header)
	return b
}

// draw reads a tree such as
//
//	g─a─b─c
//	  └─x─y
//
// in which a branch hangs below its parent's first letter. txs go into the
// blocks of their names.
func (w *world) draw(picture string, txs map[string][]*chain.Transaction) {
	w.t.Helper()
	above := map[int]string{} // column → name
	for _, line := range strings.Split(picture, "\n") {
		runes := []rune(line)
		parent := ""
		for col := 0; col < len(runes); {
			switch r := runes[col]; r {
			case ' ', '\t', '─':
				col++
			case '└', '├':
				parent = above[col]
				col++
			case '│':
				col++
			default:
				end := col
				for end < len(runes) && !strings.ContainsRune(" ─└├│", runes[end]) {
					end++
				}
				name := string(runes[col:end])
				if w.blocks[name] == nil {
					w.grow(name, parent, txs[name]...)
				}
				above[col], parent, col = name, name, end
			}
		}
	}
}

// fresh returns a block as a stranger would bring it.
func (w *world) fresh(name string) *chain.Block {
	w.t.Helper()
	b, ok := w.blocks[name]
	if !ok {
		w.t.Fatalf("block %q is not drawn", name)
	}
	again, err := w.rules.DecodeBlock(b.Raw())
	if err != nil {
		w.t.Fatal(err)
	}
	return again
}

var (
	fromPeer = chain.Source{Via: chain.ViaGossip, Peer: "12D3KooWPeer"}
	fromSync = chain.Source{Via: chain.ViaSync, Peer: "12D3KooWPeer"}
)

// hear adds named blocks one by one, as gossip brings them.
func (w *world) hear(names ...string) error {
	w.t.Helper()
	var last error
	for _, name := range names {
		_, last = w.ledger.AddBlocks(fromPeer, w.fresh(name))
	}
	return last
}

// fetch adds named blocks in one call, as sync brings them.
func (w *world) fetch(names ...string) (int, error) {
	w.t.Helper()
	var blocks []*chain.Block
	for _, name := range names {
		blocks = append(blocks, w.fresh(name))
	}
	return w.ledger.AddBlocks(fromSync, blocks...)
}

// best returns the names of the best chain, as "g a b".
func (w *world) best() string {
	w.t.Helper()
	hashes, err := w.store.Hashes(0, 1000)
	if err != nil {
		w.t.Fatal(err)
	}
	var names []string
	for _, h := range hashes {
		names = append(names, w.names[h])
	}
	if tip := w.ledger.Tip().Tip.Hash; w.names[tip] != names[len(names)-1] {
		w.t.Fatalf("Tip is %s, the store's best chain ends in %s", w.names[tip], names[len(names)-1])
	}
	return strings.Join(names, " ")
}

func (w *world) requireBest(want string) {
	w.t.Helper()
	if got := w.best(); got != want {
		w.t.Fatalf("best chain: want %s, got %s", want, got)
	}
}

// steps renders what Since tells, as "-c -b +x +y".
func (w *world) steps(from string, n int) (string, chain.Cursor) {
	w.t.Helper()
	steps, next, err := w.ledger.Since(w.blocks[from].Cursor(), n)
	if err != nil {
		w.t.Fatal(err)
	}
	var parts []string
	for _, s := range steps {
		sign := "+"
		if s.Revert {
			sign = "-"
		}
		parts = append(parts, fmt.Sprint(sign, w.names[s.Block.Hash]))
	}
	return strings.Join(parts, " "), next
}
