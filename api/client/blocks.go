package client

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/lp2pnode/lp2pnode/chain"
)

// Latest names the tip where a block is asked for.
const Latest = "latest"

// Block returns one block by its height (a decimal, on the best chain), its
// hash (64 hex digits, side branches too) or Latest. Its Raw are the bytes
// that came. That it obeys the rules of its chain is the node's word; that it
// hashes to its hash, and that the hash or height is the one asked for, is
// checked.
func (c *Client) Block(ctx context.Context, ref string) (*chain.Block, error) {
	raw, err := c.fetch(ctx, http.MethodGet, "/v1/blocks/"+url.PathEscape(ref), nil, nil)
	if err != nil {
		return nil, err
	}
	b, err := parseBlock(raw)
	if err != nil {
		return nil, fmt.Errorf("block %s from %s: %w", ref, c.base, err)
	}
	if ref != Latest && ref != b.Hash.String() && ref != strconv.FormatUint(b.Height, 10) {
		return nil, fmt.Errorf("block %s from %s: got block %d, %s", ref, c.base, b.Height, b.Hash)
	}
	return b, nil
}

// Blocks returns blocks of the best chain from a height on, ascending: at most
// limit, and at most what one answer of the node holds; none above the tip. A
// reorganisation between two calls shows in a PrevHash that does not fit.
func (c *Client) Blocks(ctx context.Context, from uint64, limit int) ([]*chain.Block, error) {
	height := func(b *chain.Block) uint64 { return b.Height }
	return list(ctx, c, "/v1/blocks", from, limit, parseBlock, height)
}

// Headers is Blocks without transactions.
func (c *Client) Headers(ctx context.Context, from uint64, limit int) ([]*chain.Header, error) {
	height := func(h *chain.Header) uint64 { return h.Height }
	return list(ctx, c, "/v1/headers", from, limit, parseHeader, height)
}

func list[T any](ctx context.Context, c *Client, path string, from uint64, limit int, parse func([]byte) (T, error), height func(T) uint64) ([]T, error) {
	q := url.Values{"from": {strconv.FormatUint(from, 10)}, "limit": {strconv.Itoa(limit)}}
	raws, err := get[[]json.RawMessage](ctx, c, path, q)
	if err != nil {
		return nil, err
	}
	if len(raws) > limit {
		return nil, fmt.Errorf("%s%s: asked for %d, got %d", c.base, path, limit, len(raws))
	}
	out := make([]T, len(raws))
	for i, raw := range raws {
		want := from + uint64(i)
		if out[i], err = parse(raw); err != nil {
			return nil, fmt.Errorf("height %d from %s: %w", want, c.base, err)
		}
		if got := height(out[i]); got != want {
			return nil, fmt.Errorf("height %d from %s: got height %d", want, c.base, got)
		}
	}
	return out, nil
}

// parseBlock reads a block and checks that it hashes to its hash (protocol §4).
func parseBlock(raw []byte) (*chain.Block, error) {
	var wire struct {
		chain.Header
		Transactions []chain.Transaction `json:"transactions"`
	}
	if err := json.Unmarshal(raw, &wire); err != nil {
		return nil, fmt.Errorf("not a block: %w", err)
	}
	txs := make([]*chain.Transaction, len(wire.Transactions))
	for i, t := range wire.Transactions {
		txs[i] = chain.NewTransaction(t)
	}
	b := chain.NewBlock(wire.Header, txs)
	if !bytes.Equal(b.Raw(), raw) {
		return nil, fmt.Errorf("block %s is not in its canonical form", b.Hash)
	}
	if count, root := chain.TxSummary(txs); count != b.TxCount || root != b.TxRoot {
		return nil, fmt.Errorf("block %s has other transactions than its tx_root says", b.Hash)
	}
	return b, checkHash(&b.Header)
}

// parseHeader reads a header and checks that it hashes to its hash.
func parseHeader(raw []byte) (*chain.Header, error) {
	h := &chain.Header{}
	if err := json.Unmarshal(raw, h); err != nil {
		return nil, fmt.Errorf("not a header: %w", err)
	}
	if !bytes.Equal(h.Canonical(), raw) {
		return nil, fmt.Errorf("header %s is not in its canonical form", h.Hash)
	}
	return h, checkHash(h)
}

func checkHash(h *chain.Header) error {
	if want := h.ComputeHash(); h.Hash != want {
		return fmt.Errorf("block %d says hash %s, but hashes to %s", h.Height, h.Hash, want)
	}
	return nil
}
