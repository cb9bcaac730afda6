package api

import (
	"bytes"
	"context"

	"github.com/lp2pnode/lp2pnode/chain"
)

// explain runs every rule on a block or transaction that need not be known here.
func (n *rooms) explain(_ context.Context, in *workInput) (*jsonOutput[[]chain.Finding], error) {
	found, err := n.node.Ledger().Explain(bytes.Clone(in.RawBody)) // huma uses its buffer again
	if err != nil {
		return nil, err
	}
	return ok(found), nil
}
