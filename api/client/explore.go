package client

import (
	"context"
	"net/url"
	"strconv"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

// Place is where something stands on the best chain.
type Place struct {
	Height uint64     `json:"height" doc:"of the block that holds it"`
	Block  chain.Hash `json:"block" doc:"hash of that block"`
	Index  uint64     `json:"index" doc:"in that block, from 0"`
}

// History is a page of what concerns an account on the best chain, the latest
// first, GET /v1/accounts/{address}/history.
type History struct {
	Entries []HistoryEntry `json:"entries"`
	Next    string         `json:"next,omitempty" doc:"to be given as before for the page after; absent on the last"`
}

// HistoryKind says what an entry of a History tells.
type HistoryKind string

// The kinds of entries.
const (
	HistorySent     HistoryKind = "sent"     // the account signed the transaction
	HistoryReceived HistoryKind = "received" // the transaction paid the account
	HistoryMined    HistoryKind = "mined"    // the account mined the block
)

// HistoryEntry is a transaction that names an account, or a block that it
// mined.
type HistoryEntry struct {
	Place
	Kind        HistoryKind `json:"kind" enum:"sent,received,mined"`
	Timestamp   uint64      `json:"timestamp" doc:"of the block, Unix ms, its miner's"`
	Reward      uint64      `json:"reward,omitempty" doc:"mined: units created and fees"`
	ID          chain.Hash  `json:"id,omitzero" doc:"of the transaction"`
	Transaction Signed      `json:"transaction,omitzero" doc:"sent or received"`
}

// Record is a transaction of the best chain that has a SHA-256 on record, GET
// /v1/records/{sha256}: its data name the hash in 64 hex digits, or are
// themselves what hashes to it.
type Record struct {
	Place
	ID            chain.Hash    `json:"id" doc:"of the transaction"`
	From          chain.Address `json:"from" doc:"who signed it"`
	Data          string        `json:"data" doc:"what is recorded, the first 1024 bytes"`
	Timestamp     uint64        `json:"timestamp" doc:"of the block, Unix ms, its miner's"`
	Confirmations uint64        `json:"confirmations" doc:"blocks from its own to the tip, both counted"`
}

// Reorganisation is a change of the best chain that took blocks off it, GET
// /v1/reorganisations: the blocks of Old gave way to those of New, which has
// more work. A single one, GET /v1/reorganisations/{number}, has the blocks of
// both branches and the transactions of the old one with it.
type Reorganisation struct {
	Number       uint64       `json:"number" doc:"from 0"`
	At           time.Time    `json:"at" doc:"when this node changed over"`
	Source       chain.Source `json:"source" doc:"from whom the block came that tipped the scale"`
	Fork         chain.Cursor `json:"fork" doc:"the last block that both branches have"`
	ForkWork     chain.Work   `json:"fork_work" doc:"of the chain up to that block, a decimal"`
	Old          Branch       `json:"old"`
	New          Branch       `json:"new"`
	Transactions []Moved      `json:"transactions,omitempty" doc:"those of the old branch, at most 1000"`
}

// Branch is one of two ways on from a fork.
type Branch struct {
	Tip    chain.Cursor `json:"tip" doc:"its last block then"`
	Length uint64       `json:"length" doc:"its blocks after the fork"`
	Work   chain.Work   `json:"work" doc:"of the chain up to its tip, a decimal"`
	Blocks []Fork       `json:"blocks,omitempty" doc:"its last 200 blocks, ascending"`
}

// Moved is a transaction of a branch that gave way, and where it is now.
type Moved struct {
	ID    chain.Hash `json:"id"`
	Was   Place      `json:"was" doc:"in the branch that gave way"`
	State TxState    `json:"state" enum:"pending,included,replaced,expired,unknown" doc:"now"`
	Now   *Place     `json:"now,omitempty" doc:"there when included"`
}

// Genesis returns the parameters of the node's chain (protocol §3).
func (c *Client) Genesis(ctx context.Context) (*chain.Params, error) {
	return get[*chain.Params](ctx, c, "/v1/genesis", nil)
}

// History returns at most limit entries of an account's history, the latest
// first. before is the Next of the page before this one, or "".
func (c *Client) History(ctx context.Context, a chain.Address, before string, limit int) (*History, error) {
	q := url.Values{"limit": {strconv.Itoa(limit)}}
	if before != "" {
		q.Set("before", before)
	}
	return get[*History](ctx, c, "/v1/accounts/"+url.PathEscape(string(a))+"/history", q)
}

// Records returns where a SHA-256 is on record, the earliest first, at most
// limit of them; none is no error.
func (c *Client) Records(ctx context.Context, sha256 chain.Hash, limit int) ([]Record, error) {
	return get[[]Record](ctx, c, "/v1/records/"+sha256.String(), url.Values{"limit": {strconv.Itoa(limit)}})
}

// Reorganisations returns the latest reorganisations of the node, at most limit
// of them, without blocks and transactions.
func (c *Client) Reorganisations(ctx context.Context, limit int) ([]Reorganisation, error) {
	return get[[]Reorganisation](ctx, c, "/v1/reorganisations", url.Values{"limit": {strconv.Itoa(limit)}})
}

// Reorganisation returns one of them, with blocks and transactions.
func (c *Client) Reorganisation(ctx context.Context, number uint64) (*Reorganisation, error) {
	return get[*Reorganisation](ctx, c, "/v1/reorganisations/"+strconv.FormatUint(number, 10), nil)
}
