package api

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"
)

// pongTimeout is how long the other end of a WebSocket may take to show that
// it is there.
const pongTimeout = 10 * time.Second

// streamEvents sends server-sent events (WHATWG HTML §9.2).
func (n *rooms) streamEvents(w http.ResponseWriter, r *http.Request, f *follower) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("X-Accel-Buffering", "no") // or nginx holds it back
	if r.Method == http.MethodHead {
		return
	}
	out := eventSink{w, http.NewResponseController(w)}
	if out.SetReadDeadline(time.Time{}) != nil { // or the asker seems gone when it passes
		panic(http.ErrAbortHandler)
	}
	n.ended(r.Context(), f.run(r.Context(), out))
}

// ended looks at how a stream came to its end. When the asker has left or the
// node stops, that is all; after a failure of ours the asker is cut off, for
// the status is sent.
func (n *rooms) ended(ctx context.Context, err error) {
	var gone *goneError
	if ctx.Err() != nil || errors.As(err, &gone) {
		return
	}
	n.log.Error("api stream failed", "error", err)
	panic(http.ErrAbortHandler)
}

// goneError says that the asker cannot be told any more.
type goneError struct{ error }

func (e *goneError) Unwrap() error { return e.error }

func gone(err error) error {
	if err != nil {
		return &goneError{err}
	}
	return nil
}

// eventSink writes server-sent events.
type eventSink struct {
	http.ResponseWriter
	*http.ResponseController
}

// send writes one event. Data is one line, since canonical JSON has no other
// line ends; an event without data only moves the asker's Last-Event-ID.
func (s eventSink) send(_ context.Context, e event) error {
	b := make([]byte, 0, len(e.id)+len(e.data)+64)
	if e.id != "" {
		b = append(append(append(b, "id: "...), e.id...), '\n')
	}
	b = append(append(append(b, "event: "...), e.kind...), '\n')
	if e.data != nil {
		b = append(append(append(b, "data: "...), e.data...), '\n')
	}
	return s.write(append(b, '\n'))
}

// beat writes a comment.
func (s eventSink) beat(context.Context) error { return s.write([]byte(":\n\n")) }

func (s eventSink) write(b []byte) error {
	if err := s.SetWriteDeadline(time.Now().Add(writeTimeout)); err != nil {
		return gone(err)
	}
	if _, err := s.Write(b); err != nil {
		return gone(err)
	}
	return gone(s.Flush())
}

// streamMessages sends the same as messages of a WebSocket.
func (n *rooms) streamMessages(w http.ResponseWriter, r *http.Request, f *follower) {
	probe := &upgrade{ResponseWriter: w}
	conn, err := websocket.Accept(probe, r, nil)
	if err != nil {
		newProblem(max(probe.status, http.StatusBadRequest), strings.TrimSpace(probe.why.String())).write(w)
		return
	}
	defer func() { _ = conn.CloseNow() }() // after Close it does nothing
	// The connection outlives the request's context, or the asker would not be
	// told that the node stops. asker ends when it leaves or says anything.
	asker := conn.CloseRead(context.WithoutCancel(r.Context()))
	ctx, cancel := context.WithCancel(asker)
	defer cancel()
	defer context.AfterFunc(r.Context(), cancel)()
	err = f.run(ctx, messageSink{conn})
	if r.Context().Err() != nil {
		_ = conn.Close(websocket.StatusGoingAway, "the node is stopping")
		return
	}
	n.ended(ctx, err)
}

// messageSink writes messages.
type messageSink struct{ conn *websocket.Conn }

// lastWrite is what a message under way still gets when the node stops: the
// library cuts a connection whose write is cancelled, and the asker would not
// be told why.
const lastWrite = time.Second

func (s messageSink) send(ctx context.Context, e event) error {
	writing, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	defer context.AfterFunc(ctx, func() { time.AfterFunc(lastWrite, cancel) })()
	return gone(s.conn.Write(writing, websocket.MessageText, messageOf(e)))
}

// messageOf returns a client.Message. Kind and id have nothing to be escaped,
// and data are as they are.
func messageOf(e event) []byte {
	b := make([]byte, 0, len(e.id)+len(e.data)+64)
	b = append(append(append(b, `{"event":"`...), e.kind...), '"')
	if e.id != "" {
		b = append(append(append(b, `,"id":"`...), e.id...), '"')
	}
	if e.data != nil {
		b = append(append(b, `,"data":`...), e.data...)
	}
	return append(b, '}')
}

// beat waits for the other end to answer.
func (s messageSink) beat(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, pongTimeout)
	defer cancel()
	return gone(s.conn.Ping(ctx))
}

// upgrade holds back the plain text by which a WebSocket is refused.
type upgrade struct {
	http.ResponseWriter
	status int
	why    bytes.Buffer
}

func (u *upgrade) WriteHeader(status int) {
	u.status = status
	if status < http.StatusBadRequest {
		u.ResponseWriter.WriteHeader(status)
	}
}

func (u *upgrade) Write(b []byte) (int, error) {
	if u.status >= http.StatusBadRequest {
		return u.why.Write(b)
	}
	n, err := u.ResponseWriter.Write(b)
	if err != nil {
		return n, fmt.Errorf("upgrade: %w", err)
	}
	return n, nil
}

// Unwrap lets the connection through.
func (u *upgrade) Unwrap() http.ResponseWriter { return u.ResponseWriter }
