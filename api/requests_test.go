package api_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/lp2pnode/lp2pnode/api"
)

// FuzzRequest: no path and query make the node fail, nor answer anything but
// JSON where the API is.
func FuzzRequest(f *testing.F) {
	for _, seed := range [][2]string{
		{"v1/blocks", "from=1&limit=2"},
		{"v1/blocks/latest", ""},
		{"v1/headers", "limit=18446744073709551616"},
		{"v1/forks", "depth=%zz"},
		{"//v1/../livez", "a;b"},
		{"v1/pool", "limit=1000&size=400"},
		{"v1/accounts/" + string(someone), ""},
		{"v1/transactions/zz/receipt", ""},
		{"v1/blocks/%00", "&&=="},
		{"v1/blocks", "from=9007199254740991&limit=100"},
		{"", "dezth=%zp"},
	} {
		f.Add(seed[0], seed[1])
	}
	n := newNode(f)
	n.grow(f, n.ledger.Tip(), "", 3)
	s, err := api.New(n, api.Config{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path, query string) {
		if path == "v1/events" || path == "readyz" {
			return // a stream, and a node whose tip is old
		}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Host = "localhost"
		r.URL = &url.URL{Path: "/" + path, RawQuery: query}
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		switch kind := w.Header().Get("Content-Type"); {
		case w.Code >= http.StatusInternalServerError:
			t.Errorf("%s?%s: %d %s", path, query, w.Code, w.Body)
		case !strings.HasPrefix(path, "v1/"): // the page, documents, metrics
		case w.Code == http.StatusOK && kind != "application/json", w.Code >= http.StatusBadRequest && kind != "application/problem+json":
			t.Errorf("%s?%s: %d of type %s", path, query, w.Code, kind)
		}
	})
}
