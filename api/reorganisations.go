package api

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/ledger"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

const (
	toldBlocks       = 200  // of each branch of a reorganisation
	toldTransactions = 1000 // of the branch that gave way
)

type reorganisationsInput struct {
	Before optional[uint64] `query:"before" maximum:"9007199254740991" doc:"number; only those before it"`
	Limit  int              `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"how many"`
}

// reorganisations lists the changes of the best chain that took blocks off it,
// the latest first.
func (n *rooms) reorganisations(_ context.Context, in *reorganisationsInput) (*jsonOutput[[]client.Reorganisation], error) {
	var before *uint64
	if in.Before.Set {
		before = &in.Before.Value
	}
	found, err := n.node.Ledger().Store().Reorganisations(before, in.Limit)
	if err != nil {
		return nil, fmt.Errorf("read reorganisations: %w", err)
	}
	list := make([]client.Reorganisation, len(found))
	for i, r := range found {
		if list[i], err = n.reorganisationOf(r); err != nil {
			return nil, err
		}
	}
	return ok(list), nil
}

type reorganisationInput struct {
	Number uint64 `path:"number" maximum:"9007199254740991" doc:"which one, from 0"`
}

// reorganisation tells one with the blocks of both branches, and what became
// of the transactions of the one that gave way.
func (n *rooms) reorganisation(ctx context.Context, in *reorganisationInput) (*jsonOutput[client.Reorganisation], error) {
	before := in.Number + 1
	found, err := n.node.Ledger().Store().Reorganisations(&before, 1)
	if err != nil {
		return nil, fmt.Errorf("read reorganisation %d: %w", in.Number, err)
	}
	if len(found) == 0 || found[0].Number != in.Number {
		return nil, newProblem(http.StatusNotFound, fmt.Sprintf("this node has seen no reorganisation of number %d", in.Number))
	}
	r, err := n.reorganisationOf(found[0])
	if err != nil {
		return nil, err
	}
	for _, branch := range []*client.Branch{&r.Old, &r.New} {
		if branch.Blocks, err = n.branch(ctx, branch.Tip, branch.Length); err != nil {
			return nil, err
		}
	}
	r.Transactions, err = n.moved(ctx, r.Old.Blocks)
	return ok(r), err
}

func (n *rooms) reorganisationOf(r store.Reorganisation) (client.Reorganisation, error) {
	out := client.Reorganisation{
		Number: r.Number,
		At:     r.At,
		Source: r.Source,
		Fork:   r.Fork,
		Old:    client.Branch{Tip: r.Old, Length: r.Old.Height - min(r.Old.Height, r.Fork.Height)},
		New:    client.Branch{Tip: r.New, Length: r.New.Height - min(r.New.Height, r.Fork.Height)},
	}
	for _, row := range []struct {
		hash chain.Hash
		work *chain.Work
	}{{r.Fork.Hash, &out.ForkWork}, {r.Old.Hash, &out.Old.Work}, {r.New.Hash, &out.New.Work}} {
		record, err := n.node.Ledger().Store().Record(row.hash)
		if err != nil {
			return out, fmt.Errorf("read header of %s: %w", row.hash, err)
		}
		*row.work = record.Work
	}
	return out, nil
}

// branch lists the last blocks of a branch, ascending.
func (n *rooms) branch(ctx context.Context, tip chain.Cursor, length uint64) ([]client.Fork, error) {
	st := n.node.Ledger().Store()
	blocks := []client.Fork{}
	for hash := tip.Hash; uint64(len(blocks)) < min(length, toldBlocks); {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		record, err := st.Record(hash)
		if err != nil {
			return nil, fmt.Errorf("read header of %s: %w", hash, err)
		}
		at, err := st.Hashes(record.Header.Height, 1)
		if err != nil {
			return nil, fmt.Errorf("read height %d: %w", record.Header.Height, err)
		}
		blocks = append(blocks, forkOf(record, len(at) > 0 && at[0] == hash))
		hash = record.Header.PrevHash
	}
	slices.Reverse(blocks)
	return blocks, nil
}

// moved says where the transactions of blocks that gave way are now.
func (n *rooms) moved(ctx context.Context, blocks []client.Fork) ([]client.Moved, error) {
	read := blockReader{store: n.node.Ledger().Store()}
	var list []client.Moved
	for _, f := range blocks {
		if f.TxCount == 0 {
			continue
		}
		b, err := read.block(ctx, f.Hash)
		if err != nil {
			return nil, err
		}
		for i, t := range b.Transactions {
			if len(list) == toldTransactions {
				return list, nil
			}
			s, err := n.node.Ledger().Transaction(t.ID())
			if err != nil {
				return nil, err
			}
			m := client.Moved{ID: t.ID(), Was: client.Place{Height: f.Height, Block: f.Hash, Index: uint64(i)}, State: client.TxState(s.State)}
			if s.State == ledger.TxIncluded {
				at := placeAt(s.Location)
				m.Now = &at
			}
			list = append(list, m)
		}
	}
	return list, nil
}
