package api_test

import (
	"net/http"
	"strings"
	"testing"
)

func TestEveryErrorIsAProblem(t *testing.T) {
	url, _ := serve(t, newNode(t))
	unknown := strings.Repeat("ab", 32)
	for _, row := range []struct {
		method, path string
		status       int
		words        string
	}{
		{"GET", "/v1/nothing", 404, "/openapi.json"},
		{"GET", "/v1/status/", 404, "/openapi.json"},
		{"GET", "/v1/blocks/a/b", 404, "/openapi.json"},
		{"POST", "/v1/status", 405, "GET, HEAD"},
		{"DELETE", "/v1/blocks/1", 405, "GET, HEAD"},
		{"GET", "/v1/blocks/" + unknown, 404, unknown},
		{"GET", "/v1/blocks/1", 404, "no block of height 1; the tip is at 0"},
		{"GET", "/v1/blocks/" + strings.ToUpper(unknown), 422, "lowercase"},
		{"GET", "/v1/blocks/-1", 422, `"-1"`},
		{"GET", "/v1/blocks/01", 422, `"01"`},
		{"GET", "/v1/blocks/9007199254740992", 422, "a height"},
		{"GET", "/v1/blocks/%22%0a", 422, `want a height`},
		{"GET", "/v1/blocks?limit=0", 422, "query.limit: expected number >= 1"},
		{"GET", "/v1/blocks?limit=101", 422, "query.limit: expected number <= 100"},
		{"GET", "/v1/blocks?limit=many", 422, "query.limit: invalid integer"},
		{"GET", "/v1/blocks?from=-1", 422, "query.from: invalid integer"},
		{"GET", "/v1/blocks?from=9007199254740992", 422, "query.from: expected number <= 9.007199254740991e+15"},
		{"GET", "/v1/headers?limit=2001", 422, "query.limit"},
		{"GET", "/v1/forks?depth=1001", 422, "query.depth"},
		{"GET", "/v1/status?verbose=1", 422, "query.verbose: unknown query parameter"},
	} {
		t.Run(row.method+" "+row.path, func(t *testing.T) {
			resp, body := call(t, row.method, url+row.path)
			wantProblem(t, resp, body, row.status, row.words)
			if allow := resp.Header.Get("Allow"); (row.status == http.StatusMethodNotAllowed) != (allow != "") {
				t.Errorf("got Allow: %q", allow)
			}
		})
	}
}
