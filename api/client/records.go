package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

// Signed is a transaction inside other JSON, in its canonical bytes.
type Signed struct{ *chain.Transaction }

// IsZero tells whether there is none.
func (s Signed) IsZero() bool { return s.Transaction == nil }

// MarshalJSON implements json.Marshaler.
func (s Signed) MarshalJSON() ([]byte, error) {
	if s.IsZero() {
		return []byte("null"), nil
	}
	return s.Raw(), nil
}

// UnmarshalJSON implements json.Unmarshaler. It refuses what is not canonical,
// so that the transaction's id is that of the bytes that came.
func (s *Signed) UnmarshalJSON(raw []byte) error {
	var t chain.Transaction
	if err := json.Unmarshal(raw, &t); err != nil {
		return fmt.Errorf("not a transaction: %w", err)
	}
	tx := chain.NewTransaction(t)
	if !bytes.Equal(tx.Raw(), raw) {
		return fmt.Errorf("transaction %s is not in its canonical form", tx.ID())
	}
	s.Transaction = tx
	return nil
}

// TxState is the one state that a transaction has on a node.
type TxState string

// The states of a transaction.
const (
	StatePending  TxState = "pending"  // it waits for a block
	StateIncluded TxState = "included" // in a block of the best chain
	StateReplaced TxState = "replaced" // another with its sender and nonce took its place
	StateExpired  TxState = "expired"  // it left the pool: too old, too cheap, or it no longer fits
	StateUnknown  TxState = "unknown"  // never here, or long forgotten
)

// TxStatus says where a transaction is, GET /v1/transactions/{id}.
type TxStatus struct {
	ID          chain.Hash  `json:"id" doc:"SHA-256 of the canonical bytes"`
	State       TxState     `json:"state" enum:"pending,included,replaced,expired,unknown"`
	Pending     *TxPending  `json:"pending,omitempty" doc:"there when pending"`
	Included    *TxIncluded `json:"included,omitempty" doc:"there when included"`
	ReplacedBy  chain.Hash  `json:"replaced_by,omitzero" doc:"id of the transaction that took its place, if it is known"`
	Detail      string      `json:"detail,omitempty" doc:"replaced or expired: why, and what to do"`
	Transaction Signed      `json:"transaction,omitzero" doc:"there when pending or included"`
}

// TxPending is a transaction's place in the pool.
type TxPending struct {
	Position int  `json:"position" doc:"how many would be mined before it"`
	Waiting  bool `json:"waiting" doc:"behind a gap in its sender's nonces: not to be mined yet"`
}

// TxIncluded is a transaction's place in the best chain.
type TxIncluded struct {
	Block         chain.Hash `json:"block" doc:"hash of the block that holds it"`
	Height        uint64     `json:"height" doc:"of that block"`
	Index         uint64     `json:"index" doc:"in that block, from 0"`
	Confirmations uint64     `json:"confirmations" doc:"blocks from its own to the tip, both counted"`
}

// Submitted is the answer of POST /v1/transactions.
type Submitted struct {
	ID chain.Hash `json:"id" doc:"of the transaction, by which to ask for it"`
}

// Account is GET /v1/accounts/{address}: an account at the tip, and what the
// pool adds to it.
type Account struct {
	Address   chain.Address `json:"address"`
	Balance   uint64        `json:"balance" doc:"units at the tip"`
	Nonce     uint64        `json:"nonce" doc:"number of its transactions in the chain"`
	NextNonce uint64        `json:"next_nonce" doc:"nonce of its next transaction, after those that wait"`
	Pending   int           `json:"pending" doc:"number of its transactions that wait"`
}

// Pool is GET /v1/pool.
type Pool struct {
	Count        int         `json:"count" doc:"waiting transactions, all of them"`
	Bytes        uint64      `json:"bytes" doc:"sum of their canonical sizes"`
	MinFee       uint64      `json:"min_fee" doc:"least fee, in units, of a transaction of the size asked for"`
	Transactions []PoolEntry `json:"transactions" doc:"the first ones, in the order in which they would be mined"`
}

// PoolEntry is a waiting transaction.
type PoolEntry struct {
	ID          chain.Hash   `json:"id" doc:"SHA-256 of the canonical bytes"`
	Seen        time.Time    `json:"seen" doc:"when this node first had it"`
	Source      chain.Source `json:"source" doc:"through which door, and from which peer"`
	Waiting     bool         `json:"waiting" doc:"behind a gap in its sender's nonces: not to be mined yet"`
	Transaction Signed       `json:"transaction"`
}

// Verdict is the answer of POST /v1/receipts/verify for a receipt that holds.
type Verdict struct {
	Transaction chain.Hash   `json:"transaction" doc:"id of the transaction"`
	Block       chain.Hash   `json:"block" doc:"hash of the block that holds it"`
	Height      uint64       `json:"height" doc:"of that block"`
	Index       uint64       `json:"index" doc:"in that block, from 0"`
	Tip         chain.Cursor `json:"tip" doc:"the block that the receipt was made against"`
	OnBestChain bool         `json:"tip_on_best_chain" doc:"this node has that block on its best chain"`
	Proved      string       `json:"proved" doc:"what the receipt proves, in words"`
	Trusted     string       `json:"trusted" doc:"what remains to be trusted, in words"`
}
