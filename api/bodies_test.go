package api_test

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/lp2pnode/lp2pnode/api"
	"github.com/lp2pnode/lp2pnode/chain"
)

// fuzzBody sends bodies to a path: the node never fails, and takes only what
// taken says it may.
func fuzzBody(f *testing.F, path string, seeds [][]byte, n *testNode, taken func(t *testing.T, body []byte)) {
	f.Helper()
	for _, seed := range append(seeds, nil, []byte("null"), []byte("{}"), []byte("[[[["), []byte(`{"amount":1e999}`), []byte("\xff\xfe\"")) {
		f.Add(seed)
	}
	s, err := api.New(n, api.Config{Token: adminToken})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, bytes.NewReader(body))
		r.Host = "localhost"
		r.Header.Set("Content-Type", "application/json")
		r.Header.Set("Authorization", "Bearer "+adminToken)
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		switch kind := w.Header().Get("Content-Type"); {
		case w.Code >= http.StatusInternalServerError:
			t.Errorf("%d %s", w.Code, w.Body)
		case w.Code < http.StatusBadRequest:
			taken(t, body)
		case kind != "application/problem+json" || bytes.Contains(bytes.TrimSpace(w.Body.Bytes()), []byte("\n")):
			t.Errorf("%d of type %s: %q", w.Code, kind, w.Body)
		}
	})
}

// FuzzSubmitBody: what is taken is a transaction that the rules take.
func FuzzSubmitBody(f *testing.F) {
	n := newNode(f)
	tx := n.sign(1, chain.Transaction{Data: "a \"record\""})
	cut := tx.Raw()[:len(tx.Raw())-1]
	fuzzBody(f, "/v1/transactions", [][]byte{tx.Raw(), cut, n.sign(2, chain.Transaction{To: someone, Amount: 1}).Raw()}, n, func(t *testing.T, body []byte) {
		if _, err := n.Rules().DecodeTransaction(bytes.Clone(body)); err != nil {
			t.Errorf("%q was taken: %v", body, err)
		}
	})
}

// FuzzVerifyBody: what is said to hold is a receipt that the rules take.
func FuzzVerifyBody(f *testing.F) {
	n := newNode(f)
	tx := n.add(f, n.sign(1, chain.Transaction{Data: "a record"}))
	n.mine(f, someone)
	n.mine(f, someone)
	r, err := n.ledger.Receipt(tx.ID())
	if err != nil {
		f.Fatal(err)
	}
	fuzzBody(f, "/v1/receipts/verify", [][]byte{r.Canonical()}, n, func(t *testing.T, body []byte) {
		if _, err := chain.DecodeReceipt(body, n.Rules().Engine); err != nil {
			t.Errorf("%q was taken: %v", body, err)
		}
	})
}

// FuzzBanBody: whom a body bans is a peer, and it is banned for a while.
func FuzzBanBody(f *testing.F) {
	n := newNode(f)
	seeds := [][]byte{
		[]byte(`{"id":"` + string(someone) + `"}`),
		[]byte(`{"id":"` + string(someone) + `","seconds":60,"detail":"noisy"}`),
		[]byte(`{"id":"` + string(someone) + `","seconds":9223372036854775807}`),
	}
	fuzzBody(f, "/v1/admin/bans", seeds, n, func(t *testing.T, body []byte) {
		for _, b := range n.Network().Bans() {
			if b.ID.Validate() != nil || !b.Until.After(b.Since) {
				t.Errorf("%q made the ban %+v", body, b)
			}
		}
	})
}
