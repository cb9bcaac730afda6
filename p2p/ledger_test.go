package p2p

import (
	"errors"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/pow"
)

// memory is a small Ledger in memory: real rules, every fork kept, no pool
// policy. It executes nothing, so its chains carry no amounts.
type memory struct {
	rules *chain.Rules

	mu      sync.Mutex
	blocks  map[chain.Hash]*chain.Block
	states  map[chain.Hash]chain.State
	best    []chain.Hash
	waiting []parked
	ready   []parked
	pool    []*chain.Transaction
	sources map[chain.Hash]chain.Source
	changed chan struct{}
}

type parked struct {
	block *chain.Block
	src   chain.Source
}

// testRules are of a chain on which every hash is a proof and every block
// weighs one.
func testRules(t testing.TB, id string) *chain.Rules {
	t.Helper()
	r, err := chain.NewRules(chain.Params{
		Allocations: map[chain.Address]uint64{}, BlockIntervalMS: 1000, ChainID: id, Consensus: "pow",
		InitialDifficulty: 1, MaxBlockBytes: 20_000, MaxDataBytes: 10_000, Reward: 1,
		Timestamp: uint64(time.Now().Add(-240*time.Hour).UnixMilli()) / 3_600_000 * 3_600_000,
	}, pow.Engine{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// Held implements Ledger: memory has room.
func (*memory) Held() error { return nil }

func newMemory(rules *chain.Rules) *memory {
	g := rules.Genesis()
	return &memory{
		rules:   rules,
		blocks:  map[chain.Hash]*chain.Block{g.Hash: g},
		states:  map[chain.Hash]chain.State{g.Hash: rules.GenesisState()},
		best:    []chain.Hash{g.Hash},
		sources: map[chain.Hash]chain.Source{},
		changed: make(chan struct{}),
	}
}

func (m *memory) Tip() chain.State {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.states[m.best[len(m.best)-1]]
}

func (m *memory) Changed() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.changed
}

func (m *memory) DecodeBlock(raw []byte) (*chain.Block, error) { return m.rules.DecodeBlock(raw) }

func (m *memory) AddBlocks(src chain.Source, blocks ...*chain.Block) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i, b := range blocks {
		if err := m.add(src, b); err != nil && !(errors.Is(err, chain.ErrKnown) && len(blocks) > 1) {
			return i, err
		}
	}
	return len(blocks), nil
}

func (m *memory) AddBlock(src chain.Source, b *chain.Block, pass func()) error {
	_, err := m.AddBlocks(src, b)
	if err == nil {
		pass()
	}
	return err
}

func (m *memory) add(src chain.Source, b *chain.Block) error {
	if m.blocks[b.Hash] != nil {
		return chain.ErrKnown
	}
	parent, ok := m.states[b.PrevHash]
	if !ok {
		m.waiting = append(m.waiting, parked{b, src})
		return chain.ErrUnknownParent
	}
	if err := parent.Check(&b.Header); err != nil {
		return err
	}
	if b.Timestamp > uint64(time.Now().UnixMilli())+m.rules.Params.MaxAheadMS() {
		return chain.ErrFuture
	}
	if err := m.rules.VerifyTransactions(b.Transactions); err != nil {
		return err
	}
	state := parent.Extend(&b.Header)
	m.blocks[b.Hash], m.states[b.Hash], m.sources[b.Hash] = b, state, src
	for i := 0; i < len(m.waiting); {
		if m.waiting[i].block.PrevHash == b.Hash {
			m.ready = append(m.ready, m.waiting[i])
			m.waiting = slices.Delete(m.waiting, i, i+1)
			continue
		}
		i++
	}
	tip := m.states[m.best[len(m.best)-1]]
	if state.Work.Cmp(tip.Work) > 0 {
		m.follow(b)
	}
	close(m.changed)
	m.changed = make(chan struct{})
	return nil
}

// follow makes b the tip.
func (m *memory) follow(b *chain.Block) {
	var path []chain.Hash
	for b.Height >= uint64(len(m.best)) || m.best[b.Height] != b.Hash {
		path = append(path, b.Hash)
		b = m.blocks[b.PrevHash]
	}
	slices.Reverse(path)
	m.best = append(m.best[:b.Height+1], path...)
}

func (m *memory) AddTransaction(_ chain.Source, tx *chain.Transaction) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.ContainsFunc(m.pool, func(p *chain.Transaction) bool { return p.ID() == tx.ID() }) {
		return chain.ErrKnown
	}
	m.pool = append(m.pool, tx)
	close(m.changed)
	m.changed = make(chan struct{})
	return nil
}

func (m *memory) Ready() (blocks []*chain.Block, sources []chain.Source, next time.Time) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.ready {
		blocks, sources = append(blocks, p.block), append(sources, p.src)
	}
	m.ready = nil
	return blocks, sources, time.Time{}
}

func (m *memory) FreedTransactions() []*chain.Transaction { return nil }

func (m *memory) Has(hash chain.Hash) (bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.blocks[hash] != nil, nil
}

var errNotHere = errors.New("not here")

func (m *memory) StateAt(hash chain.Hash) (chain.State, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s, ok := m.states[hash]; ok {
		return s, nil
	}
	return chain.State{}, errNotHere
}

func (m *memory) RawBlock(hash chain.Hash) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if b := m.blocks[hash]; b != nil {
		return b.Raw(), nil
	}
	return nil, errNotHere
}

func (m *memory) Locator() ([]chain.Hash, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var hashes []chain.Hash
	step := 1
	for at := len(m.best) - 1; ; at = max(at-step, 0) {
		hashes = append(hashes, m.best[at])
		if at == 0 {
			return hashes, nil
		}
		if len(hashes) >= 10 {
			step *= 2
		}
	}
}

func (m *memory) RawHeadersAfter(locator []chain.Hash, limit int) ([][]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	from := 0
	for _, hash := range locator {
		if b := m.blocks[hash]; b != nil && b.Height < uint64(len(m.best)) && m.best[b.Height] == hash {
			from = int(b.Height)
			break
		}
	}
	var headers [][]byte
	for _, hash := range m.best[from+1 : min(from+1+limit, len(m.best))] {
		h := m.blocks[hash].Header
		headers = append(headers, h.Canonical())
	}
	return headers, nil
}

func (m *memory) Transactions(limit int) [][]byte {
	m.mu.Lock()
	defer m.mu.Unlock()
	var raws [][]byte
	for _, tx := range m.pool[:min(limit, len(m.pool))] {
		raws = append(raws, tx.Raw())
	}
	return raws
}

func (m *memory) size() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.blocks)
}

func (m *memory) sourceOf(hash chain.Hash) chain.Source {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.sources[hash]
}

// mine adds count blocks to the tip; note tells branches apart.
func (m *memory) mine(t testing.TB, count int, note string) *chain.Block {
	t.Helper()
	var b *chain.Block
	for range count {
		tip := m.Tip()
		b = child(tip, note)
		if _, err := m.AddBlocks(chain.Source{Via: chain.ViaMiner}, b); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

// child returns a block on a state.
func child(s chain.State, note string, txs ...*chain.Transaction) *chain.Block {
	h := s.Child(chain.AddressOf(make([]byte, 32)), note, s.Tip.Timestamp+1)
	h.TxCount, h.TxRoot = chain.TxSummary(txs)
	h.Hash = h.ComputeHash()
	return chain.NewBlock(h, txs)
}
