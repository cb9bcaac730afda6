package api

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/canonical"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

// maxPageBytes ends a page of blocks, which holds one at least.
const maxPageBytes = 16 << 20

// ref is how a block is asked for: by hash, by height or as the latest.
type ref struct {
	latest bool
	byHash bool
	hash   chain.Hash
	height uint64
}

func parseRef(s string) (ref, error) {
	if s == "latest" {
		return ref{latest: true}, nil
	}
	if len(s) == 2*len(chain.Hash{}) {
		hash, err := chain.ParseHash(s)
		if err == nil {
			return ref{byHash: true, hash: hash}, nil
		}
	}
	height, err := strconv.ParseUint(s, 10, 64)
	if err != nil || height > canonical.MaxInteger || strconv.FormatUint(height, 10) != s {
		return ref{}, newProblem(http.StatusUnprocessableEntity,
			fmt.Sprintf("path.ref: want a height, a hash of 64 lowercase hex digits, or latest; got %.80q", s))
	}
	return ref{height: height}, nil
}

func (r ref) String() string {
	switch {
	case r.latest:
		return "latest"
	case r.byHash:
		return r.hash.String()
	}
	return strconv.FormatUint(r.height, 10)
}

type blockInput struct {
	Ref         string `path:"ref" doc:"a height of the best chain, the hash of any known block, or latest" example:"latest"`
	IfNoneMatch string `header:"If-None-Match" doc:"the ETag of a block that the asker has"`
}

// block answers with one block's canonical bytes.
func (n *rooms) block(_ context.Context, in *blockInput) (*rawOutput, error) {
	r, err := parseRef(in.Ref)
	if err != nil {
		return nil, err
	}
	hash, err := n.resolve(r)
	if err != nil {
		return nil, err
	}
	raw, err := n.node.Ledger().RawBlock(hash)
	if errors.Is(err, store.ErrNotFound) {
		return nil, newProblem(http.StatusNotFound, fmt.Sprintf("block %s is not known here", hash))
	}
	if err != nil {
		return nil, fmt.Errorf("read block %s: %w", hash, err)
	}
	out := &rawOutput{
		Status:       http.StatusOK,
		ContentType:  "application/json",
		ETag:         `"` + hash.String() + `"`,
		CacheControl: "no-cache", // what has this height may change
		Body:         raw,
	}
	if r.byHash {
		out.CacheControl = "public, max-age=31536000, immutable"
	}
	if matches(in.IfNoneMatch, out.ETag) {
		out.Status, out.Body = http.StatusNotModified, nil
	}
	return out, nil
}

// resolve returns the hash of the block that r means.
func (n *rooms) resolve(r ref) (chain.Hash, error) {
	if r.byHash {
		return r.hash, nil
	}
	tip := n.node.Ledger().Tip().Tip
	if r.latest {
		return tip.Hash, nil
	}
	hash, err := n.node.Ledger().Store().HashAt(r.height)
	if errors.Is(err, store.ErrNotFound) {
		return hash, newProblem(http.StatusNotFound, fmt.Sprintf("there is no block of height %d; the tip is at %d", r.height, tip.Height))
	}
	if err != nil {
		return hash, fmt.Errorf("read height %d: %w", r.height, err)
	}
	return hash, nil
}

// matches tells whether an If-None-Match header names an ETag (RFC 9110 §13.1.2).
func matches(header, etag string) bool {
	for tag := range strings.SplitSeq(header, ",") {
		tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
		if tag == etag || tag == "*" {
			return true
		}
	}
	return false
}

// optional is a query parameter that may be absent. It implements huma's
// ParamWrapper, ParamReactor and SchemaProvider.
type optional[T any] struct {
	Value T
	Set   bool
}

// Receiver implements huma.ParamWrapper.
func (o *optional[T]) Receiver() reflect.Value { return reflect.ValueOf(o).Elem().Field(0) }

// OnParamSet implements huma.ParamReactor.
func (o *optional[T]) OnParamSet(isSet bool, _ any) { o.Set = isSet }

// Schema implements huma.SchemaProvider.
func (o optional[T]) Schema(r huma.Registry) *huma.Schema {
	return huma.SchemaFromType(r, reflect.TypeFor[T]())
}

type blocksInput struct {
	From  optional[uint64] `query:"from" maximum:"9007199254740991" doc:"height of the first block; without it the page ends at the tip"`
	Limit int              `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"number of blocks; a page also ends after 16 MiB"`
}

type headersInput struct {
	From  optional[uint64] `query:"from" maximum:"9007199254740991" doc:"height of the first header; without it the page ends at the tip"`
	Limit int              `query:"limit" minimum:"1" maximum:"2000" default:"100" doc:"number of headers"`
}

func (n *rooms) blocks(ctx context.Context, in *blocksInput) (*rawOutput, error) {
	return n.page(ctx, "/v1/blocks", in.From, in.Limit, n.node.Ledger().Store().RawBlock)
}

func (n *rooms) headers(ctx context.Context, in *headersInput) (*rawOutput, error) {
	return n.page(ctx, "/v1/headers", in.From, in.Limit, n.node.Ledger().Store().RawHeader)
}

// page splices canonical bytes of the best chain into one array. All of a page
// are of one chain; a switch between two pages shows in prev_hash.
func (n *rooms) page(ctx context.Context, path string, from optional[uint64], limit int, read func(chain.Hash) ([]byte, error)) (*rawOutput, error) {
	tip := n.node.Ledger().Tip().Tip.Height
	first := from.Value
	if !from.Set {
		first = tip + 1 - min(tip+1, uint64(limit))
	}
	hashes, err := n.node.Ledger().Store().Hashes(first, limit)
	if err != nil {
		return nil, fmt.Errorf("read heights from %d: %w", first, err)
	}
	body, count, err := splice(ctx, hashes, read)
	if err != nil {
		return nil, err
	}
	return &rawOutput{
		Status:      http.StatusOK,
		ContentType: "application/json",
		Link:        links(path, first, first+uint64(count), tip, uint64(limit)),
		Body:        body,
	}, nil
}

// splice returns the array of what read returns of hashes, and how many it
// holds: all, or as many as fit in maxPageBytes, and at least one.
func splice(ctx context.Context, hashes []chain.Hash, read func(chain.Hash) ([]byte, error)) ([]byte, int, error) {
	body := []byte{'['}
	for i, hash := range hashes {
		if err := ctx.Err(); err != nil {
			return nil, 0, err
		}
		raw, err := read(hash)
		if err != nil {
			return nil, 0, fmt.Errorf("read block %s: %w", hash, err)
		}
		if i > 0 {
			if len(body)+len(raw)+2 > maxPageBytes {
				return append(body, ']'), i, nil
			}
			body = append(body, ',')
		}
		body = append(body, raw...)
	}
	return append(body, ']'), len(hashes), nil
}

// links returns the Link header of a page of heights [first, next).
func links(path string, first, next, tip, limit uint64) string {
	var all []string
	if next <= tip && next > first {
		all = append(all, fmt.Sprintf(`<%s?from=%d&limit=%d>; rel="next"`, path, next, limit))
	}
	if first > 0 && first <= tip {
		size := min(first, limit)
		all = append(all, fmt.Sprintf(`<%s?from=%d&limit=%d>; rel="prev"`, path, first-size, size))
	}
	return strings.Join(all, ", ")
}
