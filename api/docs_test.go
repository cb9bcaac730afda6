package api_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"
)

// TestDocsLoadNothingFromOutside: neither does the page ask for it, nor would
// its policy let it.
func TestDocsLoadNothingFromOutside(t *testing.T) {
	url, _ := serve(t, newNode(t))
	local := regexp.MustCompile(`(?:href|src)="([^"]*)"`)
	for path, kind := range map[string]string{
		"/docs":          "text/html; charset=utf-8",
		"/docs/docs.css": "text/css; charset=utf-8",
		"/docs/docs.js":  "text/javascript; charset=utf-8",
	} {
		resp, body := call(t, "GET", url+path)
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != kind || len(body) == 0 {
			t.Fatalf("%s: got %s, %s", path, resp.Status, resp.Header.Get("Content-Type"))
		}
		policy := resp.Header.Get("Content-Security-Policy")
		if !strings.HasPrefix(policy, "default-src 'none';") || strings.Contains(policy, "unsafe") || strings.Contains(policy, "http") {
			t.Errorf("%s: policy %q", path, policy)
		}
		if strings.Contains(string(body), "//") && regexp.MustCompile(`(?i)(https?:|["'(])//`).Match(body) {
			t.Errorf("%s names another place", path)
		}
		for _, m := range local.FindAllSubmatch(body, -1) {
			if resp, _ := call(t, "GET", url+string(m[1])); resp.StatusCode != http.StatusOK {
				t.Errorf("%s asks for %s: %s", path, m[1], resp.Status)
			}
		}
	}
}
