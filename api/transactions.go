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
)

type transactionInput struct {
	ID chain.Hash `path:"id" doc:"SHA-256 of the transaction's canonical bytes" example:"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"`
}

// transaction says where a transaction is; one that is not known here is in
// that state, and no error.
func (n *rooms) transaction(_ context.Context, in *transactionInput) (*jsonOutput[client.TxStatus], error) {
	s, err := n.node.Ledger().Transaction(in.ID)
	if err != nil {
		return nil, err
	}
	return ok(statusOf(in.ID, s)), nil
}

func statusOf(id chain.Hash, s ledger.TxStatus) client.TxStatus {
	out := client.TxStatus{
		ID:          id,
		State:       client.TxState(s.State),
		ReplacedBy:  s.By,
		Detail:      s.Detail,
		Transaction: client.Signed{Transaction: s.Transaction},
	}
	switch s.State {
	case ledger.TxPending:
		out.Pending = &client.TxPending{Position: s.Position, Waiting: s.Waiting}
	case ledger.TxIncluded:
		out.Included = &client.TxIncluded{
			Block:         s.Location.Block,
			Height:        s.Location.Height,
			Index:         s.Location.Index,
			Confirmations: s.Confirmations,
		}
	}
	return out
}

type submitInput struct {
	RawBody []byte `contentType:"application/json"`
}

// submit hands a transaction to the node: 202 when it is taken, 200 when it is
// here already, so that whoever lost the answer may ask again.
func (n *rooms) submit(ctx context.Context, in *submitInput) (*jsonOutput[client.Submitted], error) {
	raw := bytes.Clone(in.RawBody) // huma uses its buffer again; the pool keeps ours
	tx, err := n.node.Ledger().Rules().DecodeTransaction(raw)
	if err != nil {
		return nil, err
	}
	out := &jsonOutput[client.Submitted]{Status: http.StatusAccepted, Body: client.Submitted{ID: tx.ID()}}
	err = n.node.SubmitTransaction(ctx, tx)
	if err == nil {
		return out, nil
	}
	out.Status = http.StatusOK
	if errors.Is(err, chain.ErrKnown) {
		return out, nil
	}
	if here, lookErr := n.isHere(tx.ID()); lookErr != nil {
		return nil, lookErr
	} else if here {
		return out, nil
	}
	return nil, err
}

// isHere tells whether a transaction waits or is in the chain.
func (n *rooms) isHere(id chain.Hash) (bool, error) {
	s, err := n.node.Ledger().Transaction(id)
	if err != nil {
		return false, fmt.Errorf("after a refusal: %w", err)
	}
	return s.State == ledger.TxIncluded || s.State == ledger.TxPending, nil
}
