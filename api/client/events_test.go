package client

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

// script answers each request for events with the next of its answers.
type script struct {
	answers []func(r *http.Request) (*http.Response, error)
	places  []string    // Last-Event-ID of each request
	times   []time.Time // of each request
}

func (s *script) RoundTrip(r *http.Request) (*http.Response, error) {
	s.places = append(s.places, r.Header.Get("Last-Event-ID"))
	s.times = append(s.times, time.Now())
	answer := s.answers[min(len(s.places), len(s.answers))-1]
	return answer(r)
}

func follower(answers ...func(*http.Request) (*http.Response, error)) (*Client, *script) {
	c, s := New("http://node.test"), &script{answers: answers}
	c.HTTP.Transport = s
	return c, s
}

func refuses(*http.Request) (*http.Response, error) { return nil, io.ErrUnexpectedEOF }

func answer(status int, kind string, body io.ReadCloser) *http.Response {
	return &http.Response{StatusCode: status, Status: http.StatusText(status), Header: http.Header{"Content-Type": {kind}}, Body: body}
}

// says answers with a stream that ends.
func saysEvents(parts ...string) func(*http.Request) (*http.Response, error) {
	return func(*http.Request) (*http.Response, error) {
		return answer(200, "text/event-stream", io.NopCloser(strings.NewReader(strings.Join(parts, "")))), nil
	}
}

// hangs answers with a stream that says no more, and does not end by itself.
func hangs(parts ...string) func(*http.Request) (*http.Response, error) {
	return func(r *http.Request) (*http.Response, error) {
		body, end := io.Pipe()
		context.AfterFunc(r.Context(), func() { _ = end.CloseWithError(r.Context().Err()) })
		go func() { _, _ = io.WriteString(end, strings.Join(parts, "")) }()
		return answer(200, "text/event-stream", body), nil
	}
}

func sse(kind EventKind, id string, data []byte) string {
	return fmt.Sprintf("id: %s\nevent: %s\ndata: %s\n\n", id, kind, data)
}

// branch returns blocks, each on the one before, the first on parent.
func branch(parent chain.Cursor, note string, n int) []*chain.Block {
	var blocks []*chain.Block
	for range n {
		h := chain.Header{Height: parent.Height + 1, PrevHash: parent.Hash, Miner: someone, Data: note, Difficulty: 1, Version: chain.Version}
		h.TxCount, h.TxRoot = chain.TxSummary(nil)
		h.Hash = h.ComputeHash()
		blocks = append(blocks, chain.NewBlock(h, nil))
		parent = h.Cursor()
	}
	return blocks
}

func joins(b *chain.Block) string { return sse(EventBlock, placeOf(b.Cursor()), b.Raw()) }

func leaves(b *chain.Block) string {
	return sse(EventRevert, placeOf(chain.Cursor{Height: b.Height - 1, Hash: b.PrevHash}), b.Header.Canonical())
}

func start(c chain.Cursor) string { return fmt.Sprintf("id: %s\nevent: start\n\n", placeOf(c)) }

var root = chain.Cursor{Height: 4, Hash: chain.Hash{1}}

// collect returns the first n events, or fewer and the error.
func collect(ctx context.Context, c *Client, from chain.Cursor, n int) ([]Event, error) {
	var events []Event
	for e, err := range c.Events(ctx, from) {
		if err != nil {
			return events, err
		}
		if events = append(events, e); len(events) == n {
			return events, nil
		}
	}
	return events, nil
}

// TestEventsGoOnWhereTheyWereCutOff: also after half an event, and when nobody
// knew yet where the tip was.
func TestEventsGoOnWhereTheyWereCutOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := branch(root, "", 3)
		other := branch(b[0].Cursor(), "other", 3)
		c, s := follower(
			saysEvents(start(root), ":\n\n", "event: later\nid: 7\n\n", joins(b[0]), joins(b[1])[:40]),
			refuses, refuses,
			saysEvents(start(b[0].Cursor()), joins(b[1]), joins(b[2]), leaves(b[2])),
			saysEvents(start(b[1].Cursor())),
			saysEvents(start(b[1].Cursor()), leaves(b[1]), joins(other[0])),
		)
		events, err := collect(t.Context(), c, chain.Cursor{}, 6)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, e := range events {
			got = append(got, fmt.Sprint(e.Kind, " ", placeOf(e.At)))
		}
		want := []string{
			"block " + placeOf(b[0].Cursor()), "block " + placeOf(b[1].Cursor()), "block " + placeOf(b[2].Cursor()),
			"revert " + placeOf(b[1].Cursor()), "revert " + placeOf(b[0].Cursor()), "block " + placeOf(other[0].Cursor()),
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("want %v\ngot %v", want, got)
		}
		at := placeOf(b[0].Cursor())
		if want := []string{"", at, at, at, placeOf(b[1].Cursor()), placeOf(b[1].Cursor())}; fmt.Sprint(s.places) != fmt.Sprint(want) {
			t.Errorf("want places %q\ngot %q", want, s.places)
		}
	})
}

// TestSilentStreamIsLeft: a node that lives says so every 15 s. A listener that
// takes its time is not silence.
func TestSilentStreamIsLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := branch(root, "", 2)
		c, s := follower(hangs(start(root), joins(b[0])), saysEvents(start(b[0].Cursor()), joins(b[1])))
		n := 0
		for e, err := range c.Events(t.Context(), root) {
			if err != nil {
				t.Fatal(err)
			}
			if n++; e.Block.Hash == b[1].Hash {
				break
			}
			time.Sleep(10 * maxSilence) // virtual
		}
		if waited := s.times[1].Sub(s.times[0]); n != 2 || waited < 11*maxSilence || waited > 11*maxSilence+time.Second {
			t.Errorf("got %d events, and left after %s", n, waited)
		}
	})
}

// TestLostNodeIsAskedAgainWithPatience: for ever, but not all the time.
func TestLostNodeIsAskedAgainWithPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		full := func(*http.Request) (*http.Response, error) {
			body := io.NopCloser(strings.NewReader(`{"title":"Service Unavailable","status":503}`))
			return answer(503, "application/problem+json", body), nil
		}
		c, s := follower(saysEvents(start(root)), full, refuses)
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if _, err := collect(ctx, c, root, 1); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		if n := len(s.times); n < 350 || n > 375 {
			t.Errorf("asked %d times in an hour", n)
		}
	})
}

func TestEventsEndWhereItMakesNoSenseToGoOn(t *testing.T) {
	b := branch(root, "", 2)
	problem := func(status int, detail string) func(*http.Request) (*http.Response, error) {
		return func(*http.Request) (*http.Response, error) {
			body := io.NopCloser(strings.NewReader(fmt.Sprintf(`{"title":"x","status":%d,"detail":%q}`, status, detail)))
			return answer(status, "application/problem+json", body), nil
		}
	}
	page := func(*http.Request) (*http.Response, error) {
		return answer(200, "text/html", io.NopCloser(strings.NewReader("<html>"))), nil
	}
	forged := bytes.Replace(b[0].Raw(), []byte(`"nonce":0`), []byte(`"nonce":1`), 1)
	lie := func(parts ...string) []func(*http.Request) (*http.Response, error) {
		return []func(*http.Request) (*http.Response, error){saysEvents(append([]string{start(root)}, parts...)...)}
	}
	for _, row := range []struct {
		name    string
		answers []func(*http.Request) (*http.Response, error)
		words   string
	}{
		{"no node", []func(*http.Request) (*http.Response, error){refuses}, "cannot reach a node at http://node.test"},
		{"no node but a page", []func(*http.Request) (*http.Response, error){page}, "not as a node does"},
		{"an unknown branch", []func(*http.Request) (*http.Response, error){problem(410, "take from=genesis")}, "branch to go on from: take from=genesis"},
		{"an unknown branch later", []func(*http.Request) (*http.Response, error){saysEvents(start(root)), refuses, problem(410, "gone")}, "gone"},
		{"full at once", []func(*http.Request) (*http.Response, error){problem(503, "256 of them")}, "256 of them"},
		{"another start", []func(*http.Request) (*http.Response, error){saysEvents(start(b[0].Cursor()))}, "it begins at"},
		{"a gap", lie(joins(b[1])), "does not stand on"},
		{"a block twice", lie(joins(b[0]), joins(b[0])), "does not stand on"},
		{"a revert of another block", lie(joins(b[0]), leaves(b[1])), "the tip was"},
		{"a forged block", lie(sse(EventBlock, placeOf(b[0].Cursor()), forged)), "hashes to"},
		{"a forged place", lie(sse(EventBlock, placeOf(b[1].Cursor()), b[0].Raw())), "id "},
		{"no block", lie(sse(EventBlock, placeOf(b[0].Cursor()), []byte("null"))), "block"},
		{"no header", lie(joins(b[0]), sse(EventRevert, placeOf(root), []byte("[]"))), "not a header"},
		{"a forged transaction", lie(sse(EventTransaction, "", []byte(`{"id":"`+strings.Repeat("0", 64)+`"}`))), "another id"},
		{"no peer", lie(sse(EventPeer, "", []byte(`7`))), "peer"},
		{"several lines", lie("event: block\ndata: {\ndata: }\n\n"), "several lines"},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, s := follower(row.answers...)
				_, err := collect(t.Context(), c, root, 100)
				if err == nil || !strings.Contains(err.Error(), row.words) || strings.Contains(err.Error(), "\n") {
					t.Errorf("want an error with %q, got %v", row.words, err)
				}
				if len(s.places) != len(row.answers) {
					t.Errorf("asked %d times", len(s.places))
				}
				if unknown := strings.Contains(row.name, "branch"); errors.Is(err, ErrUnknownBranch) != unknown {
					t.Errorf("want ErrUnknownBranch %t, got %v", unknown, err)
				}
			})
		})
	}
}

// FuzzMessage: whatever is taken stands on the place before it, and what it
// tells hashes to what it says.
func FuzzMessage(f *testing.F) {
	b := branch(root, "", 1)[0]
	f.Add("block", placeOf(b.Cursor()), b.Raw())
	f.Add("revert", placeOf(root), b.Header.Canonical())
	f.Add("start", placeOf(root), []byte(nil))
	f.Add("transaction", "", []byte(`{"id":"","transaction":null}`))
	f.Add("peer", "", []byte(`{}`))
	f.Fuzz(func(t *testing.T, kind, id string, data []byte) {
		m := &Message{Event: EventKind(kind), ID: id, Data: data}
		e, err := m.read(root)
		switch {
		case err != nil:
		case e.Block != nil && (e.Block.PrevHash != root.Hash || e.Block.ComputeHash() != e.At.Hash):
			t.Errorf("%q was taken", data)
		case e.Header != nil && e.Header.Cursor() != root:
			t.Errorf("%q was taken", data)
		case e.Block == nil && e.Header == nil && e.At != root:
			t.Errorf("%s %q moved to %s", kind, id, placeOf(e.At))
		}
	})
}
