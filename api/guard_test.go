package api_test

import (
	"context"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"testing"

	"github.com/lp2pnode/lp2pnode/api"
)

// TestPagesOfOthersAreRefused: a web page reaches a visitor's loopback, and by
// bending its own name even as "the same origin"; neither gives it the node.
func TestPagesOfOthersAreRefused(t *testing.T) {
	s, err := api.New(newNode(t), api.Config{Hosts: []string{"Ledger.example"}})
	if err != nil {
		t.Fatal(err)
	}
	self, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	const here, there = "127.0.0.1", "192.168.1.5"
	for _, row := range []struct {
		name    string
		bound   string // address that the connection came in by
		host    string
		origin  string
		site    string // Sec-Fetch-Site
		mode    string // Sec-Fetch-Mode
		allowed bool
	}{
		{"loopback address", here, "127.0.0.1:9471", "", "", "", true},
		{"another loopback address", here, "127.8.0.1", "", "", "", true},
		{"loopback in IPv6", here, "[::1]:9471", "", "", "", true},
		{"localhost", here, "LocalHost:1", "", "", "", true},
		{"localhost with its dot", here, "localhost.:9471", "", "", "", true},
		{"a configured name", here, "ledger.example", "", "", "", true},
		{"a bent name", here, "evil.example:9471", "", "", "", false},
		{"a name that looks like loopback", here, "127.0.0.1.evil.example", "", "", "", false},
		{"a name below localhost", here, "localhost.evil.example", "", "", "", false},
		{"an address that loopback has not", here, "192.168.1.5:9471", "", "", "", false},
		{"a user before the host", here, "evil.example@127.0.0.1", "", "", "", false},
		{"no host", here, "", "", "", "", false},
		{"junk", here, "[::1", "", "", "", false},
		{"own address on the LAN", there, "192.168.1.5:9471", "", "", "", true},
		{"an address translated on the way", there, "203.0.113.7:80", "", "", "", true},
		{"own name on the LAN", there, self + ":9471", "", "", "", true},
		{"a bent name on the LAN", there, "evil.example:9471", "", "", "", false},
		{"own page", here, "127.0.0.1:9471", "http://127.0.0.1:9471", "same-origin", "cors", true},
		{"own page through a proxy", here, "ledger.example", "https://ledger.example", "", "", true},
		{"a foreign page", here, "127.0.0.1:9471", "https://evil.example", "", "", false},
		{"a page of another port", here, "127.0.0.1:9471", "http://127.0.0.1:3000", "", "", false},
		{"a page of localhost", here, "127.0.0.1:9471", "http://localhost:9471", "", "", false},
		{"a page without origin", here, "127.0.0.1:9471", "null", "", "", false},
		{"a file", here, "127.0.0.1:9471", "file://", "", "", false},
		{"a script of a foreign page", here, "127.0.0.1:9471", "", "cross-site", "no-cors", false},
		{"a picture of a page next door", here, "127.0.0.1:9471", "", "same-site", "no-cors", false},
		{"a followed link", here, "127.0.0.1:9471", "", "cross-site", "navigate", true},
		{"a typed address", here, "127.0.0.1:9471", "", "none", "navigate", true},
	} {
		for _, method := range []string{"GET", "HEAD", "POST", "OPTIONS"} {
			t.Run(row.name+" "+method, func(t *testing.T) {
				w := fromPage(t, s, row.bound, method, row.host, map[string]string{
					"Origin": row.origin, "Sec-Fetch-Site": row.site, "Sec-Fetch-Mode": row.mode,
				})
				if refused := w.Code == http.StatusForbidden; refused == row.allowed && (method == "GET" || row.mode != "navigate") {
					t.Errorf("want allowed %t, got %d", row.allowed, w.Code)
				}
				if w.Code == http.StatusForbidden {
					wantProblem(t, w.Result(), w.Body.Bytes(), http.StatusForbidden, "")
				}
				if h := w.Header(); h.Get("Access-Control-Allow-Origin") != "" || h.Get("X-Content-Type-Options") != "nosniff" {
					t.Errorf("the answer opens itself to others: %v", h)
				}
			})
		}
	}
}

// fromPage asks for the status as a browser does that came in by the bound
// address, with those header lines that are not empty.
func fromPage(t *testing.T, s *api.Server, bound, method, host string, header map[string]string) *httptest.ResponseRecorder {
	t.Helper()
	addr := &net.TCPAddr{IP: net.ParseIP(bound), Port: 9471}
	ctx := context.WithValue(t.Context(), http.LocalAddrContextKey, addr)
	r := httptest.NewRequestWithContext(ctx, method, "/v1/status", nil)
	r.Host = host
	for name, value := range header {
		if value != "" {
			r.Header.Set(name, value)
		}
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}
