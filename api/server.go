package api

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"github.com/lp2pnode/lp2pnode/api/web"
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
	maxStreams     = 256 // followers of events, beside the requests
	maxProbes      = 16  // of those who watch over the node, beside the requests
)

// Config is what a Server needs beside a node.
type Config struct {
	Logger *slog.Logger // nil discards
	// Hosts are names, without port, by which the API may be called beside
	// localhost, the machine's own name and IP addresses: those of a reverse
	// proxy, or of the service in a container network.
	Hosts []string
	// Debug serves profiles of the running program, to this machine only.
	Debug bool
	// Token is what writing takes from elsewhere than this machine, and all of
	// /v1/admin from everywhere; "" allows neither.
	Token string
}

// Server is the API of one node, an http.Handler. It is safe for concurrent
// use and starts nothing before Serve.
type Server struct {
	log     *slog.Logger
	guard   guard
	token   string
	handler http.Handler
	slots   *slots // one for each request being answered
	streams *slots // one for each follower of events
	probes  *slots // one for each question how the node is
	metrics *metrics
}

// New returns the API of a node, which must stay open as long as requests are
// answered.
func New(n Node, cfg Config) (*Server, error) {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		log:     cfg.Logger,
		guard:   newGuard(cfg.Hosts),
		token:   cfg.Token,
		slots:   newSlots(maxRequests, maxQueueing),
		streams: newSlots(maxStreams, 0),
		probes:  newSlots(maxProbes, maxQueueing),
	}
	s.metrics = newMetrics(s)
	mux := http.NewServeMux()
	if err := s.register(mux, n); err != nil {
		return nil, fmt.Errorf("describe the API: %w", err)
	}
	registerDocs(mux)
	s.registerMetrics(mux, n)
	if cfg.Debug {
		registerDebug(mux)
	}
	if err := web.Register(mux); err != nil {
		return nil, err
	}
	s.handler = withFallback(mux)
	return s, nil
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := &answer{ResponseWriter: w}
	defer func() { s.metrics.answered(answer.status()) }()
	defer s.recoverPanic(answer, r)
	setHeaders(w.Header())
	if p := s.guard.check(r); p != nil {
		p.write(answer)
		return
	}
	if p := s.permit(r); p != nil {
		answer.Header().Set("WWW-Authenticate", `Bearer realm="lp2pnode"`)
		p.write(answer)
		return
	}
	slots, from := s.slotsFor(r.URL.Path), asker(r)
	if !slots.enter(r.Context(), from) {
		answer.Header().Set("Retry-After", "1")
		newProblem(http.StatusServiceUnavailable, fmt.Sprintf("as many requests of this kind are being answered as may be: %d, a fourth of them for one address; try again", cap(slots.taken))).write(answer)
		return
	}
	defer slots.leave(from)
	// In a copy: net/http looks at its own request's body to tell whether bytes
	// of it are left, which else it takes for the next request.
	r = r.WithContext(r.Context())
	r.Body = http.MaxBytesReader(answer, r.Body, maxBodyBytes)
	s.handler.ServeHTTP(answer, r)
}

// slotsFor keeps apart who stays, who watches over the node, and who asks.
func (s *Server) slotsFor(path string) *slots {
	switch path {
	case eventsPath:
		return s.streams
	case livePath, readyPath, metricsPath:
		return s.probes
	}
	return s.slots
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
	s.slots.drain()
	s.streams.drain()
	s.probes.drain()
}
