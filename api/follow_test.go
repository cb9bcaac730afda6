package api

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/node"
)

// openNode returns a node in memory whose blocks cost nothing, and how to put
// one more on its tip.
func openNode(t *testing.T) (*node.Node, func()) {
	t.Helper()
	cfg := node.DefaultConfig()
	cfg.MDNS, cfg.Mine = false, false
	cfg.Params = chain.Params{
		BlockIntervalMS: 1000, ChainID: "toy", Consensus: "pow", InitialDifficulty: 1,
		MaxBlockBytes: 1 << 20, Reward: 50, Timestamp: 1_700_000_000_000,
	}
	n, err := node.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := n.Close(); err != nil {
			t.Error(err)
		}
	})
	return n, func() {
		t.Helper()
		tip := n.Ledger().Tip()
		h := tip.Child("12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN", "", tip.Tip.Timestamp+1000)
		h.Hash = h.ComputeHash()
		if _, err := n.Ledger().AddBlocks(chain.Source{Via: chain.ViaSync}, chain.NewBlock(h, nil)); err != nil {
			t.Error(err)
		}
	}
}

// stalled is an asker that takes an event only when the test does.
type stalled struct {
	events chan event
	beats  chan struct{}
}

func (s *stalled) send(ctx context.Context, e event) error {
	select {
	case s.events <- e:
		return nil
	case <-ctx.Done():
		return gone(ctx.Err())
	}
}

func (s *stalled) beat(context.Context) error {
	select {
	case s.beats <- struct{}{}:
	default:
	}
	return nil
}

// TestSlowFollowerHoldsNobodyUp: nothing waits for it or is kept for it, and
// when it takes again, it gets all.
func TestSlowFollowerHoldsNobodyUp(t *testing.T) {
	n, grow := openNode(t)
	tip := n.Ledger().Tip().Tip
	f, err := follow(n, tip.Cursor(), heartbeat)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	slow := &stalled{make(chan event), nil}
	done := make(chan error, 1)
	go func() { done <- f.run(ctx, slow) }()
	if e := <-slow.events; e.kind != client.EventStart {
		t.Fatalf("got %+v", e)
	}
	const blocks = 300
	for range blocks {
		grow()
	}
	for i := range uint64(blocks) {
		e := <-slow.events
		if at, err := parsePlace(e.id); err != nil || e.kind != client.EventBlock || at.Height != i+1 {
			t.Fatalf("want block %d, got %s %s", i+1, e.kind, e.id)
		}
	}
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestSilentStreamShowsThatItLives(t *testing.T) {
	n, _ := openNode(t)
	tip := n.Ledger().Tip().Tip
	f, err := follow(n, tip.Cursor(), time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	s := &stalled{make(chan event, 1), make(chan struct{})}
	done := make(chan error, 1)
	go func() { done <- f.run(ctx, s) }()
	for range 3 {
		<-s.beats
	}
	cancel()
	<-done
	w := httptest.NewRecorder()
	if err := (eventSink{flushing{w}, http.NewResponseController(flushing{w})}).beat(ctx); err != nil || w.Body.String() != ":\n\n" {
		t.Errorf("want a comment, got %q, %v", w.Body, err)
	}
}

// flushing is a recorder that takes deadlines.
type flushing struct{ *httptest.ResponseRecorder }

func (flushing) SetWriteDeadline(time.Time) error { return nil }

// TestStreamsHaveSlotsOfTheirOwn: followers keep nobody from asking, and there
// is a last one.
func TestStreamsHaveSlotsOfTheirOwn(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	s, _ := around(func(_ http.ResponseWriter, r *http.Request) {
		if r.URL.Path == eventsPath {
			entered <- struct{}{}
			<-leave
		}
	})
	s.slots, s.streams = newSlots(1, 0), newSlots(2, 0)
	to := func(path string) *httptest.ResponseRecorder {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.Host = "localhost"
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		return w
	}
	ended := make(chan int)
	for range 2 {
		go func() { ended <- to(eventsPath).Code }()
		<-entered
	}
	if w := to(eventsPath); problemIn(t, w).Status != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
		t.Errorf("one stream too many: got %d", w.Code)
	}
	if w := to("/v1/status"); w.Code != http.StatusOK {
		t.Errorf("a request beside the streams: got %d", w.Code)
	}
	close(leave)
	for range 2 {
		if code := <-ended; code != http.StatusOK {
			t.Errorf("got %d", code)
		}
	}
}

// TestStreamsEndWithTheServer: in both forms, at once, as streams end.
func TestStreamsEndWithTheServer(t *testing.T) {
	n, _ := openNode(t)
	s, err := New(n, Config{})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	url := "http://" + l.Addr().String() + eventsPath
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	conn, _, err := websocket.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.CloseNow() }()
	if _, _, err := conn.Read(t.Context()); err != nil {
		t.Fatal(err)
	}
	cancel()
	if text, err := io.ReadAll(resp.Body); err != nil || !strings.Contains(string(text), "event: start") {
		t.Errorf("the stream ended with %v: %q", err, text)
	}
	if _, _, err := conn.Read(t.Context()); websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("the WebSocket ended with %v", err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestFailedStreamIsCutOff: the asker must not take it for a good end, and the
// cause is in the log.
func TestFailedStreamIsCutOff(t *testing.T) {
	s, log := around(nil)
	in := &rooms{log: s.log}
	defer func() {
		if cause := recover(); cause != http.ErrAbortHandler {
			t.Errorf("got %v", cause)
		}
		if !strings.Contains(log.String(), "input/output error") {
			t.Errorf("got log %q", log)
		}
	}()
	in.ended(t.Context(), gone(io.ErrClosedPipe)) // no failure of ours
	in.ended(t.Context(), errors.New("input/output error"))
}
