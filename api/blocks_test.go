package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
)

func rawOf(t *testing.T, n *testNode, hash chain.Hash) []byte {
	t.Helper()
	raw, err := n.ledger.RawBlock(hash)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestBlocksAreTheirCanonicalBytes(t *testing.T) {
	n := newNode(t)
	main := n.grow(t, n.ledger.Tip(), "main", 3)
	side := n.grow(t, main[1], "side", 1)[1].Tip
	url, c := serve(t, n)
	for _, row := range []struct {
		ref   string
		hash  chain.Hash
		cache string
	}{
		{"0", main[0].Tip.Hash, "no-cache"},
		{"2", main[2].Tip.Hash, "no-cache"},
		{"latest", main[3].Tip.Hash, "no-cache"},
		{main[1].Tip.Hash.String(), main[1].Tip.Hash, "public, max-age=31536000, immutable"},
		{side.Hash.String(), side.Hash, "public, max-age=31536000, immutable"},
	} {
		t.Run(row.ref, func(t *testing.T) {
			want := rawOf(t, n, row.hash)
			etag := `"` + row.hash.String() + `"`
			resp, body := call(t, "GET", url+"/v1/blocks/"+row.ref)
			if resp.StatusCode != http.StatusOK || !bytes.Equal(body, want) {
				t.Fatalf("want 200 with %s\ngot %s with %s", want, resp.Status, body)
			}
			for name, value := range map[string]string{"Content-Type": "application/json", "Etag": etag, "Cache-Control": row.cache} {
				if got := resp.Header.Get(name); got != value {
					t.Errorf("want %s: %s, got %s", name, value, got)
				}
			}
			resp, body = call(t, "GET", url+"/v1/blocks/"+row.ref, `If-None-Match: "x", W/`+etag)
			if resp.StatusCode != http.StatusNotModified || len(body) > 0 {
				t.Errorf("want 304 without body for the block that the asker has, got %s with %d bytes", resp.Status, len(body))
			}
			block, err := c.Block(t.Context(), row.ref)
			if err != nil {
				t.Fatal(err)
			}
			if block.Hash != row.hash || !bytes.Equal(block.Raw(), want) {
				t.Errorf("the client got block %s, want %s", block.Hash, row.hash)
			}
		})
	}
}

func TestPagesSpliceCanonicalBytes(t *testing.T) {
	n := newNode(t)
	states := n.grow(t, n.ledger.Tip(), "", 30)
	url, c := serve(t, n)
	for _, row := range []struct {
		query       string
		first, last int
		link        string
	}{
		{"", 11, 30, `<%[1]s?from=0&limit=11>; rel="prev"`},
		{"?limit=3", 28, 30, `<%[1]s?from=25&limit=3>; rel="prev"`},
		{"?from=0&limit=2", 0, 1, `<%[1]s?from=2&limit=2>; rel="next"`},
		{"?from=4&limit=5", 4, 8, `<%[1]s?from=9&limit=5>; rel="next", <%[1]s?from=0&limit=4>; rel="prev"`},
		{"?from=29&limit=50", 29, 30, `<%[1]s?from=0&limit=29>; rel="prev"`},
		{"?from=31", 31, 30, ""},
		{"?from=9007199254740991&limit=1", 31, 30, ""},
	} {
		t.Run(row.query, func(t *testing.T) {
			var headers, blocks [][]byte
			for i := row.first; i <= row.last; i++ {
				blocks = append(blocks, rawOf(t, n, states[i].Tip.Hash))
				headers = append(headers, states[i].Tip.Canonical())
			}
			for path, want := range map[string][][]byte{"/v1/blocks": blocks, "/v1/headers": headers} {
				if path == "/v1/headers" && row.query == "" {
					continue // another default
				}
				resp, body := call(t, "GET", url+path+row.query)
				if list := slice(want); !bytes.Equal(body, list) {
					t.Errorf("%s: want %s\ngot %s", path, list, body)
				}
				link := row.link
				if link != "" {
					link = fmt.Sprintf(link, path)
				}
				if got := resp.Header.Get("Link"); got != link {
					t.Errorf("%s: want Link %s\ngot %s", path, link, got)
				}
			}
		})
	}
	blocks, err := c.Blocks(t.Context(), 7, 3)
	if err != nil || len(blocks) != 3 || blocks[2].Hash != states[9].Tip.Hash {
		t.Errorf("the client got %d blocks from 7 on, %v", len(blocks), err)
	}
	headers, err := c.Headers(t.Context(), 0, 2000)
	if err != nil || len(headers) != 31 || headers[30].Hash != states[30].Tip.Hash {
		t.Errorf("the client got %d headers, %v", len(headers), err)
	}
}

func slice(values [][]byte) []byte {
	return append(append([]byte{'['}, bytes.Join(values, []byte{','})...), ']')
}

// TestNextLinksLeadThroughTheWholeChain: whoever follows them misses nothing.
func TestNextLinksLeadThroughTheWholeChain(t *testing.T) {
	n := newNode(t)
	n.grow(t, n.ledger.Tip(), "", 10)
	url, _ := serve(t, n)
	next := "/v1/headers?from=0&limit=3"
	height := uint64(0)
	for next != "" {
		resp, body := call(t, "GET", url+next)
		var headers []chain.Header
		if err := json.Unmarshal(body, &headers); err != nil {
			t.Fatal(err)
		}
		for _, h := range headers {
			if h.Height != height {
				t.Fatalf("want height %d, got %d", height, h.Height)
			}
			height++
		}
		next = ""
		for link := range strings.SplitSeq(resp.Header.Get("Link"), ", ") {
			if target, found := strings.CutSuffix(link, `>; rel="next"`); found {
				next = strings.TrimPrefix(target, "<")
			}
		}
	}
	if height != 11 {
		t.Errorf("the links led through %d blocks of 11", height)
	}
}

func TestForksShowSideBranches(t *testing.T) {
	n := newNode(t)
	main := n.grow(t, n.ledger.Tip(), "main", 30)
	side := n.grow(t, main[27], "side", 2)
	_, c := serve(t, n)
	forks, err := c.Forks(t.Context(), 4)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range forks {
		where := "side"
		if f.Best {
			where = "main"
		}
		got = append(got, where+" "+strconv.FormatUint(f.Height, 10))
		if f.Source.Via != chain.ViaSync || f.Source.Peer != string(someone) || f.Seen.IsZero() {
			t.Errorf("block %s came from %+v at %s", f.Hash.Short(), f.Source, f.Seen)
		}
	}
	want := "main 26, main 27, main 28, side 28, main 29, side 29, main 30"
	if strings.Join(got, ", ") != want {
		t.Errorf("want %s\ngot %s", want, strings.Join(got, ", "))
	}
	last := forks[5]
	if last.Hash != side[2].Tip.Hash || last.Parent != side[1].Tip.Hash || last.Work != side[2].Work || last.Miner != someone {
		t.Errorf("the side branch ends in %+v, want %+v", last, side[2].Tip)
	}
}
