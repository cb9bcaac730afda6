// Package web is the page at / of a node's API, and the one file in which its
// receipt checker works without a node. Both are plain modules, CSS and HTML,
// embedded as they are: nothing is built, and nothing is loaded from elsewhere.
//
// The page is a client like any other: it reads what the API shows to everybody
// and writes by the API's rules. Its checker (page/receipt.js and what that
// imports) is written from the protocol's page and shares no code with Go's.
package web

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
)

//go:embed page
var embedded embed.FS

// policy lets the page load and call what is its own, and nothing else, and
// makes no markup of texts (Trusted Types).
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

// file is one file of the page, ready to be sent.
type file struct {
	kind, etag string
	content    []byte
}

// Register puts the page on a mux: / itself and what it loads, under /web/.
func Register(mux *http.ServeMux) error {
	names, err := fs.Glob(embedded, "page/*")
	if err != nil {
		return fmt.Errorf("list the page's files: %w", err)
	}
	for _, name := range names {
		if path.Base(name) == "offline.html" {
			continue // a frame to be filled: see Checker
		}
		content, err := embedded.ReadFile(name)
		if err != nil {
			return fmt.Errorf("read the page: %w", err)
		}
		f := &file{kind: kindOf(name), etag: etagOf(content), content: content}
		at := "GET /web/" + path.Base(name)
		if path.Base(name) == "index.html" {
			at = "GET /{$}"
		}
		mux.Handle(at, f)
	}
	return nil
}

// ServeHTTP implements http.Handler. Browsers keep the file and ask whether it
// is still the same, so that a new version shows at once.
func (f *file) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-cache")
	h.Set("Content-Security-Policy", policy)
	h.Set("Content-Type", f.kind)
	h.Set("ETag", f.etag)
	h.Set("Referrer-Policy", "no-referrer")
	if r.Header.Get("If-None-Match") == f.etag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	_, _ = w.Write(f.content) // the asker has left
}

// kindOf does not ask the machine, whose tables may say anything of .js.
func kindOf(name string) string {
	switch path.Ext(name) {
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	}
	return mime.TypeByExtension(".html")
}

func etagOf(content []byte) string {
	sum := sha256.Sum256(content)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

// modules are those of the checker in one file, each after what it imports.
func modules() []string {
	return []string{
		"bytes", "sha256", "sha512", "canonical", "merkle", "address", "ed25519", "protocol", "receipt",
		"dom", "format", "stepsview", "offline",
	}
}

// Checker returns an HTML file that checks receipts with no node and no
// network. Its own policy allows its one script and style, by their hashes, and
// no connection.
func Checker() ([]byte, error) {
	var script strings.Builder
	script.WriteString("\"use strict\";\n")
	for _, name := range modules() {
		source, err := embedded.ReadFile("page/" + name + ".js")
		if err != nil {
			return nil, fmt.Errorf("read the checker: %w", err)
		}
		script.WriteString("\n" + alone(string(source)))
	}
	style, err := embedded.ReadFile("page/style.css")
	if err != nil {
		return nil, fmt.Errorf("read the checker: %w", err)
	}
	frame, err := embedded.ReadFile("page/offline.html")
	if err != nil {
		return nil, fmt.Errorf("read the checker: %w", err)
	}
	if strings.Contains(script.String(), "</script") || strings.Contains(string(style), "</style") {
		return nil, fmt.Errorf("the checker's script or style would end its element")
	}
	policy := fmt.Sprintf("default-src 'none'; script-src '%s'; style-src '%s'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
		hashSource(script.String()), hashSource(string(style)))
	return []byte(strings.NewReplacer("{{policy}}", policy, "{{style}}", string(style), "{{script}}", script.String()).Replace(string(frame))), nil
}

// alone makes a module part of one script: its imports are before it.
func alone(source string) string {
	var kept []string
	for line := range strings.Lines(source) {
		if strings.HasPrefix(line, "import ") && strings.Contains(line, `from "./`) {
			continue
		}
		kept = append(kept, strings.TrimPrefix(line, "export "))
	}
	return strings.Join(kept, "")
}

// hashSource names an inline script or style in a policy (CSP 3 §8.4).
func hashSource(content string) string {
	sum := sha256.Sum256([]byte(content))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}
