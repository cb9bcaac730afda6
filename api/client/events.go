package client

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"mime"
	"net/http"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

const (
	maxEventBytes = 16 << 20         // of one line; a block has 8 MiB at most
	maxSilence    = 45 * time.Second // three heartbeats of the node
	firstPause    = 100 * time.Millisecond
	longestPause  = 10 * time.Second
)

// Events follows a node: all that happens after a place, in order, each block
// and revert once. The zero place is the node's present tip; with the chain's
// genesis hash at height 0 all blocks come. When it is cut off it connects
// again and goes on after the last event, for as long as ctx lasts.
//
// It ends with an error after which it makes no sense to go on: ctx's; one that
// matches ErrUnknownBranch; a *Problem; an *UnreachableError, but only if there
// was no node in the first place; or because the node tells what cannot be.
// Events whose kind this client does not know are left out.
func (c *Client) Events(ctx context.Context, from chain.Cursor) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		for e, err := range c.follow(ctx, from) {
			if e.Kind != EventStart && !yield(e, err) {
				return
			}
		}
	}
}

// follow is Events with an EventStart for each connection, before which
// transactions and peers have gone untold.
func (c *Client) follow(ctx context.Context, from chain.Cursor) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		f := &following{client: c, at: from, pause: firstPause}
		for {
			err := f.connect(ctx, yield)
			switch {
			case errors.Is(err, errEnough):
				return
			case ctx.Err() != nil:
				yield(Event{}, ctx.Err())
				return
			case !f.met || final(err):
				yield(Event{}, err)
				return
			}
			if err := f.rest(ctx); err != nil {
				yield(Event{}, err)
				return
			}
		}
	}
}

// errEnough: the loop over the events was left.
var errEnough = errors.New("nobody listens any more")

// final tells whether to connect again would change nothing.
func final(err error) bool {
	var p *Problem
	if errors.As(err, &p) {
		return p.Status < http.StatusInternalServerError
	}
	var bad *badEventError
	return errors.As(err, &bad)
}

// badEventError says that an event is not what it should be.
type badEventError struct{ error }

func (e *badEventError) Unwrap() error { return e.error }

// following is one walk through Events, over all its connections.
type following struct {
	client *Client
	at     chain.Cursor
	met    bool          // a stream has begun once
	moved  bool          // something came since the last pause
	pause  time.Duration // before the next connection, unless something came
}

// rest waits before the next connection: not at all after a stream that was of
// use, and longer each time when there is none.
func (f *following) rest(ctx context.Context) error {
	if f.moved {
		f.moved, f.pause = false, firstPause
		return nil
	}
	timer := time.NewTimer(f.pause)
	defer timer.Stop()
	f.pause = min(2*f.pause, longestPause)
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// connect yields the events of one connection until it ends, and says why.
func (f *following) connect(ctx context.Context, yield func(Event, error) bool) error {
	c := f.client
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	watch := time.AfterFunc(maxSilence, cancel)
	defer watch.Stop()
	body, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer body.Close()
	lines := bufio.NewScanner(body)
	lines.Buffer(make([]byte, 4096), maxEventBytes)
	m := &Message{}
	for lines.Scan() {
		watch.Reset(maxSilence)
		if len(lines.Bytes()) > 0 {
			if err := m.take(lines.Bytes()); err != nil {
				return err
			}
			continue
		}
		watch.Stop() // the listener's time is not the node's
		if err := f.tell(m, yield); err != nil {
			return err
		}
		m = &Message{}
		watch.Reset(maxSilence)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("events of %s: %w", c.base, err)
	}
	return fmt.Errorf("events of %s: %w", c.base, io.ErrUnexpectedEOF)
}

// open asks for the stream after the place that was reached.
func (f *following) open(ctx context.Context) (io.ReadCloser, error) {
	c := f.client
	req, err := c.request(ctx, http.MethodGet, "/v1/events", nil, nil)
	if err != nil {
		return nil, err
	}
	req.Header.Set("Accept", "text/event-stream")
	if zero := (chain.Cursor{}); f.at != zero {
		req.Header.Set("Last-Event-ID", placeOf(f.at))
	}
	resp, err := c.send(req)
	if err != nil {
		return nil, err
	}
	kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if resp.StatusCode == http.StatusOK && kind == "text/event-stream" {
		return resp.Body, nil
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(resp.Body, 64<<10))
	if err != nil {
		return nil, fmt.Errorf("read the answer of %s/v1/events: %w", c.base, err)
	}
	if err = c.judge(resp, raw); err == nil {
		err = c.stranger(resp, raw)
	}
	if resp.StatusCode == http.StatusGone {
		err = fmt.Errorf("%w: %w", ErrUnknownBranch, err)
	}
	return nil, err
}

// take adds one line of server-sent events (WHATWG HTML §9.2). A line that
// starts with a colon is a comment, and has no name.
func (m *Message) take(line []byte) error {
	name, value, _ := bytes.Cut(line, []byte{':'})
	value = bytes.TrimPrefix(value, []byte{' '})
	switch string(name) {
	case "event":
		m.Event = EventKind(value)
	case "id":
		m.ID = string(value)
	case "data":
		if m.Data != nil {
			return &badEventError{errors.New("an event has several lines")}
		}
		m.Data = bytes.Clone(value)
	}
	return nil
}

// tell yields one event, if it is one.
func (f *following) tell(m *Message, yield func(Event, error) bool) error {
	switch m.Event {
	case EventStart, EventBlock, EventRevert, EventTransaction, EventPeer:
	default:
		return nil
	}
	e, err := m.read(f.at)
	if err != nil {
		return &badEventError{fmt.Errorf("%s of %s: %w", m.Event, f.client.base, err)}
	}
	f.at, f.met = e.At, true
	f.moved = f.moved || e.Kind != EventStart
	if !yield(e, nil) {
		return errEnough
	}
	return nil
}
