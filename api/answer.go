package api

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
)

// setHeaders says to browsers that this is data for its own origin only.
func setHeaders(h http.Header) {
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("X-Content-Type-Options", "nosniff")
}

// answer remembers whether something was sent, and with which status.
type answer struct {
	http.ResponseWriter
	sent bool
	code int // the first one sent
}

// status returns what the asker got or will get.
func (a *answer) status() int { return cmp.Or(a.code, http.StatusOK) }

func (a *answer) WriteHeader(status int) {
	if !a.sent {
		a.code = status
	}
	a.sent = a.sent || status >= http.StatusOK
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(b []byte) (int, error) {
	a.sent = true
	return a.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController through.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// recoverPanic is deferred around every request: the asker learns that it was
// our fault, the log learns all of it.
func (s *Server) recoverPanic(w *answer, r *http.Request) {
	switch cause := recover(); {
	case cause == nil:
	case isAbort(cause):
		panic(cause)
	default:
		s.log.Error("api panic", "method", r.Method, "path", r.URL.Path, "panic", cause, "stack", string(debug.Stack()))
		if w.sent {
			panic(http.ErrAbortHandler) // the asker must not take half for the whole
		}
		ownFault().write(w)
	}
}

func isAbort(cause any) bool {
	err, ok := cause.(error)
	return ok && errors.Is(err, http.ErrAbortHandler)
}

// withFallback turns what the mux itself refuses (no such path, no such
// method) into problems.
func withFallback(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		refuse, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		probe := &headerOnly{header: http.Header{}}
		refuse.ServeHTTP(probe, r)
		if probe.status == http.StatusMethodNotAllowed {
			allow := probe.header.Get("Allow")
			w.Header().Set("Allow", allow)
			newProblem(probe.status, fmt.Sprintf("%.20s is not for this path; it takes %s", r.Method, allow)).write(w)
			return
		}
		newProblem(http.StatusNotFound, "there is nothing here; /openapi.json lists what there is").write(w)
	})
}

// headerOnly keeps the status and header of an answer and drops its body.
type headerOnly struct {
	header http.Header
	status int
}

func (h *headerOnly) Header() http.Header         { return h.header }
func (h *headerOnly) Write(b []byte) (int, error) { return len(b), nil }
func (h *headerOnly) WriteHeader(status int)      { h.status = status }
