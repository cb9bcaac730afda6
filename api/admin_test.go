package api_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lp2pnode/lp2pnode/api"
	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/node"
)

// serveAdmin is serve whose client has the token.
func serveAdmin(t *testing.T, n api.Node) (string, *client.Client) {
	t.Helper()
	url, c := serve(t, n)
	c.Token = adminToken
	return url, c
}

func TestBackupThroughTheAPIIsProvedAndHoldsNoSecret(t *testing.T) {
	n := newNodeIn(t, t.TempDir())
	n.grow(t, n.ledger.Tip(), "", 20)
	_, c := serveAdmin(t, n)
	dir := filepath.Join(t.TempDir(), "new", "backup")
	b, err := c.Backup(t.Context(), dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if tip := n.ledger.Tip(); b.Height != 20 || b.Tip != tip.Tip.Hash || b.Work != tip.Work || b.ChainID != "toy" || b.Genesis != n.Rules().Genesis().Hash {
		t.Errorf("want the tip in the backup, got %+v", b)
	}
	for _, secret := range []string{"node.key", "api.token", "peers.json", "node.json"} {
		if _, err := os.Stat(filepath.Join(dir, secret)); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("%s is in the backup: %v", secret, err)
		}
	}
	var problem *client.Problem
	if _, err := c.Backup(t.Context(), dir, nil); !errors.As(err, &problem) || problem.Status != 422 || !strings.Contains(problem.Detail, "not empty") {
		t.Errorf("a second time into the same directory: %v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("mine"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Backup(t.Context(), file, nil); !errors.As(err, &problem) || problem.Status != 422 {
		t.Errorf("into a file: %v", err)
	}
	if kept, err := os.ReadFile(file); err != nil || string(kept) != "mine" {
		t.Errorf("the file is now %q, %v", kept, err)
	}
	if _, err := c.Backup(t.Context(), "relative", nil); !errors.As(err, &problem) || !strings.Contains(problem.Detail, "absolute") {
		t.Errorf("to a relative path: %v", err)
	}
	restored, err := node.Restore(t.Context(), vfs.Default, dir, filepath.Join(t.TempDir(), "restored"), nil, nil)
	if err != nil || restored.Tip != b.Tip {
		t.Errorf("restored %+v, %v", restored, err)
	}
}

// TestVerifyTellsHowFarItIsAndWhatIsWrong: through a node whose proof is
// staged.
func TestVerifyTellsHowFarItIsAndWhatIsWrong(t *testing.T) {
	n := newNode(t)
	n.grow(t, n.ledger.Tip(), "", 20)
	s := &staged{Node: n, begun: make(chan struct{}), end: make(chan error, 1)}
	url, c := serveAdmin(t, s)
	done := make(chan error, 1)
	go func() { done <- c.Verify(t.Context(), nil) }()
	<-s.begun
	var problem *client.Problem
	if err := c.Verify(t.Context(), nil); !errors.As(err, &problem) || problem.Status != http.StatusConflict {
		t.Errorf("a second proof at a time: %v", err)
	}
	s.end <- errors.New("height 7: damaged row body ab")
	var wrong *client.ProofError
	if err := <-done; !errors.As(err, &wrong) || wrong.Detail != "height 7: damaged row body ab" {
		t.Errorf("want what is wrong, got %v", err)
	}
	s.end <- nil
	if err := c.Verify(t.Context(), nil); err != nil {
		t.Error(err)
	}
	for _, lines := range [][]string{nil, {"Authorization: Bearer wrong"}} {
		resp, body := postJSON(t, url+"/v1/admin/verify", []byte("{}"), lines...)
		wantProblem(t, resp, body, http.StatusUnauthorized, "token")
	}
	resp, body := postJSON(t, url+"/v1/admin/verify", []byte("{}"), "Authorization: Bearer "+adminToken, "Origin: https://evil.example")
	wantProblem(t, resp, body, http.StatusForbidden, "")
}

// TestProofEndsWithItsAsker: nobody else hears of it.
func TestProofEndsWithItsAsker(t *testing.T) {
	n := newNode(t)
	s := &staged{Node: n, begun: make(chan struct{}), end: make(chan error, 1), left: make(chan struct{})}
	_, c := serveAdmin(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- c.Verify(ctx, nil) }()
	<-s.begun
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("%v; want it cancelled", err)
	}
	<-s.left
}

// staged is a node whose proof ends when and as the test says.
type staged struct {
	api.Node
	begun, left chan struct{} // closed once
	end         chan error
	runs        bool
}

func (s *staged) Verify(ctx context.Context, progress node.Progress) error {
	if s.runs {
		select {
		case err := <-s.end:
			return err // staged beforehand
		default:
			return node.ErrBusy
		}
	}
	s.runs = true
	close(s.begun)
	progress(1, 2)
	select {
	case err := <-s.end:
		return err
	case <-ctx.Done():
		close(s.left)
		return ctx.Err()
	}
}

func TestWorkLinesAreRead(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/x-ndjson")
		enc := json.NewEncoder(w)
		_ = enc.Encode(client.Work{Done: 1, Total: 2})
		_ = enc.Encode(client.Work{Done: 2, Total: 2})
		if strings.HasSuffix(r.URL.Path, "verify") {
			_ = enc.Encode(client.Work{Finished: true})
		}
	}))
	t.Cleanup(server.Close)
	c := client.New(server.URL)
	var told [][2]uint64
	if err := c.Verify(t.Context(), func(done, total uint64) { told = append(told, [2]uint64{done, total}) }); err != nil || len(told) != 2 || told[1] != [2]uint64{2, 2} {
		t.Errorf("told %v, %v", told, err)
	}
	if _, err := c.Backup(t.Context(), "/x", nil); err == nil || !strings.Contains(err.Error(), "did the node stop") {
		t.Errorf("of an answer that breaks off: %v", err)
	}
}
