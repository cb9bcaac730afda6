package client

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
)

// TestTransactionsKeepTheirBytes: inside other JSON, there and back.
func TestTransactionsKeepTheirBytes(t *testing.T) {
	tx := blockAt(1).Transactions[0]
	raw, err := Signed{tx}.MarshalJSON()
	if err != nil || !bytes.Equal(raw, tx.Raw()) {
		t.Fatalf("got %s, %v", raw, err)
	}
	var s Signed
	if err := json.Unmarshal(raw, &s); err != nil || s.ID() != tx.ID() {
		t.Errorf("got %+v, %v", s, err)
	}
	for _, bad := range []string{`{}`, `7`, strings.Replace(string(raw), `{`, `{ `, 1), strings.Replace(string(raw), `"fee"`, `"also":1,"fee"`, 1)} {
		if err := new(Signed).UnmarshalJSON([]byte(bad)); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

// TestAnswersForAnotherTransactionAreRefused: whoever stands between can show
// no other for it.
func TestAnswersForAnotherTransactionAreRefused(t *testing.T) {
	tx := blockAt(1).Transactions[0]
	other := chain.Hash{7}
	status, err := json.Marshal(TxStatus{ID: tx.ID(), State: StateUnknown})
	if err != nil {
		t.Fatal(err)
	}
	c := saysJSON(t, status)
	if s, err := c.Transaction(t.Context(), tx.ID()); err != nil || s.State != StateUnknown {
		t.Fatalf("got %+v, %v", s, err)
	}
	if _, err := c.Transaction(t.Context(), other); err == nil {
		t.Error("the state of another was taken")
	}
	if _, err := c.Receipt(t.Context(), tx.ID()); err == nil {
		t.Error("what is no receipt was taken")
	}
	if _, err := saysJSON(t, []byte(`{"id":"`+other.String()+`"}`)).Submit(t.Context(), tx); err == nil {
		t.Error("the id of another was taken")
	}
	if _, err := saysJSON(t, []byte(`{"count":1,"transactions":[{"id":"`+other.String()+`"}]}`)).Pool(t.Context(), 1, 0); err == nil {
		t.Error("a pool without transactions was taken")
	}
}

// TestTokenGoesOutWithWritesOnly: and these are JSON.
func TestTokenGoesOutWithWritesOnly(t *testing.T) {
	var seen []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen = append(seen, r.Method+" "+r.Header.Get("Authorization")+" "+r.Header.Get("Content-Type"))
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "{}")
	}))
	defer server.Close()
	c := New(server.URL)
	c.Token = "secret"
	if _, err := c.Account(t.Context(), someone); err != nil {
		t.Fatal(err)
	}
	if _, err := c.VerifyReceipt(t.Context(), []byte("{}")); err != nil {
		t.Fatal(err)
	}
	if want := "GET  |POST Bearer secret application/json"; strings.Join(seen, "|") != want {
		t.Errorf("want %s, got %s", want, strings.Join(seen, "|"))
	}
}
