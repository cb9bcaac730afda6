package api

import (
	"net/http"
	"net/http/pprof"
)

// debugPath is where profiles of the running program are.
const debugPath = "/debug/pprof/"

// registerDebug puts the profiles of net/http/pprof on the mux. They show what
// the node does, command line included, and cost it time: this machine only.
func registerDebug(mux *http.ServeMux) {
	for path, handle := range map[string]http.HandlerFunc{
		"":        pprof.Index,
		"cmdline": pprof.Cmdline,
		"profile": pprof.Profile,
		"symbol":  pprof.Symbol,
		"trace":   pprof.Trace,
	} {
		mux.Handle("GET "+debugPath+path, onlyHere(handle))
	}
}

// onlyHere refuses whoever does not call from this machine, by its own name.
func onlyHere(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !fromHere(r) {
			newProblem(http.StatusForbidden, "profiles are for this machine only: ask http://127.0.0.1 there").write(w)
			return
		}
		next.ServeHTTP(w, r)
	})
}
