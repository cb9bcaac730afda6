package p2p

import (
	"context"
	"errors"
	"runtime"
	"sync/atomic"

	"github.com/libp2p/go-libp2p/core/peer"
	"golang.org/x/sync/errgroup"

	"github.com/lp2pnode/lp2pnode/chain"
)

// Blocks of an answer are decoded and their signatures checked over all
// processors, while more come: in bundles, because signatures of small blocks
// are checked sooner together, and small blocks are not worth a goroutine each.
const (
	bundleBytes  = 64 << 10
	bundleBlocks = 32
)

// bundle is blocks that one goroutine checks.
type bundle struct {
	hashes []chain.Hash // that they have to have
	raw    [][]byte
	size   int

	blocks []*chain.Block // those before the first bad one
	err    error          // what is wrong with that
}

func (b *bundle) add(hash chain.Hash, raw []byte) {
	b.hashes, b.raw, b.size = append(b.hashes, hash), append(b.raw, raw), b.size+len(raw)
}

func (b *bundle) full() bool { return b.size >= bundleBytes || len(b.raw) >= bundleBlocks }

// askBlocks asks for blocks and returns those that came, in order, also when
// it fails later. Their signatures hold.
func (n *Network) askBlocks(ctx context.Context, id peer.ID, hashes []chain.Hash) ([]*chain.Block, error) {
	var bundles []*bundle
	var checks errgroup.Group
	var bad atomic.Bool // nothing more is wanted
	checks.SetLimit(runtime.GOMAXPROCS(0))
	next, count := &bundle{}, 0
	check := func() {
		b := next
		bundles, next = append(bundles, b), &bundle{}
		checks.Go(func() error { // waits while all processors have one
			b.err = n.safely(func() error { return n.check(b) })
			if b.err != nil {
				bad.Store(true)
			}
			return nil
		})
	}
	request := blocksRequest{Hashes: hashes, Type: "blocks"}
	err := n.ask(ctx, id, request, len(hashes), int(n.rules.Params.MaxBlockBytes), func(raw []byte) error {
		next.add(hashes[count], raw)
		count++
		if next.full() {
			check()
		}
		if bad.Load() {
			return errStop
		}
		return nil
	})
	check()
	_ = checks.Wait() // each bundle has its own error
	var blocks []*chain.Block
	for _, b := range bundles {
		blocks = append(blocks, b.blocks...)
		if b.err != nil {
			return blocks, b.err
		}
	}
	return blocks, err
}

// errStop ends an answer of which nothing more is wanted.
var errStop = errors.New("a block of it is bad")

// check decodes the blocks of a bundle and checks their signatures in one
// batch, or one block after another to find the bad one.
func (n *Network) check(b *bundle) error {
	var all []*chain.Transaction
	var blocks []*chain.Block
	var bad error
	for i, raw := range b.raw {
		block, err := n.rules.DecodeBlock(raw)
		if err != nil {
			bad = blame(ReasonBadBlocks, "decode block: %w", undecoded(raw, err))
			break
		}
		if block.Hash != b.hashes[i] {
			bad = blame(ReasonBadAnswer, "want block %s, got %s", b.hashes[i], block.Hash)
			break
		}
		blocks, all = append(blocks, block), append(all, block.Transactions...)
	}
	if n.rules.VerifyTransactions(all) != nil {
		for i, block := range blocks {
			if err := n.rules.VerifyTransactions(block.Transactions); err != nil {
				b.blocks = blocks[:i]
				return blame(ReasonBadBlocks, "block %s: %w", block.Hash, err)
			}
		}
	}
	b.blocks = blocks
	return bad
}
