package api

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

// around returns a server around a handler of the test's, and its log.
func around(handler http.HandlerFunc) (*Server, *bytes.Buffer) {
	log := &bytes.Buffer{}
	s := &Server{
		log:     slog.New(slog.NewTextHandler(log, nil)),
		guard:   newGuard(nil),
		handler: handler,
		slots:   newSlots(maxRequests, maxQueueing),
		streams: newSlots(maxStreams, 0),
		probes:  newSlots(maxProbes, maxQueueing),
	}
	s.metrics = newMetrics(s)
	return s, log
}

// ask sends a request without a network.
func ask(ctx context.Context, s *Server, body io.Reader) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, "/v1/status", body)
	r.Host = "localhost"
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func problemIn(t *testing.T, w *httptest.ResponseRecorder) client.Problem {
	t.Helper()
	var p client.Problem
	if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || p.Status != w.Code {
		t.Fatalf("%d %q is no problem: %v", w.Code, w.Body, err)
	}
	return p
}

func TestPanicIsToldToTheLogOnly(t *testing.T) {
	s, log := around(func(http.ResponseWriter, *http.Request) { panic("a secret") })
	p := problemIn(t, ask(t.Context(), s, nil))
	if p.Status != http.StatusInternalServerError || strings.Contains(p.Detail, "secret") {
		t.Errorf("the asker got %+v", p)
	}
	if !strings.Contains(log.String(), "a secret") || !strings.Contains(log.String(), "server_test.go") {
		t.Errorf("the log has no cause and stack: %s", log)
	}
	if len(s.slots.taken) != 0 {
		t.Error("the panic kept its slot")
	}
}

// TestHalfAnAnswerIsNoAnswer: a panic after the first byte breaks the connection.
func TestHalfAnAnswerIsNoAnswer(t *testing.T) {
	s, _ := around(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "[1,")
		_ = http.NewResponseController(w).Flush()
		panic("and no more")
	})
	server := httptest.NewServer(s)
	defer server.Close()
	resp, err := http.Get(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if body, err := io.ReadAll(resp.Body); err == nil {
		t.Errorf("%q came to a good end", body)
	}
}

func TestErrorsAreTranslatedByConsequence(t *testing.T) {
	gone, leave := context.WithCancel(t.Context())
	leave()
	for _, row := range []struct {
		name   string
		ctx    context.Context
		err    error
		want   client.Problem
		logged bool
	}{
		{"made here", t.Context(), newProblem(http.StatusNotFound, "no such"), client.Problem{Status: 404, Detail: "no such"}, false},
		{"not in the store", t.Context(), errors.Join(store.ErrNotFound), client.Problem{Status: 404, Detail: store.ErrNotFound.Error()}, false},
		{
			"a broken rule", t.Context(), chain.Invalid(chain.RuleHash, "a", "b"),
			client.Problem{Status: 422, Detail: "rule hash: want a, got b", Rule: "hash", Want: "a", Got: "b"},
			false,
		},
		{
			"does not fit", t.Context(), chain.Unfit(chain.RuleNonce, "1", "2"),
			client.Problem{Status: 409, Detail: "rule nonce: want 1, got 2", Rule: "nonce", Want: "1", Got: "2"},
			false,
		},
		{"the asker left", gone, context.Canceled, client.Problem{Status: 503, Detail: "the asker has left, or the node is stopping"}, false},
		{"anything else", t.Context(), errors.New("/home/me/data: input/output error"), client.Problem(*ownFault()), true},
	} {
		t.Run(row.name, func(t *testing.T) {
			s, log := around(nil)
			row.want.Title = http.StatusText(row.want.Status)
			if got := client.Problem(*s.problemOf(row.ctx, "test", row.err)); got != row.want {
				t.Errorf("want %+v\ngot %+v", row.want, got)
			}
			if logged := strings.Contains(log.String(), row.err.Error()); logged != row.logged {
				t.Errorf("want logged %t, got %q", row.logged, log)
			}
		})
	}
}

// TestOnlyHumasErrorsAreReplaced: answers pass as they are.
func TestOnlyHumasErrorsAreReplaced(t *testing.T) {
	v, err := toProblem(nil, "200", client.Status{Height: 7})
	if s, ok := v.(client.Status); err != nil || !ok || s.Height != 7 {
		t.Errorf("got %+v, %v", v, err)
	}
	v, err = toProblem(nil, "406", &huma.ErrorModel{Status: 406, Detail: "cannot"})
	if p, ok := v.(*problem); err != nil || !ok || p.Detail != "cannot" || p.Title != "Not Acceptable" {
		t.Errorf("got %+v, %v", v, err)
	}
}

func TestRequestsBeyondTheLimitWaitAndAreTurnedAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leave := make(chan struct{})
		s, _ := around(func(http.ResponseWriter, *http.Request) { <-leave })
		for range maxRequests {
			go ask(t.Context(), s, nil)
		}
		synctest.Wait()
		start := time.Now()
		w := ask(t.Context(), s, nil)
		if p := problemIn(t, w); p.Status != http.StatusServiceUnavailable || w.Header().Get("Retry-After") == "" {
			t.Errorf("got %+v", p)
		}
		if waited := time.Since(start); waited != maxQueueing {
			t.Errorf("waited %s, want %s", waited, maxQueueing)
		}
		late := make(chan int, 1)
		go func() { late <- ask(t.Context(), s, nil).Code }()
		synctest.Wait()
		close(leave)
		if code := <-late; code != http.StatusOK {
			t.Errorf("who waited for a slot got %d", code)
		}
	})
}

// TestOneAddressHasAShareOfTheSlots: others are answered while it has all of it.
func TestOneAddressHasAShareOfTheSlots(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		leave := make(chan struct{})
		s, _ := around(func(http.ResponseWriter, *http.Request) { <-leave })
		outside := context.WithValue(t.Context(), http.LocalAddrContextKey, &net.TCPAddr{IP: net.IPv4(192, 0, 2, 9), Port: 9471})
		from := func(addr string) int {
			r := httptest.NewRequestWithContext(outside, http.MethodGet, "http://192.0.2.9:9471/v1/status", nil)
			r.RemoteAddr = addr
			w := httptest.NewRecorder()
			s.ServeHTTP(w, r)
			return w.Code
		}
		const share = maxRequests / shareOf
		for range share {
			go from("[2001:db8::1]:1000")
		}
		synctest.Wait()
		if code := from("[2001:db8::2:2]:1001"); code != http.StatusServiceUnavailable {
			t.Errorf("the next of the same network got %d", code)
		}
		others := make(chan int, 2)
		go func() { others <- from("[2001:db8:0:1::1]:1000") }()
		go func() { others <- from("192.0.2.1:1000") }()
		synctest.Wait()
		if n := len(s.slots.taken); n != share+2 {
			t.Errorf("%d requests are being answered, want %d and two of others", n, share)
		}
		close(leave)
		if a, b := <-others, <-others; a != http.StatusOK || b != http.StatusOK {
			t.Errorf("others got %d and %d", a, b)
		}
		synctest.Wait()
		if len(s.slots.shares) != 0 {
			t.Errorf("shares of nobody are kept: %v", s.slots.shares)
		}
	})
}

func TestBodiesAreBounded(t *testing.T) {
	s, _ := around(func(_ http.ResponseWriter, r *http.Request) {
		n, err := io.Copy(io.Discard, r.Body)
		var tooLarge *http.MaxBytesError
		if n != maxBodyBytes || !errors.As(err, &tooLarge) {
			t.Errorf("read %d bytes, then %v", n, err)
		}
	})
	ask(t.Context(), s, io.LimitReader(zeroes{}, maxBodyBytes+1))
}

type zeroes struct{}

func (zeroes) Read(b []byte) (int, error) { clear(b); return len(b), nil }

// TestServeEndsWithItsContextAfterTheLastRequest: then the node may be closed.
func TestServeEndsWithItsContextAfterTheLastRequest(t *testing.T) {
	entered := make(chan struct{})
	finished := false
	s, _ := around(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done() // as a stream would
		finished = true
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Serve(ctx, l) }()
	answered := make(chan error, 1)
	go func() {
		resp, err := http.Get("http://" + l.Addr().String())
		if err == nil {
			err = resp.Body.Close()
		}
		answered <- err
	}()
	<-entered
	cancel()
	if err := <-done; err != nil {
		t.Errorf("want nil, got %v", err)
	}
	if !finished {
		t.Error("Serve left before its request")
	}
	if err := <-answered; err != nil {
		t.Errorf("the last request was cut off: %v", err)
	}
	if conn, err := net.Dial("tcp", l.Addr().String()); err == nil {
		_ = conn.Close()
		t.Error("the listener is still open")
	}
}

func TestServeTellsWhyItFailed(t *testing.T) {
	s, _ := around(nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(t.Context(), l); !errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), l.Addr().String()) {
		t.Errorf("got %v", err)
	}
}

// TestProbesAreAnsweredUnderLoad: whoever watches over the node must not take a
// busy one for a dead one.
func TestProbesAreAnsweredUnderLoad(t *testing.T) {
	s, _ := around(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) })
	for range maxRequests {
		s.slots.enter(t.Context(), netip.Addr{})
	}
	for _, path := range []string{livePath, readyPath, metricsPath} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
		r.Host = "localhost"
		w := httptest.NewRecorder()
		s.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Errorf("%s with all slots taken: got %d", path, w.Code)
		}
	}
}
