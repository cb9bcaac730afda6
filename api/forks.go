package api

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

type forksInput struct {
	Depth uint64           `query:"depth" minimum:"1" maximum:"1000" default:"20" doc:"how many heights below the highest"`
	To    optional[uint64] `query:"to" maximum:"9007199254740991" doc:"the highest height; without it the tip, and all known above it"`
}

// forks lists the known blocks of the last heights, and of all above the tip: a
// longer branch may have less work. To looks further back.
func (n *rooms) forks(ctx context.Context, in *forksInput) (*jsonOutput[[]client.Fork], error) {
	st := n.node.Ledger().Store()
	tip := n.node.Ledger().Tip().Tip.Height
	high := tip
	if in.To.Set {
		high = in.To.Value
	}
	low := high - min(high, in.Depth)
	best, err := st.Hashes(low, int(high-low)+1)
	if err != nil {
		return nil, fmt.Errorf("read heights from %d: %w", low, err)
	}
	forks := []client.Fork{}
	for height := low; ; height++ {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		records, err := st.At(height)
		if err != nil {
			return nil, fmt.Errorf("read blocks of height %d: %w", height, err)
		}
		if len(records) == 0 && height > tip || in.To.Set && height > high {
			return ok(forks), nil
		}
		var main chain.Hash
		if i := height - low; i < uint64(len(best)) {
			main = best[i]
		}
		forks = append(forks, forksOf(records, main)...)
	}
}

// forksOf returns the blocks of one height, the best chain's first, then by
// when they came.
func forksOf(records []store.Record, best chain.Hash) []client.Fork {
	forks := make([]client.Fork, len(records))
	for i, r := range records {
		forks[i] = forkOf(r, r.Header.Hash == best)
	}
	slices.SortStableFunc(forks, func(a, b client.Fork) int {
		if a.Best != b.Best {
			return cmp.Compare(rank(a.Best), rank(b.Best))
		}
		return a.Seen.Compare(b.Seen)
	})
	return forks
}

func forkOf(r store.Record, best bool) client.Fork {
	h := r.Header
	return client.Fork{
		Height:     h.Height,
		Hash:       h.Hash,
		Parent:     h.PrevHash,
		Work:       r.Work,
		Difficulty: h.Difficulty,
		Timestamp:  h.Timestamp,
		Miner:      h.Miner,
		TxCount:    h.TxCount,
		Seen:       r.Seen,
		Source:     r.Source,
		Best:       best,
	}
}

func rank(best bool) int {
	if best {
		return 0
	}
	return 1
}
