package api

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/canonical"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

// genesis answers with the parameters that define the chain (protocol §3).
func (n *rooms) genesis(context.Context, *struct{}) (*rawOutput, error) {
	return &rawOutput{
		Status:      http.StatusOK,
		ContentType: "application/json",
		Body:        n.node.Ledger().Rules().Params.Canonical(),
	}, nil
}

type historyInput struct {
	Address chain.Address `path:"address" doc:"an Ed25519 peer id"`
	Before  string        `query:"before" doc:"the next of an earlier page, height:index"`
	Limit   int           `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"number of entries; a page also ends after 16 MiB of blocks"`
}

// history lists what concerns an account, the latest first.
func (n *rooms) history(ctx context.Context, in *historyInput) (*jsonOutput[client.History], error) {
	if err := checkAddress(in.Address); err != nil {
		return nil, err
	}
	before, err := parseBefore(in.Before)
	if err != nil {
		return nil, err
	}
	places, err := n.node.Ledger().Store().History(in.Address, before, in.Limit)
	if err != nil {
		return nil, fmt.Errorf("read history of %s: %w", in.Address, err)
	}
	h := client.History{Entries: []client.HistoryEntry{}}
	read := blockReader{store: n.node.Ledger().Store()}
	for _, at := range places {
		e, err := n.entry(ctx, &read, in.Address, at)
		if err != nil {
			return nil, err
		}
		if read.bytes > maxPageBytes && len(h.Entries) > 0 { // a transaction holds the bytes of its block
			break
		}
		h.Entries = append(h.Entries, e)
	}
	if len(h.Entries) == in.Limit || len(h.Entries) < len(places) {
		last := h.Entries[len(h.Entries)-1]
		h.Next = fmt.Sprintf("%d:%d", last.Height, last.Index)
	}
	return ok(h), nil
}

// parseBefore reads the next of a page; "" is none.
func parseBefore(s string) (*store.Place, error) {
	if s == "" {
		return nil, nil
	}
	height, index, _ := strings.Cut(s, ":")
	p := &store.Place{}
	var err, errIndex error
	p.Height, err = strconv.ParseUint(height, 10, 64)
	p.Index, errIndex = strconv.ParseUint(index, 10, 32)
	if err != nil || errIndex != nil || p.Height > canonical.MaxInteger {
		return nil, newProblem(http.StatusUnprocessableEntity, fmt.Sprintf("query.before: want height:index, the next of an earlier page; got %.80q", s))
	}
	return p, nil
}

// entry tells of one place of an account's history.
func (n *rooms) entry(ctx context.Context, read *blockReader, a chain.Address, at store.Location) (client.HistoryEntry, error) {
	b, err := read.block(ctx, at.Block)
	if err != nil {
		return client.HistoryEntry{}, err
	}
	e := client.HistoryEntry{Place: placeAt(at), Timestamp: b.Timestamp}
	if at.Index == uint64(len(b.Transactions)) {
		e.Kind, e.Reward = client.HistoryMined, n.node.Ledger().Rules().Params.RewardAt(b.Height)
		for _, t := range b.Transactions {
			e.Reward += t.Fee
		}
		return e, nil
	}
	t, err := transactionAt(b, at.Index)
	if err != nil {
		return e, err
	}
	e.Kind, e.ID, e.Transaction = client.HistoryReceived, t.ID(), client.Signed{Transaction: t}
	if t.From == a {
		e.Kind = client.HistorySent
	}
	return e, nil
}

func placeAt(at store.Location) client.Place {
	return client.Place{Height: at.Height, Block: at.Block, Index: at.Index}
}

func transactionAt(b *chain.Block, index uint64) (*chain.Transaction, error) {
	if index >= uint64(len(b.Transactions)) {
		return nil, fmt.Errorf("an index points at number %d of %d in block %s", index, len(b.Transactions), b.Hash)
	}
	return b.Transactions[index], nil
}

// blockReader reads blocks of which several are often the same.
type blockReader struct {
	store *store.Store
	last  *chain.Block
	bytes int // of the blocks read
}

func (r *blockReader) block(ctx context.Context, hash chain.Hash) (*chain.Block, error) {
	if r.last != nil && r.last.Hash == hash {
		return r.last, nil
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	b, err := r.store.Block(hash)
	if err != nil {
		return nil, fmt.Errorf("read block %s: %w", hash, err)
	}
	r.last, r.bytes = b, r.bytes+len(b.Raw())
	return b, nil
}

type recordsInput struct {
	Hash  chain.Hash `path:"sha256" doc:"SHA-256 of a file, or of what was recorded" example:"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"`
	Limit int        `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"number of records"`
}

// shownData is how much of a record's data is told.
const shownData = 1024

// records lists where a hash is on record, the earliest first.
func (n *rooms) records(ctx context.Context, in *recordsInput) (*jsonOutput[[]client.Record], error) {
	st := n.node.Ledger().Store()
	places, err := st.Recorded(in.Hash, in.Limit)
	if err != nil {
		return nil, fmt.Errorf("look for records of %s: %w", in.Hash, err)
	}
	read := blockReader{store: st}
	list := []client.Record{}
	tip := n.node.Ledger().Tip().Tip.Height
	for _, at := range places {
		b, err := read.block(ctx, at.Block)
		if err != nil {
			return nil, err
		}
		t, err := transactionAt(b, at.Index)
		if err != nil {
			return nil, err
		}
		list = append(list, client.Record{
			Place:         placeAt(at),
			ID:            t.ID(),
			From:          t.From,
			Data:          strings.Clone(strings.ToValidUTF8(t.Data[:min(len(t.Data), shownData)], "")), // and not the block's bytes
			Timestamp:     b.Timestamp,
			Confirmations: tip - min(tip, at.Height) + 1,
		})
	}
	return ok(list), nil
}
