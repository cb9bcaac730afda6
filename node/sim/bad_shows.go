package sim

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/ledger"
	"github.com/lp2pnode/lp2pnode/p2p"
)

// boast is a ledger that claims more work than its chain carries.
type boast struct{ *ledger.Ledger }

// Tip implements p2p.Ledger.
func (l boast) Tip() chain.State {
	tip := l.Ledger.Tip()
	tip.Work = tip.Work.Add(1 << 50)
	return tip
}

// FalseWork claims work that no header carries.
func FalseWork() Behaviour {
	return Behaviour{Name: "false work in status", Shows: func(b *Bad) p2p.Ledger { return boast{b.ledger} }}
}

// endless is a ledger whose chain parts from the others' at genesis and has
// next to no work, but many headers; they are made when asked for.
type endless struct {
	boast
	bad *Bad

	mu     sync.Mutex
	states map[chain.Hash]chain.State // after the last header of an answer; guarded by mu
}

// RawHeadersAfter implements p2p.Ledger.
func (l *endless) RawHeadersAfter(locator []chain.Hash, limit int) ([][]byte, error) {
	const most = 1000 // states kept
	l.mu.Lock()
	defer l.mu.Unlock()
	at := l.bad.sim.rules.GenesisState()
	if known, ok := l.states[locator[0]]; ok {
		at = known
	}
	var headers [][]byte
	for now := uint64(time.Now().UnixMilli()); len(headers) < limit; {
		h := lowWork(at, l.bad.address)
		if h.Timestamp > now {
			break
		}
		headers, at = append(headers, h.Canonical()), at.Extend(&h)
	}
	if len(l.states) >= most {
		clear(l.states)
	}
	l.states[at.Tip.Hash] = at
	return headers, nil
}

// EndlessHeaders claims much and shows cheap headers without end, over a line
// of half a megabit.
func EndlessHeaders() Behaviour {
	return Behaviour{
		Name: "endless headers of low work", Up: 5e5,
		Shows: func(b *Bad) p2p.Ledger {
			return &endless{boast: boast{b.ledger}, bad: b, states: map[chain.Hash]chain.State{}}
		},
	}
}

// fork is a ledger that shows a branch of its own on top of its best chain:
// headers with more work than anybody else's. What it gives for their blocks is
// up to body, nil being nothing.
type fork struct {
	*ledger.Ledger
	bad  *Bad
	next func(s chain.State, i int) *chain.Block // of the branch
	body func(*chain.Block) []byte

	mu     sync.Mutex
	base   chain.Hash     // guarded by mu
	blocks []*chain.Block // guarded by mu
	state  chain.State    // after the last of them; guarded by mu
}

const forkBlocks = 10

// grow makes a new branch when there is a new tip to stand on.
func (f *fork) grow() {
	tip := f.Ledger.Tip()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.base == tip.Tip.Hash {
		return
	}
	f.base, f.blocks, f.state = tip.Tip.Hash, nil, tip
	for i := range forkBlocks {
		block := f.next(f.state, i)
		if f.state.Check(&block.Header) != nil {
			f.blocks = append(f.blocks, block) // the end of it, and told as more work
			f.state.Work = f.state.Work.Add(block.Difficulty)
			return
		}
		f.blocks, f.state = append(f.blocks, block), f.state.Extend(&block.Header)
	}
}

// empty is the next block of a good branch.
func (f *fork) empty(s chain.State, _ int) *chain.Block {
	return sealed(s.Child(f.bad.address, "", s.Tip.Timestamp+1))
}

// Tip implements p2p.Ledger: the branch's, when it has more work.
func (f *fork) Tip() chain.State {
	f.mu.Lock()
	defer f.mu.Unlock()
	if tip := f.Ledger.Tip(); f.state.Work.Cmp(tip.Work) <= 0 {
		return tip
	}
	return f.state
}

func (f *fork) find(hash chain.Hash) *chain.Block {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, block := range f.blocks {
		if block.Hash == hash {
			return block
		}
	}
	return nil
}

// Has implements p2p.Ledger.
func (f *fork) Has(hash chain.Hash) (bool, error) {
	if f.find(hash) != nil {
		return f.body != nil, nil
	}
	return f.Ledger.Has(hash)
}

// RawBlock implements p2p.Ledger.
func (f *fork) RawBlock(hash chain.Hash) ([]byte, error) {
	if block := f.find(hash); block != nil {
		return f.body(block), nil
	}
	return f.Ledger.RawBlock(hash)
}

// RawHeadersAfter implements p2p.Ledger.
func (f *fork) RawHeadersAfter(locator []chain.Hash, limit int) ([][]byte, error) {
	f.mu.Lock()
	branch, base := f.blocks, f.base
	f.mu.Unlock()
	for _, hash := range locator {
		if i := slices.IndexFunc(branch, func(b *chain.Block) bool { return b.Hash == hash }); i >= 0 {
			return headersOf(branch[i+1:]), nil
		}
	}
	headers, err := f.Ledger.RawHeadersAfter(locator, limit)
	if err != nil || len(headers)+len(branch) > limit || f.Ledger.Tip().Tip.Hash != base {
		return headers, err
	}
	return append(headers, headersOf(branch)...), nil
}

func headersOf(blocks []*chain.Block) [][]byte {
	var raw [][]byte
	for _, block := range blocks {
		raw = append(raw, block.Canonical())
	}
	return raw
}

// forking is a behaviour that shows a fork, made by shape.
func forking(name string, shape func(*fork)) Behaviour {
	return Behaviour{
		Name: name,
		Shows: func(b *Bad) p2p.Ledger {
			f := &fork{Ledger: b.ledger, bad: b}
			f.next = f.empty
			if shape != nil {
				shape(f)
			}
			return f
		},
		Acts: func(ctx context.Context, b *Bad) {
			every(ctx, time.Second, b.shown.(*fork).grow)
		},
	}
}

// Withheld shows headers of most work, and keeps their blocks.
func Withheld() Behaviour { return forking("withheld bodies", nil) }

// BadHeaders shows headers of which the last breaks a rule, each peer another.
func BadHeaders() Behaviour {
	return forking("headers that break rules", func(f *fork) {
		var list []breach
		for _, br := range breaches() {
			switch br.rule {
			case chain.RuleForm, chain.RuleTxCount, chain.RuleTxRoot, chain.RuleSignature, chain.RuleNonce, chain.RuleBalance, chain.RuleOverflow:
			default: // a rule of headers
				list = append(list, br)
			}
		}
		count := f.bad.Number
		f.next = func(chain.State, int) *chain.Block {
			count++
			return list[count%len(list)].make(f.bad, fmt.Sprint(count))
		}
	})
}

// BadBodies shows good headers and gives for their blocks, each peer, another
// kind of nonsense.
func BadBodies() Behaviour {
	return forking("bodies without sense", func(f *fork) {
		honest := func(block *chain.Block) []byte { return block.Raw() }
		withOne := func(change func(*chain.Transaction)) func(chain.State, int) *chain.Block {
			return func(s chain.State, i int) *chain.Block {
				t, key := f.bad.draft("")
				tx := f.bad.signed(t, key)
				if i == 0 {
					bad := *tx
					change(&bad)
					tx = chain.NewTransaction(bad)
				}
				return sealed(s.Child(f.bad.address, "", s.Tip.Timestamp+1), tx)
			}
		}
		switch f.bad.Number % 5 {
		case 0: // another block than the one asked for
			f.body = func(*chain.Block) []byte { return f.bad.sim.rules.Genesis().Raw() }
		case 1: // no block
			f.body = func(block *chain.Block) []byte { return block.Raw()[:len(block.Raw())/2] }
		case 2: // good by their hash, but for a signature
			f.body, f.next = honest, withOne(func(t *chain.Transaction) { t.Signature[0] ^= 1 })
		case 3: // or for a nonce, which execution finds
			f.body = honest
			f.next = func(s chain.State, _ int) *chain.Block {
				t, key := f.bad.draft("")
				t.Nonce = 7
				return sealed(s.Child(f.bad.address, "", s.Tip.Timestamp+1), f.bad.signed(t, key))
			}
		case 4: // too large
			f.body = func(*chain.Block) []byte { return make([]byte, 2*f.bad.sim.cfg.Chain.MaxBlockBytes) }
		}
	})
}
