package api

import (
	"context"
	"net/http"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain"
)

type accountInput struct {
	Address chain.Address `path:"address" doc:"an Ed25519 peer id" example:"12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"`
}

// account answers for every address: one that was never seen has nothing.
func (n *rooms) account(_ context.Context, in *accountInput) (*jsonOutput[client.Account], error) {
	if err := checkAddress(in.Address); err != nil {
		return nil, err
	}
	info, err := n.node.Ledger().Account(in.Address)
	if err != nil {
		return nil, err
	}
	return ok(client.Account{
		Address:   in.Address,
		Balance:   info.Balance,
		Nonce:     info.Nonce,
		NextNonce: info.NextNonce,
		Pending:   info.Pending,
	}), nil
}

// checkAddress refuses what has an address's form and carries no key.
func checkAddress(a chain.Address) error {
	if _, err := chain.ParseAddress(string(a)); err != nil {
		return newProblem(http.StatusUnprocessableEntity, "path.address: "+err.Error())
	}
	return nil
}

type poolInput struct {
	Limit int `query:"limit" minimum:"0" maximum:"1000" default:"100" doc:"number of transactions; the list also ends after 16 MiB"`
	Size  int `query:"size" minimum:"253" maximum:"8388608" default:"1000" doc:"bytes of the transaction that min_fee is for"`
}

// pool lists what waits, in the order in which it would be mined.
func (n *rooms) pool(_ context.Context, in *poolInput) (*jsonOutput[client.Pool], error) {
	info := n.node.Ledger().Pool(in.Limit)
	p := client.Pool{
		Count:        info.Count,
		Bytes:        info.Bytes,
		MinFee:       n.node.Ledger().MinFee(in.Size),
		Transactions: []client.PoolEntry{},
	}
	size := 0
	for _, e := range info.Entries {
		size += len(e.Transaction.Raw())
		if size > maxPageBytes && len(p.Transactions) > 0 {
			break
		}
		p.Transactions = append(p.Transactions, client.PoolEntry{
			ID:          e.Transaction.ID(),
			Seen:        e.Seen,
			Source:      e.Source,
			Waiting:     e.Waiting,
			Transaction: client.Signed{Transaction: e.Transaction},
		})
	}
	return ok(p), nil
}
