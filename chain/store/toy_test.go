package store

import (
	"encoding/hex"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/merkle"
	"github.com/lp2pnode/lp2pnode/chain/pow"
)

// toy is a chain of difficulty 1 and the model of what a store of it holds.
type toy struct {
	rules   *chain.Rules
	seeds   [][]byte // of accounts that have something
	rng     *rand.Rand
	data    int // bytes that each transaction records
	genesis *block
}

// block is a block with everything that follows from it.
type block struct {
	*chain.Block
	parent   *block
	state    chain.State
	diff     chain.Diff
	nodes    []merkle.Node
	accounts map[chain.Address]chain.Account
}

func newToy(tb testing.TB, id string) *toy {
	tb.Helper()
	c := &toy{rng: rand.New(rand.NewPCG(1, 2))}
	allocations := map[chain.Address]uint64{}
	for i := range 4 {
		seed := make([]byte, 32)
		seed[0] = byte(i + 1)
		c.seeds = append(c.seeds, seed)
	}
	params := chain.Params{
		BlockIntervalMS: 1000, ChainID: id, Consensus: "pow", InitialDifficulty: 1,
		MaxBlockBytes: 100_000, MaxDataBytes: 50_000, Reward: 50, Timestamp: 1_700_000_000_000,
	}
	plain, err := chain.NewRules(params, pow.Engine{})
	if err != nil {
		tb.Fatal(err)
	}
	for _, seed := range c.seeds {
		allocations[plain.Sign(chain.Transaction{}, seed).From] = 1_000_000
	}
	params.Allocations = allocations
	if c.rules, err = chain.NewRules(params, pow.Engine{}); err != nil {
		tb.Fatal(err)
	}
	c.genesis = &block{
		Block: c.rules.Genesis(), state: c.rules.GenesisState(), diff: c.rules.GenesisAccounts(),
		accounts: map[chain.Address]chain.Account{},
	}
	for _, change := range c.genesis.diff {
		c.genesis.accounts[change.Address] = change.New
	}
	return c
}

func (c *toy) address(i int) chain.Address {
	return c.rules.Sign(chain.Transaction{}, c.seeds[i]).From
}

// on mines a block on parent with n transactions.
func (c *toy) on(tb testing.TB, parent *block, n int) *block {
	tb.Helper()
	nonces := map[chain.Address]uint64{}
	var txs []*chain.Transaction
	for range n {
		i := c.rng.IntN(len(c.seeds))
		to := chain.AddressOf([]byte(fmt.Sprintf("%032d", c.rng.IntN(20))))
		from := c.address(i)
		t := chain.Transaction{
			Amount: 1 + c.rng.Uint64N(10), Fee: c.rng.Uint64N(3), To: to, Data: c.noise(),
			Nonce: parent.accounts[from].Nonce + nonces[from],
		}
		nonces[from]++
		txs = append(txs, c.rules.Sign(t, c.seeds[i]))
	}
	h := parent.state.Child(c.address(c.rng.IntN(len(c.seeds))), fmt.Sprint(c.rng.Uint64()), parent.Timestamp+1000)
	h.TxCount, h.TxRoot = chain.TxSummary(txs)
	h.Hash = h.ComputeHash()
	b := &block{Block: chain.NewBlock(h, txs), parent: parent, state: parent.state.Extend(&h), accounts: maps.Clone(parent.accounts)}
	var err error
	if b.diff, err = c.rules.Execute(b.Block, func(a chain.Address) (chain.Account, error) { return parent.accounts[a], nil }); err != nil {
		tb.Fatal(err)
	}
	for _, change := range b.diff {
		b.accounts[change.Address] = change.New
	}
	_, b.nodes = parent.state.History().Append(h.Hash[:])
	return b
}

// noise returns text that does not compress below a half.
func (c *toy) noise() string {
	raw := make([]byte, c.data/2+4)
	for i := range raw {
		raw[i] = byte(c.rng.Uint32())
	}
	return hex.EncodeToString(raw)
}

// chain mines n blocks on parent, lowest first.
func (c *toy) chain(tb testing.TB, parent *block, n, txs int) []*block {
	tb.Helper()
	var blocks []*block
	for range n {
		parent = c.on(tb, parent, txs)
		blocks = append(blocks, parent)
	}
	return blocks
}

func (b *block) applied() Applied {
	return Applied{Block: b.Block, Work: b.state.Work, Diff: b.diff, Nodes: b.nodes}
}

func (b *block) entry() Entry {
	return Entry{
		Block: b.Block, Work: b.state.Work, Seen: time.UnixMilli(int64(b.Timestamp) + 7),
		Source: chain.Source{Via: chain.ViaSync, Peer: "peer-" + b.Hash.Short()},
	}
}

// path lists the blocks from genesis to b.
func (b *block) path() []*block {
	var path []*block
	for ; b != nil; b = b.parent {
		path = append(path, b)
	}
	slices.Reverse(path)
	return path
}

// change puts blocks and takes the best chain from one tip to another.
func change(from, to *block, put ...*block) Change {
	var c Change
	for _, b := range put {
		c.Put = append(c.Put, b.entry())
	}
	a, b := from.path(), to.path()
	common := 0
	for common < min(len(a), len(b)) && a[common] == b[common] {
		common++
	}
	for i := len(a) - 1; i >= common; i-- {
		c.Revert = append(c.Revert, a[i].Hash)
	}
	for _, n := range b[common:] {
		c.Apply = append(c.Apply, n.applied())
	}
	return c
}

const dataDir = "/data/node"

func openOn(fs vfs.FS, rules *chain.Rules) (*Store, *Lock, error) {
	lock, err := LockDir(dataDir, fs)
	if err != nil {
		return nil, nil, err
	}
	s, err := Open(lock, rules, Options{})
	if err != nil {
		return nil, nil, errors.Join(err, lock.Close())
	}
	return s, lock, nil
}

// open opens a store for the time of the test.
func open(tb testing.TB, fs vfs.FS, rules *chain.Rules) *Store {
	tb.Helper()
	s, lock, err := openOn(fs, rules)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := errors.Join(s.Close(), lock.Close()); err != nil {
			tb.Error(err)
		}
	})
	return s
}

func commit(tb testing.TB, s *Store, c Change) {
	tb.Helper()
	if err := s.Commit(c); err != nil {
		tb.Fatal(err)
	}
}
