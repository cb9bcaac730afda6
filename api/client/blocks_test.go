package client

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
)

const someone = chain.Address("12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN")

// blockAt returns a block that hashes to its hash, of a height.
func blockAt(height uint64) *chain.Block {
	tx := chain.NewTransaction(chain.Transaction{Data: "a \"quoted\" note <&>\u2028", From: someone})
	h := chain.Header{Height: height, Miner: someone, Difficulty: 1, Version: chain.Version}
	txs := []*chain.Transaction{tx}
	h.TxCount, h.TxRoot = chain.TxSummary(txs)
	h.Hash = h.ComputeHash()
	return chain.NewBlock(h, txs)
}

func saysJSON(t *testing.T, body []byte) *Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.Copy(w, bytes.NewReader(body))
	}))
	t.Cleanup(server.Close)
	return New(server.URL)
}

// TestBlocksThatDoNotHashAreRefused: a node, or whatever stands between, can
// change no byte of a block unseen.
func TestBlocksThatDoNotHashAreRefused(t *testing.T) {
	b := blockAt(7)
	got, err := saysJSON(t, b.Raw()).Block(t.Context(), "7")
	if err != nil || !bytes.Equal(got.Raw(), b.Raw()) || len(got.Transactions) != 1 || got.Transactions[0].ID() != b.Transactions[0].ID() {
		t.Fatalf("the block itself: got %+v, %v", got, err)
	}
	text := string(b.Raw())
	for name, changed := range map[string]string{
		"another height":       strings.Replace(text, `"height":7`, `"height":8`, 1),
		"another nonce":        strings.Replace(text, `"nonce":0,"prev`, `"nonce":1,"prev`, 1),
		"another record":       strings.Replace(text, "quoted", "forged", 1),
		"another hash":         strings.Replace(text, b.Hash.String(), strings.Repeat("0", 64), 1),
		"white space":          text + "\n",
		"an unknown field":     strings.Replace(text, `{"data":""`, `{"also":1,"data":""`, 1),
		"no transactions":      strings.Replace(text, string(b.Transactions[0].Raw()), "", 1),
		"half of it":           text[:len(text)/2],
		"not an object at all": "[]",
	} {
		if changed == text {
			t.Fatalf("%s: nothing was changed", name)
		}
		if _, err := saysJSON(t, []byte(changed)).Block(t.Context(), "7"); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestAnotherBlockThanAskedForIsRefused(t *testing.T) {
	b := blockAt(7)
	c := saysJSON(t, b.Raw())
	for _, ref := range []string{"7", b.Hash.String(), Latest} {
		if _, err := c.Block(t.Context(), ref); err != nil {
			t.Errorf("%s: %v", ref, err)
		}
	}
	for _, ref := range []string{"8", blockAt(8).Hash.String()} {
		if _, err := c.Block(t.Context(), ref); err == nil || !strings.Contains(err.Error(), "got block 7") {
			t.Errorf("%s: got %v", ref, err)
		}
	}
}

func TestListsAreOfTheHeightsAskedFor(t *testing.T) {
	list := func(from uint64, n int) []byte {
		var parts []string
		for i := range n {
			h := blockAt(from + uint64(i)).Header
			parts = append(parts, string(h.Canonical()))
		}
		return fmt.Appendf(nil, "[%s]", strings.Join(parts, ","))
	}
	headers, err := saysJSON(t, list(5, 3)).Headers(t.Context(), 5, 3)
	if err != nil || len(headers) != 3 || headers[2].Height != 7 {
		t.Errorf("got %d headers, %v", len(headers), err)
	}
	for name, body := range map[string][]byte{
		"more than asked for": list(5, 4),
		"other heights":       list(6, 3),
		"no list":             []byte(`{}`),
	} {
		if got, err := saysJSON(t, body).Headers(t.Context(), 5, 3); err == nil {
			t.Errorf("%s: taken, %d headers", name, len(got))
		}
	}
}

// FuzzParseBlock: whatever is taken is a block to the byte.
func FuzzParseBlock(f *testing.F) {
	f.Add(blockAt(1).Raw())
	f.Add([]byte(`{"transactions":null}`))
	f.Add([]byte(`{"transactions":[{}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		b, err := parseBlock(raw)
		if err == nil && (!bytes.Equal(b.Raw(), raw) || b.Hash != b.ComputeHash()) {
			t.Errorf("%q was taken", raw)
		}
	})
}

// FuzzParseHeader: whatever is taken is a header to the byte.
func FuzzParseHeader(f *testing.F) {
	h := blockAt(1).Header
	f.Add(h.Canonical())
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		h, err := parseHeader(raw)
		if err == nil && (!bytes.Equal(h.Canonical(), raw) || h.Hash != h.ComputeHash()) {
			t.Errorf("%q was taken", raw)
		}
	})
}
