package main

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain"
)

// forgetful is a node that knows its tip, and no transaction for so many
// questions; then each is pending. Nothing happens on it.
func forgetful(t *testing.T, questions int64) *client.Client {
	t.Helper()
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		id, isTx := strings.CutPrefix(r.URL.Path, "/v1/transactions/")
		switch {
		case isTx && asked.Add(1) <= questions:
			fmt.Fprintf(w, `{"id":%q,"state":"unknown"}`, id)
		case isTx:
			fmt.Fprintf(w, `{"id":%q,"state":"pending","pending":{"position":0,"waiting":false}}`, id)
		case r.URL.Path == "/v1/status":
			fmt.Fprintf(w, `{"chain_id":"lan","genesis":%q,"tip":%[1]q,"work":"1"}`, chain.Hash{})
		default: // events
			<-r.Context().Done()
		}
	}))
	t.Cleanup(server.Close)
	return client.New(server.URL)
}

func TestUnknownTransactionIsWaitedForAWhileOnly(t *testing.T) {
	var states []client.TxState
	p := patience{unknown: 10 * time.Millisecond}
	err := p.wait(t.Context(), forgetful(t, 100), chain.Hash{1}, 3, func(s *client.TxStatus) { states = append(states, s.State) })
	if err == nil || !strings.Contains(err.Error(), "is unknown to the node at http://127.0.0.1:") {
		t.Errorf("want an error that says who does not know it, got %v", err)
	}
	if len(states) != 1 || states[0] != client.StateUnknown {
		t.Errorf("want to be told that it is unknown, got %v", states)
	}
}

func TestKnownTransactionIsWaitedForUntilTheTimeout(t *testing.T) {
	p := patience{unknown: time.Millisecond, whole: 30 * time.Millisecond}
	err := p.wait(t.Context(), forgetful(t, 0), chain.Hash{1}, 3, func(*client.TxStatus) {})
	if err == nil || !strings.Contains(err.Error(), "has not 3 confirmations within 30ms") {
		t.Errorf("want an error that names the timeout, got %v", err)
	}
}

// TestLostTransactionIsNotWaitedFor: one line says what became of it and what
// to do.
func TestLostTransactionIsNotWaitedFor(t *testing.T) {
	id, by := chain.Hash{1}, chain.Hash{2}
	for _, row := range []struct{ status, want string }{
		{
			fmt.Sprintf(`"state":"replaced","replaced_by":%q,"detail":"send it anew"`, by),
			fmt.Sprintf("lp2pnode: transaction %s was replaced by %s: send it anew\n", id, by),
		},
		{`"state":"replaced"`, fmt.Sprintf("lp2pnode: transaction %s was replaced\n", id)},
		{`"state":"expired","detail":"pay more"`, fmt.Sprintf("lp2pnode: transaction %s has left the pool: pay more\n", id)},
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			if r.URL.Path == "/v1/status" {
				fmt.Fprintf(w, `{"chain_id":"lan","genesis":%q,"tip":%[1]q,"work":"1"}`, chain.Hash{})
				return
			}
			fmt.Fprintf(w, `{"id":%q,%s}`, id, row.status)
		}))
		var out, errs strings.Builder
		code := run(t.Context(), []string{"tx", id.String(), "--wait", "2", "--api", strings.TrimPrefix(server.URL, "http://")}, strings.NewReader(""), &out, &errs)
		server.Close()
		if code != exitFailure || errs.String() != row.want || out.String() != "" {
			t.Errorf("%s: exit code %d, %q, %q", row.status, code, out.String(), errs.String())
		}
	}
}
