package api

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"
)

// Limits of the server. Streams lift the write limit for themselves.
const (
	headerTimeout  = 5 * time.Second
	readTimeout    = 15 * time.Second
	writeTimeout   = 60 * time.Second
	idleTimeout    = 2 * time.Minute
	closeTimeout   = 2 * time.Second
	maxHeaderBytes = 16 << 10
	maxBodyBytes   = 9 << 20 // the largest block a genesis allows, and what goes around it
	maxRequests    = 64      // answered at a time; a page of blocks takes 16 MiB
	maxQueueing    = 5 * time.Second
)

// Config is what a Server needs beside a node.
type Config struct {
	Logger *slog.Logger // nil discards
	// Hosts are names, without port, by which the API may be called beside
	// localhost, the machine's own name and IP addresses: those of a reverse
	// proxy, or of the service in a container network.
	Hosts []string
}

// Server is the API of one node, an http.Handler. It is safe for concurrent
// use and starts nothing before Serve.
type Server struct {
	log     *slog.Logger
	guard   guard
	handler http.Handler
	slots   chan struct{} // one for each request being answered
}

// New returns the API of a node, which must stay open as long as requests are
// answered.
func New(n Node, cfg Config) (*Server, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		log:   cfg.Logger,
		guard: newGuard(cfg.Hosts),
		slots: make(chan struct{}, maxRequests),
	}
	mux := http.NewServeMux()
	if err := s.register(mux, n); err != nil {
		return nil, fmt.Errorf("describe the API: %w", err)
	}
	s.handler = withFallback(mux)
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := &answer{ResponseWriter: w}
	defer s.recoverPanic(answer, r)
	setHeaders(w.Header())
	if p := s.guard.check(r); p != nil {
		p.write(answer)
		return
	}
	if !s.enter(r.Context()) {
		answer.Header().Set("Retry-After", "1")
		newProblem(http.StatusServiceUnavailable, fmt.Sprintf("%d requests are being answered; try again", maxRequests)).write(answer)
		return
	}
	defer func() { <-s.slots }()
	r.Body = http.MaxBytesReader(answer, r.Body, maxBodyBytes)
	s.handler.ServeHTTP(answer, r)
}

// enter takes a slot, and gives up after a while or when the asker leaves.
func (s *Server) enter(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, maxQueueing)
	defer cancel()
	select {
	case s.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// Serve answers on a listener, which it closes, until ctx ends, and returns
// nil after the last request has left: the node may then be closed. The
// contexts of requests end with ctx.
func (s *Server) Serve(ctx context.Context, l net.Listener) error {
	server := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ErrorLog:          slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(l) }()
	select {
	case err := <-failed:
		s.drain(server)
		return fmt.Errorf("serve the API on %s: %w", l.Addr(), err)
	case <-ctx.Done():
		s.drain(server)
		<-failed
		return nil
	}
}

// drain ends all connections and takes all slots, for good: whoever still has
// one reads the node.
func (s *Server) drain(server *http.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTimeout)
	defer cancel()
	if server.Shutdown(ctx) != nil {
		_ = server.Close() // what is left was given its time
	}
	for range cap(s.slots) {
		s.slots <- struct{}{}
	}
}
