package sim

import (
	"context"
	"crypto/ed25519"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/canonical"
)

// child returns the header of an empty block on the peer's tip, all right but
// for its proof.
func (b *Bad) child(note string) chain.Header {
	tip := b.ledger.Tip()
	return tip.Child(b.address, note, max(uint64(time.Now().UnixMilli()), tip.Tip.Timestamp+1))
}

// sealed finds the proof of a block of these transactions.
func sealed(h chain.Header, txs ...*chain.Transaction) *chain.Block {
	h.TxCount, h.TxRoot = chain.TxSummary(txs)
	Grind(&h, 0)
	return chain.NewBlock(h, txs)
}

// draft is a transaction of a sender who never sent before, and its key.
func (b *Bad) draft(data string) (chain.Transaction, ed25519.PrivateKey) {
	var seed [ed25519.SeedSize]byte
	for i := 0; i < len(seed); i += 8 {
		binary.BigEndian.PutUint64(seed[i:], b.rng.Uint64())
	}
	key := ed25519.NewKeyFromSeed(seed[:])
	return chain.Transaction{From: chain.AddressOf(key.Public().(ed25519.PublicKey)), Data: data}, key
}

func (b *Bad) signed(t chain.Transaction, key ed25519.PrivateKey) *chain.Transaction {
	copy(t.Signature[:], ed25519.Sign(key, t.SignedBytes(b.sim.rules.Genesis().Hash)))
	return chain.NewTransaction(t)
}

// randomHash is nobody's.
func (b *Bad) randomHash() chain.Hash {
	var h chain.Hash
	for i := 0; i < len(h); i += 8 {
		binary.BigEndian.PutUint64(h[i:], b.rng.Uint64())
	}
	return h
}

// breach makes blocks that break one rule and no other.
type breach struct {
	rule chain.Rule
	make func(b *Bad, note string) *chain.Block
}

// breaches are of all rules that a block of less than the greatest size, on a
// known parent, can break. The chain's genesis must allot overflowing() to overflowed().
func breaches() []breach {
	header := func(rule chain.Rule, change func(*Bad, *chain.Header)) breach {
		return breach{rule, func(b *Bad, note string) *chain.Block {
			h := b.child(note)
			change(b, &h)
			Grind(&h, 0)
			return chain.NewBlock(h, nil)
		}}
	}
	unproven := func(rule chain.Rule, change func(*Bad, *chain.Header)) breach {
		return breach{rule, func(b *Bad, note string) *chain.Block {
			block := sealed(b.child(note))
			h := block.Header
			change(b, &h)
			return chain.NewBlock(h, nil)
		}}
	}
	transaction := func(rule chain.Rule, change func(*Bad, *chain.Transaction), after ...func(*chain.Transaction)) breach {
		return breach{rule, func(b *Bad, note string) *chain.Block {
			t, key := b.draft(note)
			change(b, &t)
			tx := b.signed(t, key)
			for _, f := range after {
				t := *tx
				f(&t)
				tx = chain.NewTransaction(t)
			}
			return sealed(b.child(note), tx)
		}}
	}
	return []breach{
		transaction(chain.RuleForm, func(_ *Bad, t *chain.Transaction) { t.To = "nobody" }),
		header(chain.RuleVersion, func(_ *Bad, h *chain.Header) { h.Version = chain.Version + 1 }),
		header(chain.RuleData, func(_ *Bad, h *chain.Header) { h.Data = fmt.Sprintf("%*s", chain.MaxNoteBytes+1, h.Data) }),
		header(chain.RuleMiner, func(_ *Bad, h *chain.Header) { h.Miner = "" }),
		unproven(chain.RuleHash, func(_ *Bad, h *chain.Header) { h.Nonce++ }),
		unproven(chain.RuleWork, func(_ *Bad, h *chain.Header) { h.Difficulty = 1 << 50; h.Hash = h.ComputeHash() }),
		header(chain.RuleTxCount, func(_ *Bad, h *chain.Header) { h.TxCount = 1 }),
		header(chain.RuleTxRoot, func(b *Bad, h *chain.Header) { h.TxRoot = b.randomHash() }),
		header(chain.RuleHeight, func(_ *Bad, h *chain.Header) { h.Height++ }),
		header(chain.RuleTimestamp, func(b *Bad, h *chain.Header) { h.Timestamp = b.ledger.Tip().Tip.Timestamp }),
		header(chain.RuleHistoryRoot, func(b *Bad, h *chain.Header) { h.HistoryRoot = b.randomHash() }),
		header(chain.RuleDifficulty, func(_ *Bad, h *chain.Header) { h.Difficulty++ }),
		transaction(chain.RuleSignature, func(*Bad, *chain.Transaction) {}, func(t *chain.Transaction) { t.Signature[0] ^= 1 }),
		transaction(chain.RuleNonce, func(_ *Bad, t *chain.Transaction) { t.Nonce = 5 }),
		transaction(chain.RuleBalance, func(b *Bad, t *chain.Transaction) { t.Amount, t.To = 1, b.address }),
		header(chain.RuleOverflow, func(_ *Bad, h *chain.Header) { h.Miner = overflowed() }),
	}
}

// overflowed is an account that can take no reward.
func overflowed() chain.Address {
	return chain.AddressOf(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)).Public().(ed25519.PublicKey))
}

// overflowing is what a genesis has to give it.
const overflowing = canonical.MaxInteger

// BadBlocks publishes so many blocks a second, each breaking another rule.
func BadBlocks(perSecond int) Behaviour {
	return Behaviour{Name: "bad blocks of each rule", Acts: func(ctx context.Context, b *Bad) {
		list, count := breaches(), b.Number
		every(ctx, time.Second/time.Duration(perSecond), func() {
			block := list[count%len(list)].make(b, fmt.Sprint(b.Number, count))
			count++
			b.publish(ctx, block)
		})
	}}
}

func (b *Bad) publish(ctx context.Context, block *chain.Block) {
	if err := b.net.PublishBlock(ctx, block); err != nil && ctx.Err() == nil {
		b.sim.t.Errorf("%s: %v", b, err)
	}
}

// Orphans publishes so many blocks a second on parents that nobody has, with
// work as little as can be claimed; every tenth is large.
func Orphans(perSecond int) Behaviour {
	return Behaviour{Name: "orphan floods", Acts: func(ctx context.Context, b *Bad) {
		count := 0
		every(ctx, time.Second/time.Duration(perSecond), func() {
			h := b.child(fmt.Sprint(b.Number, count))
			h.PrevHash, h.Difficulty, h.Height = b.randomHash(), 1, h.Height+2
			var txs []*chain.Transaction
			if count++; count%10 == 0 {
				t, key := b.draft(string(make([]byte, b.sim.cfg.Chain.MaxDataBytes/8))) // U+0000 takes six bytes
				txs = append(txs, b.signed(t, key))
			}
			b.publish(ctx, sealed(h, txs...))
		})
	}}
}

// Futures publishes so many blocks a second that are good but for being too far
// ahead of every clock.
func Futures(perSecond int) Behaviour {
	return Behaviour{Name: "future floods", Acts: func(ctx context.Context, b *Bad) {
		count := 0
		every(ctx, time.Second/time.Duration(perSecond), func() {
			count++
			tip := b.ledger.Tip()
			ahead := b.sim.cfg.Chain.MaxAheadMS() + 5000 + uint64(count%300)*1000
			h := tip.Child(b.address, fmt.Sprint(b.Number, count), uint64(time.Now().UnixMilli())+ahead)
			b.publish(ctx, sealed(h))
		})
	}}
}

// Transactions publishes so many fee-less records a second, each of another
// sender, until there were most. Of every second peer one in twenty has a bad
// signature. They begin late, so that what there was before can be measured.
func Transactions(perSecond, most int) Behaviour {
	return Behaviour{Name: "transaction floods", Acts: func(ctx context.Context, b *Bad) {
		const badOne, late = 20, 70 * time.Second
		if sleep(ctx, late) != nil {
			return
		}
		for count := range most {
			if sleep(ctx, time.Second/time.Duration(perSecond)) != nil {
				return
			}
			t, key := b.draft(fmt.Sprint(b.Number, count))
			tx := b.signed(t, key)
			if b.Number%2 == 1 && count%badOne == 0 {
				tx = chain.NewTransaction(t)
			}
			if err := b.net.PublishTransaction(ctx, tx); err != nil && ctx.Err() == nil {
				b.sim.t.Errorf("%s: %v", b, err)
			}
		}
	}}
}

// lowWork makes the next header of an endless chain of as little work as the
// difficulty rule allows: at a pace that keeps a difficulty of 1, or so late
// that it is halved twenty times.
func lowWork(s chain.State, miner chain.Address) chain.Header {
	params := s.Rules().Params
	h := s.Child(miner, "", s.Tip.Timestamp+params.BlockIntervalMS/2+1)
	if h.Difficulty > 1 {
		h = s.Child(miner, "", s.Tip.Timestamp+80*params.MaxAheadMS())
	}
	Grind(&h, 0)
	return h
}
