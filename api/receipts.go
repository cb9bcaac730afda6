package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/ledger"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

type receiptInput struct {
	ID          chain.Hash `path:"id" doc:"SHA-256 of the transaction's canonical bytes"`
	IfNoneMatch string     `header:"If-None-Match" doc:"the ETag of a receipt that the asker has"`
}

// receipt answers with the receipt against the present tip (protocol §9): the
// next block makes another one, which proves the same.
func (n *rooms) receipt(_ context.Context, in *receiptInput) (*rawOutput, error) {
	r, err := n.node.Ledger().Receipt(in.ID)
	if errors.Is(err, ledger.ErrNotIncluded) {
		return nil, n.whyNoReceipt(in.ID)
	}
	if err != nil {
		return nil, err
	}
	out := &rawOutput{
		Status:       http.StatusOK,
		ContentType:  "application/json",
		ETag:         fmt.Sprintf(`"%s-%s"`, in.ID, r.Tip.Hash),
		CacheControl: "no-cache", // another tip makes another receipt
		Body:         r.Canonical(),
	}
	if matches(in.IfNoneMatch, out.ETag) {
		out.Status, out.Body = http.StatusNotModified, nil
	}
	return out, nil
}

// whyNoReceipt says what keeps a transaction from having a receipt.
func (n *rooms) whyNoReceipt(id chain.Hash) error {
	s, err := n.node.Ledger().Transaction(id)
	switch {
	case err != nil:
		return err
	case s.State == ledger.TxPending:
		return newProblem(http.StatusConflict, fmt.Sprintf("transaction %s is pending; its receipt can be had one block after the one that holds it", id))
	case s.Detail != "":
		return newProblem(http.StatusNotFound, fmt.Sprintf("transaction %s is %s: %s", id, s.State, s.Detail))
	}
	return newProblem(http.StatusNotFound, fmt.Sprintf("transaction %s is in no block of the best chain", id))
}

type verifyInput struct {
	RawBody []byte `contentType:"application/json"`
}

// verifyReceipt checks a receipt as anybody could without a node, and adds the
// one thing that only a node knows: whether the receipt's tip is on its chain.
func (n *rooms) verifyReceipt(_ context.Context, in *verifyInput) (*jsonOutput[client.Verdict], error) {
	r, err := chain.DecodeReceipt(bytes.Clone(in.RawBody), n.node.Ledger().Rules().Engine)
	if err != nil {
		return nil, err
	}
	v := client.Verdict{
		Transaction: chain.NewTransaction(r.Transaction).ID(),
		Block:       r.Header.Hash,
		Height:      r.Header.Height,
		Index:       r.TxIndex,
		Tip:         r.Tip.Cursor(),
		Proved: fmt.Sprintf("the transaction is number %d of %d in block %d, which is in the history of block %d; both blocks carry their work",
			r.TxIndex+1, r.TxCount, r.Header.Height, r.Tip.Height),
		Trusted: fmt.Sprintf("block %s is not on this node's best chain: compare it with a hash that you trust", r.Tip.Hash),
	}
	hash, err := n.node.Ledger().Store().HashAt(r.Tip.Height)
	switch {
	case errors.Is(err, store.ErrNotFound):
	case err != nil:
		return nil, fmt.Errorf("read height %d: %w", r.Tip.Height, err)
	case hash == r.Tip.Hash:
		v.OnBestChain = true
		v.Trusted = fmt.Sprintf("this node, which has block %s on its best chain", r.Tip.Hash)
	}
	return ok(v), nil
}
