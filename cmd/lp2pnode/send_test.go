package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/pow"
	"github.com/lp2pnode/lp2pnode/node"
	"github.com/lp2pnode/lp2pnode/node/keys"
)

// counter is a node as far as sending goes: it takes the one nonce that is
// next, for the fee of its size. Its requests come one after the other.
type counter struct {
	mu    sync.Mutex // held by each request, and by a test whose request got no answer
	t     *testing.T
	rules *chain.Rules
	next  uint64
	fee   func(size int) uint64
	taken []*chain.Transaction
	// rivals have sent in between, so many times, before a transaction is looked at
	rivals int
	broken bool // no answer to what was handed in
	tokens []string
}

// serve returns the counter's address and a data directory with a key in clear.
func (n *counter) serve() (url, dir string) {
	n.t.Helper()
	rules, err := chain.NewRules(node.LANParams(), pow.Engine{})
	if err != nil {
		n.t.Fatal(err)
	}
	n.rules = rules
	server := httptest.NewServer(n)
	n.t.Cleanup(server.Close)
	dir = n.t.TempDir()
	if _, err := keys.Open(filepath.Join(dir, "keys")).New("default", keys.Passphrase{}); err != nil {
		n.t.Fatal(err)
	}
	return server.URL, dir
}

func (n *counter) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n.mu.Lock()
	defer n.mu.Unlock()
	w.Header().Set("Content-Type", "application/json")
	switch {
	case r.URL.Path == "/v1/status":
		fmt.Fprintf(w, `{"chain_id":"lan","genesis":%q,"work":"1"}`, n.rules.Genesis().Hash)
	case strings.HasPrefix(r.URL.Path, "/v1/accounts/"):
		fmt.Fprintf(w, `{"address":%q,"next_nonce":%d}`, filepath.Base(r.URL.Path), n.next)
	case r.URL.Path == "/v1/pool":
		size := 0
		_, _ = fmt.Sscan(r.URL.Query().Get("size"), &size)
		fmt.Fprintf(w, `{"min_fee":%d,"transactions":[]}`, n.least(size))
	case r.Method == http.MethodPost && r.URL.Path == "/v1/transactions":
		n.take(w, r)
	default:
		n.t.Errorf("unexpected %s %s", r.Method, r.URL)
	}
}

func (n *counter) least(size int) uint64 {
	if n.fee == nil {
		return 0
	}
	return n.fee(size)
}

func (n *counter) take(w http.ResponseWriter, r *http.Request) {
	n.tokens = append(n.tokens, r.Header.Get("Authorization"))
	raw, err := io.ReadAll(r.Body)
	if err != nil {
		n.t.Error(err)
	}
	if n.rivals > 0 {
		n.rivals--
		n.next++
	}
	tx, err := n.rules.DecodeTransaction(raw)
	switch {
	case err != nil:
		n.t.Errorf("handed in %s: %v", raw, err)
	case tx.Nonce != n.next:
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusConflict)
		fmt.Fprintf(w, `{"status":409,"detail":"rule nonce: want %d, got %d","rule":"nonce"}`, n.next, tx.Nonce)
		return
	case tx.Fee < n.least(len(raw)):
		n.t.Errorf("fee %d for %d bytes, want %d", tx.Fee, len(raw), n.least(len(raw)))
	}
	n.taken = append(n.taken, tx)
	n.next++
	if n.broken {
		panic(http.ErrAbortHandler)
	}
	fmt.Fprintf(w, `{"id":%q}`, tx.ID())
}

// command runs the program as an own process would, but for its environment.
func command(t *testing.T, env []string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err strings.Builder
	terminal := &terminal{in: strings.NewReader(""), out: &out, err: &err, env: env}
	root := newRoot(terminal)
	root.SetArgs(args)
	root.SetOut(&out)
	code = report(t.Context(), &err, root.ExecuteContext(t.Context()))
	return code, out.String(), err.String()
}

func TestSeveralInARowNeedNoWaiting(t *testing.T) {
	n := &counter{t: t, next: 7}
	url, dir := n.serve()
	for range 3 {
		if code, _, err := command(t, nil, "record", "x", "--api", url, "--data-dir", dir); code != exitDone {
			t.Fatal(err)
		}
	}
	if len(n.taken) != 3 || n.taken[0].Nonce != 7 || n.taken[2].Nonce != 9 {
		t.Errorf("got %d transactions", len(n.taken))
	}
}

func TestNonceThatIsTakenIsFoundAnew(t *testing.T) {
	n := &counter{t: t, rivals: 2}
	url, dir := n.serve()
	code, out, err := command(t, nil, "record", "x", "--api", url, "--data-dir", dir, "--json")
	if code != exitDone {
		t.Fatalf("exit %d, %s%s", code, out, err)
	}
	var got struct{ ID chain.Hash }
	if err := json.Unmarshal([]byte(out), &got); err != nil || len(n.taken) != 1 || n.taken[0].Nonce != 2 || got.ID != n.taken[0].ID() {
		t.Errorf("want nonce 2 after two others, got %+v, %s", n.taken, out)
	}
	n.rivals = 100
	if code, _, err := command(t, nil, "record", "x", "--api", url, "--data-dir", dir); code != exitFailure || !strings.Contains(err, "rule nonce") {
		t.Errorf("want an end of trying, got exit %d, %s", code, err)
	}
}

// TestFeeIsTheLeastOfItsSize: a fee makes the transaction longer, and the
// longer one may cost more.
func TestFeeIsTheLeastOfItsSize(t *testing.T) {
	n := &counter{t: t, fee: func(size int) uint64 { return uint64(size) * 10 }}
	url, dir := n.serve()
	if code, _, err := command(t, nil, "record", "x", "--api", url, "--data-dir", dir); code != exitDone {
		t.Fatal(err)
	}
	if got := n.taken[0]; got.Fee != uint64(len(got.Raw()))*10 {
		t.Errorf("fee %d of %d bytes", got.Fee, len(got.Raw()))
	}
	n.fee = nil
	if code, _, err := command(t, nil, "record", "x", "--fee", "5", "--api", url, "--data-dir", dir); code != exitDone || n.taken[1].Fee != 5 {
		t.Errorf("a fee of 5: exit %d, %s", code, err)
	}
}

func TestLostAnswerNamesTheTransaction(t *testing.T) {
	n := &counter{t: t, broken: true}
	url, dir := n.serve()
	code, _, err := command(t, nil, "record", "x", "--api", url, "--data-dir", dir)
	n.mu.Lock()
	defer n.mu.Unlock()
	if code != exitFailure || len(n.taken) == 0 || !strings.Contains(err, "lp2pnode tx "+n.taken[0].ID().String()) {
		t.Errorf("exit %d, %s", code, err)
	}
}

func TestNodeOfAnotherChainIsToldApart(t *testing.T) {
	n := &counter{t: t}
	url, dir := n.serve()
	params := node.LANParams()
	params.ChainID = "ours"
	file := filepath.Join(dir, "ours.json")
	if err := os.WriteFile(file, params.Canonical(), 0o600); err != nil {
		t.Fatal(err)
	}
	code, _, err := command(t, nil, "send", "default", "1", "--api", url, "--data-dir", dir, "--genesis", file)
	if code != exitFailure || !strings.Contains(err, "is of chain lan, genesis ") || len(n.taken) != 0 {
		t.Errorf("exit %d, %s", code, err)
	}
}

// TestTokenGoesToItsOwnNodeOnly: a data directory's token is for the node that
// works in it; others get what they are given.
func TestTokenGoesToItsOwnNodeOnly(t *testing.T) {
	n := &counter{t: t}
	url, dir := n.serve()
	write := func(name, content string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("api.token", "secret\n")
	env := []string{"LP2P_API=" + url, "LP2P_DATA_DIR=" + dir}
	for _, row := range []struct {
		name, holder string
		env, args    []string
		want         string
	}{
		{"nobody there", "", env, nil, ""},
		{"another's", "http://127.0.0.1:1", env, nil, ""},
		{"its own", url, env, nil, "Bearer secret"},
		{"by another name", strings.Replace(url, "127.0.0.1", "localhost", 1), env, nil, "Bearer secret"},
		{"of the environment", url, append([]string{"LP2P_TOKEN=named"}, env...), nil, "Bearer named"},
		{"of the command line", "", append([]string{"LP2P_TOKEN=named"}, env...), []string{"--token", "given"}, "Bearer given"},
	} {
		write("node.json", fmt.Sprintf(`{"pid":1,"api":%q}`, row.holder))
		code, _, err := command(t, row.env, append([]string{"record", "x"}, row.args...)...)
		if got := n.tokens[len(n.tokens)-1]; code != exitDone || got != row.want {
			t.Errorf("%s: want %q, got %q, exit %d, %s", row.name, row.want, got, code, err)
		}
	}
}

func TestProgressIsOneLine(t *testing.T) {
	var b bytes.Buffer
	line := &progress{to: &b, width: 10}
	line.show("a text that is long")
	line.show("é\x1b[2J")
	line.end()
	if want := "\r\x1b[Ka text th\r\x1b[Ké�[2J\r\x1b[K"; b.String() != want {
		t.Errorf("want %q, got %q", want, b.String())
	}
	(&progress{}).show("nowhere")
}
