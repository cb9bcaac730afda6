package client

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/pow"
)

// Submit hands in a signed transaction, made by chain.NewTransaction, and
// returns its id. It is no error when the node has it already, so a call whose
// answer was lost may be made again.
func (c *Client) Submit(ctx context.Context, tx *chain.Transaction) (chain.Hash, error) {
	s, err := post[Submitted](ctx, c, "/v1/transactions", tx.Raw())
	if err != nil {
		return chain.Hash{}, err
	}
	if s.ID != tx.ID() {
		return s.ID, fmt.Errorf("%s: handed in transaction %s, it took %s", c.base, tx.ID(), s.ID)
	}
	return s.ID, nil
}

// Transaction says where a transaction is. One that the node does not know is
// in that state, which is no error.
func (c *Client) Transaction(ctx context.Context, id chain.Hash) (*TxStatus, error) {
	s, err := get[*TxStatus](ctx, c, "/v1/transactions/"+id.String(), nil)
	if err != nil {
		return nil, err
	}
	if s.ID != id || (!s.Transaction.IsZero() && s.Transaction.ID() != id) {
		return nil, fmt.Errorf("%s: asked for transaction %s, got another", c.base, id)
	}
	return s, nil
}

// Receipt returns the receipt of a transaction, against the node's present tip.
// All that a receipt can prove by itself is checked; whether Tip.Hash is to be
// trusted is not. Receipt.Canonical is what others want to have.
func (c *Client) Receipt(ctx context.Context, id chain.Hash) (*chain.Receipt, error) {
	raw, err := c.fetch(ctx, http.MethodGet, "/v1/transactions/"+id.String()+"/receipt", nil, nil)
	if err != nil {
		return nil, err
	}
	r, err := chain.DecodeReceipt(raw, pow.Engine{})
	if err != nil {
		return nil, fmt.Errorf("receipt of %s from %s: %w", id, c.base, err)
	}
	if got := chain.NewTransaction(r.Transaction).ID(); got != id {
		return nil, fmt.Errorf("receipt of %s from %s: it is of %s", id, c.base, got)
	}
	return r, nil
}

// VerifyReceipt asks the node what a receipt, in its canonical bytes, proves and
// whether the block that it was made against is on the node's best chain. One
// that does not hold is a *Problem that says what does not.
func (c *Client) VerifyReceipt(ctx context.Context, raw []byte) (*Verdict, error) {
	return post[*Verdict](ctx, c, "/v1/receipts/verify", raw)
}

// Account returns an account at the node's tip; one never seen has nothing.
func (c *Client) Account(ctx context.Context, a chain.Address) (*Account, error) {
	return get[*Account](ctx, c, "/v1/accounts/"+url.PathEscape(string(a)), nil)
}

// Pool returns what waits, with its first limit transactions, at most 1000, and
// the least fee of a transaction of size bytes; size 0 leaves it to the node.
func (c *Client) Pool(ctx context.Context, limit, size int) (*Pool, error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if size > 0 {
		q.Set("size", strconv.Itoa(size))
	}
	p, err := get[*Pool](ctx, c, "/v1/pool", q)
	if err != nil {
		return nil, err
	}
	for _, e := range p.Transactions {
		if e.Transaction.IsZero() || e.Transaction.ID() != e.ID {
			return nil, fmt.Errorf("%s/v1/pool: transaction %s has another id", c.base, e.ID)
		}
	}
	return p, nil
}
