package main_test

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestNamedHostsReadAndWriteWithTheToken: by a name of --api-hosts everybody
// reads, and writes who has the token of the data directory; other names are
// refused.
func TestNamedHostsReadAndWriteWithTheToken(t *testing.T) {
	needProcesses(t)
	node := start(t, "node", "--mine=false", "--api-hosts", "node.example.org")
	secret, err := os.ReadFile(filepath.Join(node.dir, "api.token"))
	if err != nil {
		t.Fatal(err)
	}
	token := strings.TrimSpace(string(secret))
	for _, row := range []struct {
		method, path, host, token string
		want                      int
	}{
		{http.MethodGet, "/v1/status", "node.example.org", "", http.StatusOK},
		{http.MethodGet, "/v1/status", "other.example.org", token, http.StatusForbidden},
		{http.MethodPost, "/v1/transactions", "node.example.org", "", http.StatusUnauthorized},
		{http.MethodPost, "/v1/transactions", "node.example.org", "x" + token, http.StatusUnauthorized},
		{http.MethodPost, "/v1/transactions", "node.example.org", token, http.StatusUnprocessableEntity}, // {} is none
	} {
		req, err := http.NewRequestWithContext(t.Context(), row.method, node.url()+row.path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		req.Host = row.host
		req.Header.Set("Content-Type", "application/json")
		if row.token != "" {
			req.Header.Set("Authorization", "Bearer "+row.token)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.StatusCode != row.want {
			t.Errorf("%s %s as %s: want %d, got %s", row.method, row.path, row.host, row.want, resp.Status)
		}
	}
}
