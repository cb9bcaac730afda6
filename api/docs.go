package api

import (
	"embed"
	"net/http"
)

// The page at /docs renders /openapi.json. It is its own and loads nothing
// from elsewhere; its policy lets it load nothing else either.
//
//go:embed docs/index.html docs/docs.css docs/docs.js
var docs embed.FS

const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// registerDocs puts the page on the mux.
func registerDocs(mux *http.ServeMux) {
	for path, name := range map[string]string{
		"/docs":          "docs/index.html",
		"/docs/docs.css": "docs/docs.css",
		"/docs/docs.js":  "docs/docs.js",
	} {
		mux.HandleFunc("GET "+path, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Security-Policy", docsPolicy)
			http.ServeFileFS(w, r, docs, name)
		})
	}
}
