package p2p

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"golang.org/x/sync/errgroup"

	"github.com/lp2pnode/lp2pnode/chain"
)

// maxFetchers is how many peers are asked for blocks at a time.
const maxFetchers = 8

// fetch brings the blocks of a chain whose headers carry more work than ours:
// its owner goes on with the headers, all useful peers are asked for windows
// of blocks, and these are added in order while the next ones come. Peers that
// fail are left alone. The error is a fault of ours.
func (n *Network) fetch(ctx context.Context, sv *survey) error {
	n.beginFetch(sv.peer)
	defer n.endFetch()
	from, began := n.ledger.Tip(), time.Now()
	n.log.Debug("catching up", "peer", sv.peer, "height", from.Tip.Height, "to", sv.state.Tip.Height)
	p := newPlan(n.timing.hedge)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer p.end()
		return n.blameOr(ctx, sv.peer, n.pushHeaders(ctx, sv, p))
	})
	g.Go(func() error {
		defer p.stop() // without a crew nothing more will come
		return n.crew(ctx, sv, p, from.Work)
	})
	var added int
	g.Go(func() (err error) {
		defer p.stop()
		added, err = n.addParts(ctx, p)
		return n.blameOr(ctx, sv.peer, err)
	})
	err := g.Wait()
	tip := n.ledger.Tip()
	log := n.log.Debug
	if added > 1 {
		log = n.log.Info
	}
	log("synced", "blocks", added, "height", tip.Tip.Height, "tip", tip.Tip.Hash.Short(),
		"peer", sv.peer, "took", time.Since(began).Round(time.Millisecond))
	return err
}

// blameOr leaves the peer alone that an error is about, and returns the error
// if it is about none.
func (n *Network) blameOr(ctx context.Context, id peer.ID, err error) error {
	if err == nil || ctx.Err() != nil || errors.Is(err, errOwn) || errors.Is(err, errPanic) {
		return err
	}
	n.pause(id, reasonOf(err), err)
	return nil
}

// pushHeaders puts the hashes of the blocks that we lack into the plan, and
// goes on asking for headers until the peer has no more.
func (n *Network) pushHeaders(ctx context.Context, sv *survey, p *plan) error {
	if sv.light > 0 {
		hashes, err := n.recall(ctx, sv)
		if err != nil {
			return err
		}
		if more, err := n.pushMissing(ctx, sv, p, hashes); !more {
			return err
		}
	}
	var failed error
	for pace := n.newPace(); ; {
		kept := sv.kept
		sv.kept = nil
		// What was judged before a failure is as good as ever.
		if more, err := n.pushMissing(ctx, sv, p, kept); !more || failed != nil || sv.ended {
			return errors.Join(failed, err)
		}
		if failed = n.step(ctx, sv); failed == nil && !sv.ended {
			failed = pace.brought(len(sv.kept))
		}
	}
}

// pushMissing leaves out what is here already, and says false when no more are
// wanted. No block is here without its parent, so all after the first that is
// missing are missing too.
func (n *Network) pushMissing(ctx context.Context, sv *survey, p *plan, hashes []chain.Hash) (more bool, err error) {
	for len(hashes) > 0 && !sv.beyond {
		known, err := n.ledger.Has(hashes[0])
		if err != nil {
			return false, fmt.Errorf("look for block %s: %w", hashes[0], errors.Join(errOwn, err))
		}
		if known {
			hashes = hashes[1:]
		}
		sv.beyond = !known
	}
	return p.push(ctx, hashes), nil
}

// addParts hands the windows to the ledger in order, and counts their blocks.
func (n *Network) addParts(ctx context.Context, p *plan) (added int, err error) {
	for {
		w, ok := p.next(ctx)
		if !ok {
			return added, nil
		}
		count, err := n.ledger.AddBlocks(source(w.from), w.blocks...)
		if added += count; count > 0 {
			n.progress()
		}
		switch {
		case err == nil, errors.Is(err, chain.ErrKnown):
			n.praise(w.from)
		case errors.Is(err, chain.ErrInvalid), errors.Is(err, chain.ErrUnfit):
			return added, blame(ReasonBadBlocks, "add blocks: %w", err)
		case errors.Is(err, chain.ErrFuture):
			return added, blame(ReasonAhead, "add blocks: %w", err)
		default:
			return added, fmt.Errorf("add blocks: %w", errors.Join(errOwn, err))
		}
	}
}

// crew has every useful peer fetch for the plan, those that come later too,
// and returns when all is fetched or nobody is left who could help.
func (n *Network) crew(ctx context.Context, sv *survey, p *plan, work chain.Work) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var g errgroup.Group
	tried := map[peer.ID]bool{}
	left := make(chan bool, maxFetchers) // of fetchers: whether all is fetched
	for running := 0; ; {
		changed := n.Changed()
		useful, _ := n.heavier(work)
		for running < maxFetchers {
			u, ok := chooseFetcher(useful, sv.peer, tried)
			if !ok {
				break
			}
			tried[u.ID] = true
			running++
			g.Go(func() error {
				left <- n.fetcher(ctx, u.ID, sv, p)
				return nil
			})
		}
		if running == 0 {
			return g.Wait()
		}
		select {
		case <-changed:
		case done := <-left:
			if running--; done {
				cancel() // who is slow with what another brought
				return g.Wait()
			}
		case <-ctx.Done():
			return g.Wait()
		}
	}
}

// fetcher asks one peer for windows until the plan is done (true), or the peer
// is of no more use.
func (n *Network) fetcher(ctx context.Context, id peer.ID, sv *survey, p *plan) (done bool) {
	for {
		w, hashes, ok := p.take(ctx, id)
		if !ok {
			return true
		}
		asked := time.Now()
		blocks, err := n.askBlocks(ctx, id, hashes)
		p.give(w, id, blocks)
		switch {
		case ctx.Err() != nil:
			if len(blocks) == 0 && time.Since(asked) > n.timing.hedge {
				n.pause(id, ReasonStalled, errors.New("others brought its blocks before it brought one"))
			}
			return true
		case err != nil:
			n.pause(id, reasonOf(err), err)
			return false
		case len(blocks) == 0 && id == sv.peer:
			n.pause(id, ReasonNoBodies, errors.New("it has not the blocks of its own headers"))
			return false
		case len(blocks) == 0:
			return false // it is on another branch; nobody is to blame
		}
	}
}
