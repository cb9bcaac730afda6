package web_test

import (
	"bytes"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lp2pnode/lp2pnode/api/web"
)

func serve(t *testing.T) *httptest.Server {
	t.Helper()
	mux := http.NewServeMux()
	if err := web.Register(mux); err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	return server
}

func fetch(t *testing.T, url string, lines ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var body bytes.Buffer
	if _, err := body.ReadFrom(resp.Body); err != nil {
		t.Fatal(err)
	}
	return resp, body.String()
}

// TestEveryFileComesWithAStrictPolicy: its own scripts and styles, nothing
// inline, nothing from elsewhere, no markup made of texts.
func TestEveryFileComesWithAStrictPolicy(t *testing.T) {
	server := serve(t)
	for path, kind := range map[string]string{
		"/": "text/html; charset=utf-8", "/web/main.js": "text/javascript; charset=utf-8",
		"/web/style.css": "text/css; charset=utf-8", "/web/icon.svg": "image/svg+xml",
	} {
		resp, body := fetch(t, server.URL+path)
		policy := resp.Header.Get("Content-Security-Policy")
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != kind || body == "" {
			t.Errorf("%s: %s, %s", path, resp.Status, resp.Header.Get("Content-Type"))
		}
		if !strings.HasPrefix(policy, "default-src 'none'; script-src 'self'; ") || !strings.Contains(policy, "trusted-types 'none'") {
			t.Errorf("%s: policy %q", path, policy)
		}
		for _, unsafe := range []string{"unsafe", "*", "data:", "blob:", "http"} {
			if strings.Contains(policy, unsafe) {
				t.Errorf("%s: the policy has %s in it: %q", path, unsafe, policy)
			}
		}
		resp, body = fetch(t, server.URL+path, "If-None-Match: "+resp.Header.Get("ETag"))
		if resp.StatusCode != http.StatusNotModified || body != "" {
			t.Errorf("%s: want 304 for what the browser has, got %s with %d bytes", path, resp.Status, len(body))
		}
	}
	if resp, _ := fetch(t, server.URL+"/web/offline.html"); resp.StatusCode != http.StatusNotFound {
		t.Errorf("the offline file's frame is served: %s", resp.Status)
	}
}

// TestPageMakesNoMarkupOfTexts: there is no way in for a hostile string, and no
// address of elsewhere.
func TestPageMakesNoMarkupOfTexts(t *testing.T) {
	unwanted := regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|https?://|\bimport\((?:[^"]|"[^.])`)
	names, err := filepath.Glob("page/*")
	if err != nil || len(names) < 20 {
		t.Fatalf("%d files, %v", len(names), err)
	}
	for _, name := range names {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(raw), "http://www.w3.org/2000/svg", "")
		if found := unwanted.FindAllString(text, -1); len(found) > 0 {
			t.Errorf("%s has %q", name, found)
		}
		if strings.HasSuffix(name, ".html") && regexp.MustCompile(`(?i)\son[a-z]+=|\sstyle=`).MatchString(text) {
			t.Errorf("%s has an inline handler or style", name)
		}
	}
}

// TestCheckerIsOneFile: with all that its modules import, and a policy that
// allows its own script and style by their hashes, and no connection.
func TestCheckerIsOneFile(t *testing.T) {
	page, err := web.Checker()
	if err != nil {
		t.Fatal(err)
	}
	text := string(page)
	for _, unwanted := range []string{"{{policy}}", "{{style}}", "{{script}}", "\nimport ", "\nexport ", "unsafe-", "connect-src", "src=", "href="} {
		if strings.Contains(text, unwanted) {
			t.Errorf("the file has %q in it", unwanted)
		}
	}
	for _, wanted := range []string{"default-src 'none'", "script-src 'sha256-", "style-src 'sha256-", "async function checkReceipt("} {
		if !strings.Contains(text, wanted) {
			t.Errorf("the file lacks %q", wanted)
		}
	}
}

// TestEveryModuleIsUsed: a file that nothing imports is left over.
func TestEveryModuleIsUsed(t *testing.T) {
	used := map[string]bool{"main.js": true, "offline.js": true}
	imports := regexp.MustCompile(`from "\./([a-z0-9]+\.js)"`)
	var names []string
	err := fs.WalkDir(os.DirFS("page"), ".", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".js") {
			return err
		}
		names = append(names, path)
		raw, err := os.ReadFile(filepath.Join("page", path))
		for _, m := range imports.FindAllStringSubmatch(string(raw), -1) {
			used[m[1]] = true
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if !used[name] {
			t.Errorf("nothing imports %s", name)
		}
	}
	for name := range used {
		if !slices.Contains(names, name) {
			t.Errorf("%s is imported and not there", name)
		}
	}
}

// TestJavaScriptUnits runs the tests of the modules, those against the
// protocol's vectors among them, with node's own test runner.
func TestJavaScriptUnits(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("NOT TESTED: the page's modules: no node in PATH; Debian has it as the package nodejs")
	}
	out, err := exec.CommandContext(t.Context(), node, "--test", "tests/").CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if passed := regexp.MustCompile(`(?m)^(?:#|ℹ) pass (\d+)`).FindSubmatch(out); passed == nil || string(passed[1]) == "0" {
		t.Errorf("no test ran:\n%s", out)
	}
}

// TestJavaScriptTypes checks the JSDoc types of all modules.
func TestJavaScriptTypes(t *testing.T) {
	if testing.Short() {
		t.Skip("the compiler takes seconds")
	}
	tsc, err := exec.LookPath("tsc")
	if err != nil {
		t.Skip("NOT TESTED: the types of the page's modules: no tsc in PATH; Debian has it as the package node-typescript")
	}
	if out, err := exec.CommandContext(t.Context(), tsc, "-p", ".").CombinedOutput(); err != nil {
		t.Errorf("%v\n%s", err, out)
	}
}
