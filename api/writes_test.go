package api_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lp2pnode/lp2pnode/api"
	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain"
)

// TestRefusedTransactionsNameTheRule: and leave nothing behind.
func TestRefusedTransactionsNameTheRule(t *testing.T) {
	n := newNode(t)
	_, rich := keyOf(1)
	n.mine(t, rich) // 50 units
	first := n.add(t, n.sign(1, chain.Transaction{Data: "first", Fee: 10}))
	url, _ := serve(t, n)
	edit := func(tx *chain.Transaction, change func(*chain.Transaction)) []byte {
		changed := *tx
		change(&changed)
		return chain.NewTransaction(changed).Raw()
	}
	good := n.sign(1, chain.Transaction{Nonce: 1, To: someone, Amount: 5, Fee: 1})
	foreign := newNode(t)
	foreignKey, _ := keyOf(9)
	other := *good
	other.Signature = chain.Signature(signFor(foreignKey, good, foreign.Rules().Genesis().Hash))
	for _, row := range []struct {
		name   string
		body   []byte
		status int
		rule   chain.Rule
		words  string
	}{
		{"empty", nil, 400, "", "body is required"},
		{"no transaction", []byte("{}"), 422, chain.RuleForm, "transaction"},
		{"junk", bytes.Repeat([]byte("["), 1000), 422, chain.RuleForm, "transaction"},
		{"white space", append(good.Raw(), '\n'), 422, chain.RuleForm, "canonical"},
		{"too large", bytes.Repeat([]byte("x"), 1<<20-1), 422, chain.RuleSize, "at most"},
		{"far too large", bytes.Repeat([]byte("x"), 2<<20), 413, "", "too large"},
		{"unsigned", edit(good, func(tx *chain.Transaction) { tx.Signature = chain.Signature{} }), 422, chain.RuleSignature, ""},
		{"malleated", edit(good, func(tx *chain.Transaction) { tx.Signature[63] |= 0xf0 }), 422, chain.RuleSignature, ""},
		{"of a foreign key", chain.NewTransaction(other).Raw(), 422, chain.RuleSignature, ""},
		{"another amount", edit(good, func(tx *chain.Transaction) { tx.Amount++ }), 422, chain.RuleSignature, ""},
		{"too long data", n.sign(1, chain.Transaction{Nonce: 1, Data: strings.Repeat("x", 1025)}).Raw(), 422, chain.RuleData, ""},
		{"to nobody", n.sign(1, chain.Transaction{Nonce: 1, Amount: 1}).Raw(), 422, chain.RuleForm, "nobody"},
		{"far nonce", n.sign(1, chain.Transaction{Nonce: 5000}).Raw(), 409, chain.RuleNonce, "5000"},
		{"overdraft", n.sign(1, chain.Transaction{Nonce: 1, To: someone, Amount: 41}).Raw(), 409, chain.RuleBalance, "41"},
		{"overflow", n.sign(1, chain.Transaction{Nonce: 1, To: someone, Amount: math.MaxInt64}).Raw(), 422, chain.RuleForm, ""},
		{"cheap replacement", n.sign(1, chain.Transaction{Data: "second", Fee: 10}).Raw(), 429, "", "to replace it, want a fee of at least 11"},
	} {
		t.Run(row.name, func(t *testing.T) {
			resp, body := postJSON(t, url+"/v1/transactions", row.body)
			wantProblem(t, resp, body, row.status, row.words)
			var p client.Problem
			if err := json.Unmarshal(body, &p); err != nil {
				t.Fatal(err)
			}
			if p.Rule != string(row.rule) || (row.rule != "") != (p.Want != "" && p.Got != "") {
				t.Errorf("want rule %q, got %+v", row.rule, p)
			}
		})
	}
	if pool := n.ledger.Pool(10); pool.Count != 1 || pool.Entries[0].Transaction.ID() != first.ID() {
		t.Errorf("the pool is not as before: %+v", pool)
	}
}

// TestPagesOfOthersCannotWrite: nor can a form, which asks nobody first.
func TestPagesOfOthersCannotWrite(t *testing.T) {
	n := newNode(t)
	url, c := serve(t, n)
	tx := n.sign(1, chain.Transaction{Data: "a record"})
	const json = "Content-Type: application/json"
	for _, row := range []struct {
		status int
		lines  []string
	}{
		{403, []string{json, "Origin: https://evil.example"}},
		{403, []string{json, "Origin: null"}},
		{403, []string{json, "Host: evil.example"}},
		{403, []string{json, "Sec-Fetch-Site: cross-site"}},
		{403, []string{"Content-Type: text/plain", "Sec-Fetch-Site: cross-site", "Sec-Fetch-Mode: navigate"}},
		{415, nil},
		{415, []string{"Content-Type: text/plain"}},
		{415, []string{"Content-Type: text/plain; application/json"}},
		{415, []string{"Content-Type: application/x-www-form-urlencoded"}},
		{415, []string{"Content-Type: multipart/form-data; boundary=x"}},
	} {
		t.Run(strings.Join(row.lines, ", "), func(t *testing.T) {
			for _, path := range []string{"/v1/transactions", "/v1/receipts/verify"} {
				resp, body := send(t, "POST", url+path, tx.Raw(), row.lines...)
				wantProblem(t, resp, body, row.status, "")
			}
			upgrade := []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="}
			if row.status == http.StatusForbidden && !strings.Contains(fmt.Sprint(row.lines), "navigate") {
				for _, lines := range [][]string{nil, upgrade} {
					resp, body := call(t, "GET", url+"/v1/events", append(lines, row.lines...)...)
					wantProblem(t, resp, body, row.status, "")
				}
			}
		})
	}
	if n.ledger.Pool(0).Count != 0 {
		t.Error("something was written")
	}
	if id, err := c.Submit(t.Context(), tx); err != nil || id != tx.ID() {
		t.Errorf("the client may: got %v", err)
	}
	if id, err := c.Submit(t.Context(), tx); err != nil || id != tx.ID() {
		t.Errorf("the client may again: got %v", err)
	}
}

// TestWritingFromElsewhereTakesTheToken: and working on the node always does.
func TestWritingFromElsewhereTakesTheToken(t *testing.T) {
	n := newNode(t)
	token := strings.Repeat("0123456789abcdef", 4)
	const here, there = "127.0.0.1", "192.168.1.5"
	for _, row := range []struct {
		name         string
		token        string // of the node
		bound, host  string
		method, path string
		header       string // Authorization
		want         int
	}{
		{"reading", token, there, there, "GET", "/v1/status", "", 200},
		{"writing here", token, here, "localhost:9471", "POST", "/v1/transactions", "", 422},
		{"writing here by address", token, here, "[::1]:9471", "POST", "/v1/transactions", "", 422},
		{"writing here, nobody having a token", "", here, here, "POST", "/v1/transactions", "", 422},
		{"writing there", token, there, there, "POST", "/v1/transactions", "", 401},
		{"writing there, as if here", token, there, "localhost", "POST", "/v1/transactions", "", 401},
		{"writing through a proxy", token, here, "ledger.example", "POST", "/v1/transactions", "", 401},
		{"writing there with the token", token, there, there, "POST", "/v1/transactions", "Bearer " + token, 422},
		{"writing through a proxy with it", token, here, "ledger.example", "POST", "/v1/transactions", "Bearer " + token, 422},
		{"another token", token, there, there, "POST", "/v1/transactions", "Bearer " + strings.Repeat("0", 64), 401},
		{"half a token", token, there, there, "POST", "/v1/transactions", "Bearer " + token[:32], 401},
		{"an empty token", token, there, there, "POST", "/v1/transactions", "Bearer ", 401},
		{"another scheme", token, there, there, "POST", "/v1/transactions", "Basic " + token, 401},
		{"an empty token where nobody has one", "", there, there, "POST", "/v1/transactions", "Bearer ", 401},
		{"deleting there", token, there, there, "DELETE", "/v1/anything", "", 401},
		{"the node here", token, here, "localhost", "GET", "/v1/admin/bans", "", 401},
		{"the node here, written otherwise", token, here, "localhost", "GET", "/v1/%61dmin%2Fbans", "", 401},
		{"the node here where nobody has a token", "", here, "localhost", "POST", "/v1/admin/backup", "Bearer ", 401},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, err := api.New(n, api.Config{Hosts: []string{"ledger.example"}, Token: row.token})
			if err != nil {
				t.Fatal(err)
			}
			addr := &net.TCPAddr{IP: net.ParseIP(row.bound), Port: 9471}
			ctx := context.WithValue(t.Context(), http.LocalAddrContextKey, addr)
			r := httptest.NewRequestWithContext(ctx, row.method, row.path, strings.NewReader("{}"))
			r.Host = row.host
			r.Header.Set("Content-Type", "application/json")
			if row.header != "" {
				r.Header.Set("Authorization", row.header)
			}
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			if w.Code != row.want {
				t.Fatalf("want %d, got %d: %s", row.want, w.Code, w.Body)
			}
			if row.want != http.StatusUnauthorized {
				return
			}
			words := "api.token of the node's data directory"
			if row.token == "" {
				words = "this node has none"
			}
			wantProblem(t, w.Result(), w.Body.Bytes(), row.want, words)
			if ask := w.Header().Get("WWW-Authenticate"); ask != `Bearer realm="lp2pnode"` {
				t.Errorf("got WWW-Authenticate: %s", ask)
			}
			if strings.Contains(w.Body.String(), token) {
				t.Error("the answer has the token in it")
			}
		})
	}
}

// TestProxyThatCallsByALocalNameIsNotThisMachine: it shows by what it adds.
func TestProxyThatCallsByALocalNameIsNotThisMachine(t *testing.T) {
	addr := listen(t, "127.0.0.1:0", api.Config{Debug: true, Token: strings.Repeat("0", 64)})
	for _, header := range []string{
		"Forwarded: for=192.0.2.1", "X-Forwarded-For: 192.0.2.1", "x-forwarded-host: ledger.example",
		"X-Forwarded-Proto: https", "X-Real-IP: 192.0.2.1", "Via: 1.1 proxy",
	} {
		resp, body := call(t, http.MethodPost, "http://"+addr+"/v1/transactions", header)
		wantProblem(t, resp, body, http.StatusUnauthorized, "needs the header")
		resp, body = call(t, http.MethodGet, "http://"+addr+"/debug/pprof/cmdline", header)
		wantProblem(t, resp, body, http.StatusForbidden, "this machine only")
		if resp, body := call(t, http.MethodGet, "http://"+addr+"/v1/status", header); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: reading got %s %s", header, resp.Status, body)
		}
	}
}

// TestRefusedBodyIsNotTheNextRequest: whoever sends through a proxy that many
// share could else speak in another's name.
func TestRefusedBodyIsNotTheNextRequest(t *testing.T) {
	url, _ := serve(t, newNode(t))
	host := strings.TrimPrefix(url, "http://")
	inner := "GET /v1/status HTTP/1.1\r\nHost: localhost\r\n\r\n"
	conn, err := net.Dial("tcp", host)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	body := strings.Repeat(inner, (2<<20)/len(inner))
	go func() {
		_, _ = fmt.Fprintf(conn, "POST /v1/transactions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}()
	answers := bufio.NewReader(conn)
	resp, err := http.ReadResponse(answers, nil)
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	wantProblem(t, resp, text, http.StatusRequestEntityTooLarge, "")
	if next, err := http.ReadResponse(answers, nil); err == nil {
		t.Errorf("a part of the body was answered: %s", next.Status)
	}
}
