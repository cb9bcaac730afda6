package sim

import (
	"context"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/p2p"
)

// seal looks for the proof of a block on a state until ctx or a second ends, or
// the peer's ledger changes.
func (b *Bad) seal(ctx context.Context, power *Power, on chain.State, note string) (*chain.Block, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	changed := b.ledger.Changed()
	go func() {
		select {
		case <-changed:
			cancel()
		case <-ctx.Done():
		}
	}()
	h, err := power.Seal(ctx, on.Child(b.address, note, max(uint64(time.Now().UnixMilli()), on.Tip.Timestamp+1)))
	if err != nil {
		return nil, err
	}
	return chain.NewBlock(h, nil), nil
}

// power is a share of what the nodes have together.
func (b *Bad) power(share float64) *Power {
	total := 0.0
	for i := range b.sim.cfg.Nodes {
		total += b.sim.cfg.HashPower(i)
	}
	return NewPower(total*share, b.sim.cfg.Seed<<20+1<<16+uint64(b.Number))
}

// twins is a ledger that shows now one, now the other of two tips.
type twins struct {
	p2p.Ledger

	mu   sync.Mutex
	twin chain.State // guarded by mu
	turn bool        // guarded by mu
}

// Tip implements p2p.Ledger.
func (t *twins) Tip() chain.State {
	tip := t.Ledger.Tip()
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.turn = !t.turn; t.turn && t.twin.Work.Cmp(tip.Work) >= 0 {
		return t.twin
	}
	return tip
}

func (t *twins) set(twin chain.State) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.twin = twin
}

// Equivocators mine, and make two blocks of each parent: one for one half of
// the peers, one for the other.
func Equivocators(share float64) Behaviour {
	return Behaviour{
		Name:  "equivocating tips",
		Shows: func(b *Bad) p2p.Ledger { return &twins{Ledger: b.ledger} },
		Acts: func(ctx context.Context, b *Bad) {
			power := b.power(share)
			for ctx.Err() == nil {
				on := b.ledger.Tip()
				first, err := b.seal(ctx, power, on, "one")
				if err != nil {
					continue
				}
				second := sealed(on.Child(b.address, "two", first.Timestamp))
				b.equivocate(ctx, on, first, second)
			}
		},
	}
}

// equivocate takes both blocks and tells each half of the peers of one.
func (b *Bad) equivocate(ctx context.Context, on chain.State, blocks ...*chain.Block) {
	for _, block := range blocks {
		if _, err := b.ledger.AddBlocks(chain.Source{Via: chain.ViaMiner}, block); err != nil {
			return // somebody was quicker
		}
	}
	b.shown.(*twins).set(on.Extend(&blocks[1].Header))
	for i, p := range b.host.Network().Peers() {
		b.utter(ctx, p, "/meshsub/1.1.0", string(framed(published("blocks", string(blocks[i%len(blocks)].Raw())))))
	}
}

// selfish is a miner that keeps what it finds to itself, and shows as much of
// it as makes others' work void (Eyal and Sirer, 2014).
type selfish struct {
	*Bad
	power  *Power
	state  chain.State    // the tip of its own branch
	hidden []*chain.Block // of that branch, lowest first
	racing bool           // its branch is known, and another as long
}

// Selfish mines in secret, with a share of the nodes' hash power on top of it.
func Selfish(share float64) Behaviour {
	return Behaviour{Name: "selfish mining", Acts: func(ctx context.Context, b *Bad) {
		s := &selfish{Bad: b, power: b.power(share), state: b.ledger.Tip()}
		for ctx.Err() == nil {
			s.react(ctx)
			block, err := b.seal(ctx, s.power, s.state, "")
			if err != nil {
				continue
			}
			s.hidden, s.state = append(s.hidden, block), s.state.Extend(&block.Header)
			if s.racing {
				s.show(ctx, s.state.Tip.Height) // and wins
			}
		}
	}}
}

// react looks at what the others have.
func (s *selfish) react(ctx context.Context) {
	tip := s.ledger.Tip()
	lead := int64(s.state.Tip.Height) - int64(tip.Tip.Height)
	switch {
	case lead < 0 || tip.Work.Cmp(s.state.Work) > 0:
		s.state, s.hidden, s.racing = tip, nil, false
	case len(s.hidden) == 0 || tip.Tip.Height < s.hidden[0].Height:
		// nothing new of theirs
	case lead == 0:
		s.show(ctx, s.state.Tip.Height)
		s.racing = true
	case lead == 1:
		s.show(ctx, s.state.Tip.Height)
	default:
		s.show(ctx, tip.Tip.Height)
	}
}

// show publishes the hidden blocks up to a height, which ends a race.
func (s *selfish) show(ctx context.Context, height uint64) {
	for len(s.hidden) > 0 && s.hidden[0].Height <= height {
		block := s.hidden[0]
		s.hidden = s.hidden[1:]
		if _, err := s.ledger.AddBlocks(chain.Source{Via: chain.ViaMiner}, block); err != nil {
			s.sim.t.Errorf("%s: own block: %v", s.Bad, err)
		}
		s.publish(ctx, block)
	}
	s.racing = false
}

// Besiege dials one node only, and shows it no more than genesis: with enough
// of them around it, it would be cut off.
func Besiege() Behaviour {
	return Behaviour{
		Name: "eclipse of one node", Besieges: true,
		Shows: func(b *Bad) p2p.Ledger { return stopped{b.ledger, b.sim.rules.GenesisState()} },
		Streams: func(b *Bad) {
			for _, id := range gossipProtocols() { // it hears and passes on nothing
				b.host.SetStreamHandler(id, func(st network.Stream) { _ = st.Reset() })
			}
		},
	}
}

// stopped is a ledger that has never got beyond a state.
type stopped struct {
	p2p.Ledger
	state chain.State
}

// Tip implements p2p.Ledger.
func (s stopped) Tip() chain.State { return s.state }

// AddBlocks implements p2p.Ledger, and takes nothing.
func (s stopped) AddBlocks(chain.Source, ...*chain.Block) (int, error) {
	return 0, chain.ErrUnwanted
}

// AddBlock implements p2p.Ledger likewise.
func (s stopped) AddBlock(chain.Source, *chain.Block, func()) error { return chain.ErrUnwanted }
