package client_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/lp2pnode/lp2pnode/api/client"
)

// says returns a client of a server that always says the same.
func says(t *testing.T, status int, contentType, body string) *client.Client {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return client.New(server.URL)
}

func TestNobodyAtTheAddressIsOneClearLine(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	_, err = client.New(addr).Status(t.Context())
	want := "no node answers at http://" + addr + "; start one with `lp2pnode`, or name another with --api"
	var unreachable *client.UnreachableError
	if !errors.As(err, &unreachable) || err.Error() != want {
		t.Errorf("want %s\ngot %v", want, err)
	}
}

func TestBadAddressesAreNamed(t *testing.T) {
	for _, base := range []string{"", "http://", "ftp://127.0.0.1", "http://[::1", "127.0.0.1:9471?x=1", "http://127.0.0.1 9471"} {
		if _, err := client.New(base).Status(t.Context()); err == nil || !strings.Contains(err.Error(), "http://127.0.0.1:9471") {
			t.Errorf("%q: want an error that shows a good one, got %v", base, err)
		}
	}
	for base, want := range map[string]string{
		"127.0.0.1:9471":         "http://127.0.0.1:9471",
		"localhost":              "http://localhost",
		"https://example.com/n/": "https://example.com/n",
	} {
		if got := client.New(base).URL(); got != want {
			t.Errorf("%q: want %s, got %s", base, want, got)
		}
	}
}

func TestProblemsComeBackAsTheyAre(t *testing.T) {
	c := says(t, 422, "application/problem+json", `{"title":"Unprocessable Entity","status":422,"detail":"rule nonce: want 1, got 2","rule":"nonce","want":"1","got":"2"}`)
	_, err := c.Block(t.Context(), "7")
	var p *client.Problem
	if !errors.As(err, &p) || p.Rule != "nonce" || p.Want != "1" || p.Got != "2" || err.Error() != "rule nonce: want 1, got 2" {
		t.Errorf("got %v, %+v", err, p)
	}
}

func TestOtherServersAreNotTakenForANode(t *testing.T) {
	for name, c := range map[string]*client.Client{
		"a web page":            says(t, 200, "text/html; charset=utf-8", "<html>"),
		"a page that is absent": says(t, 404, "text/plain", "404 page not found"),
		"a redirect":            says(t, 301, "text/html", ""),
		"a problem that lies":   says(t, 404, "application/problem+json", `{"status":200}`),
		"a broken problem":      says(t, 404, "application/problem+json", `{`),
	} {
		_, err := c.Status(t.Context())
		if err == nil || !strings.Contains(err.Error(), "not as a node does") || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := says(t, 200, "application/json", `{"height":"much"}`).Status(t.Context()); err == nil {
		t.Error("an answer of another form passes")
	}
}

func TestNotReadyIsNoError(t *testing.T) {
	h, err := says(t, 503, "application/json", `{"ok":false,"checks":[{"name":"sync","ok":false,"detail":"at height 1 of 9"}]}`).Ready(t.Context())
	if err != nil || h.OK || len(h.Checks) != 1 || h.Checks[0].Detail != "at height 1 of 9" {
		t.Errorf("got %+v, %v", h, err)
	}
}

func TestCallsEndWithTheirContext(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }))
	defer server.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := client.New(server.URL).Peers(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("want the context's error, got %v", err)
	}
}
