package sim

import (
	"errors"
	"io"
	"net"
	"os"
	"time"
)

// conn is one end of a connection. It implements net.Conn.
type conn struct {
	pipe          *pipe
	in, out       *flow
	local, remote net.Addr

	// One Write at a time. Waiting for a mutex would stop virtual time.
	writing chan struct{}

	// All guarded by pipe.mu.
	segment, rest []byte // being read, and what is left of it
	closed        bool   // written with the network's lock too
	err           error  // what Read and Write fail with from brokenAt on
	brokenAt      time.Time
	readDeadline  time.Time
	writeDeadline time.Time

	done  chan struct{} // closed by Close
	moved chan struct{} // holds one: the read deadline changed
}

func newConn(p *pipe, in, out *flow, local, remote net.Addr) *conn {
	return &conn{
		pipe: p, in: in, out: out, local: local, remote: remote,
		writing: make(chan struct{}, 1), done: make(chan struct{}), moved: make(chan struct{}, 1),
	}
}

// breakAt makes reads and writes fail from a time on. With pipe.mu held.
func (c *conn) breakAt(at time.Time, err error) {
	if c.err != nil && !at.Before(c.brokenAt) {
		return
	}
	c.err, c.brokenAt = err, at
	poke(c.in.readable)
	poke(c.out.writable)
}

func (c *conn) broken(now time.Time) bool { return c.err != nil && !now.Before(c.brokenAt) }

// earliest returns the earlier of two times, of which zero is never.
func earliest(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// Read implements net.Conn.
func (c *conn) Read(b []byte) (int, error) {
	var timer *time.Timer
	for {
		n, again, err := c.tryRead(b)
		if n > 0 || err != nil || len(b) == 0 {
			return n, err
		}
		var due <-chan time.Time
		if !again.IsZero() {
			if timer == nil {
				timer = time.NewTimer(time.Until(again))
				defer timer.Stop()
			} else {
				timer.Reset(time.Until(again))
			}
			due = timer.C
		}
		select {
		case <-due:
		case <-c.in.readable:
		case <-c.moved:
		case <-c.done:
		}
	}
}

// tryRead reads what is there, or says when to try again (zero: when poked).
func (c *conn) tryRead(b []byte) (n int, again time.Time, err error) {
	c.pipe.mu.Lock()
	defer c.pipe.mu.Unlock()
	now := time.Now()
	f := c.in
	switch {
	case c.closed:
		return 0, again, net.ErrClosed
	case c.broken(now):
		return 0, again, c.err
	case !c.readDeadline.IsZero() && !now.Before(c.readDeadline):
		return 0, again, os.ErrDeadlineExceeded
	}
	for n < len(b) {
		if len(c.rest) == 0 {
			if len(f.queue) == 0 || f.queue[0].at.After(now) {
				break
			}
			c.segment = f.queue[0].data
			c.rest = c.segment
			f.queue[0].data = nil
			f.queue = f.queue[1:]
		}
		k := copy(b[n:], c.rest)
		c.rest = c.rest[k:]
		n += k
		if len(c.rest) == 0 {
			c.pipe.net.buffers.put(c.segment)
		}
	}
	if n > 0 {
		return n, again, nil
	}
	switch {
	case len(f.queue) > 0:
		again = f.queue[0].at
	case !f.ended.IsZero() && !now.Before(f.ended):
		return 0, again, io.EOF
	default:
		again = f.ended
	}
	again = earliest(again, c.readDeadline)
	if c.err != nil {
		again = earliest(again, c.brokenAt)
	}
	return 0, again, nil
}

// smallWrite is what always finds room in a socket's buffer, in bytes. The last
// words of a connection are that small, and are written under locks that others
// wait for: in a bubble the clock stands still while anybody waits for a lock,
// so a pause there would last for ever.
const smallWrite = 1024

// Write implements net.Conn. It returns when the last byte has left the
// machine, or will within a socket buffer's time.
func (c *conn) Write(b []byte) (n int, err error) {
	c.writing <- struct{}{}
	defer func() { <-c.writing }()
	for n < len(b) {
		k := min(len(b)-n, chunkBytes)
		sent, again, err := c.tryWrite(b[n : n+k])
		n += sent
		switch {
		case err != nil:
		case sent == 0:
			err = c.awaitWindow(again)
		case len(b) > smallWrite && again.After(time.Now()):
			err = c.pauseUntil(again)
		}
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// tryWrite sends what the window admits of a chunk, and says when to go on: when
// it has left, or, with the window full, when that opens (zero: when poked).
func (c *conn) tryWrite(b []byte) (sent int, again time.Time, err error) {
	c.pipe.mu.Lock()
	defer c.pipe.mu.Unlock()
	now := time.Now()
	switch {
	case c.closed:
		return 0, again, net.ErrClosed
	case c.broken(now):
		return 0, again, c.err
	case !c.writeDeadline.IsZero() && !now.Before(c.writeDeadline):
		return 0, again, os.ErrDeadlineExceeded
	}
	most, again := c.out.admits(now, len(b))
	if most == 0 {
		if c.err != nil {
			again = earliest(again, c.brokenAt)
		}
		return 0, earliest(again, c.writeDeadline), nil
	}
	left := c.pipe.send(c, now, c.pipe.net.buffers.copy(b[:most]))
	return most, left.Add(-socketBuffer), nil
}

func (c *conn) awaitWindow(again time.Time) error {
	var due <-chan time.Time
	if !again.IsZero() {
		timer := time.NewTimer(time.Until(again))
		defer timer.Stop()
		due = timer.C
	}
	select {
	case <-due:
	case <-c.out.writable:
	case <-c.done:
		return net.ErrClosed
	}
	return nil
}

func (c *conn) pauseUntil(t time.Time) error {
	timer := time.NewTimer(time.Until(t))
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-c.done:
		return net.ErrClosed
	}
}

// Close implements net.Conn. Like libp2p's TCP with its linger of 0, it waits
// for nothing: the other end hears of it behind what is on the way, and if the
// word is lost, only when it sends.
func (c *conn) Close() error {
	c.pipe.mu.Lock()
	if c.closed {
		c.pipe.mu.Unlock()
		return nil
	}
	c.pipe.net.mu.Lock()
	c.closed = true
	open := joined(c.out.from, c.out.to) && !c.broken(time.Now())
	c.pipe.net.mu.Unlock()
	f := c.out
	if open && len(f.lost) == 0 {
		at := time.Now().Add(f.latency)
		if at.Before(f.last) {
			at = f.last
		}
		f.ended = at
		poke(f.readable)
	}
	if f.resend != nil {
		f.resend.Stop()
	}
	f.lost, c.in.queue, c.rest = nil, nil, nil
	close(c.done)
	c.pipe.mu.Unlock()
	c.pipe.forget()
	return nil
}

// LocalAddr implements net.Conn.
func (c *conn) LocalAddr() net.Addr { return c.local }

// RemoteAddr implements net.Conn.
func (c *conn) RemoteAddr() net.Addr { return c.remote }

// SetDeadline implements net.Conn.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

// SetReadDeadline implements net.Conn.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.pipe.mu.Lock()
	defer c.pipe.mu.Unlock()
	c.readDeadline = t
	poke(c.moved)
	return nil
}

// SetWriteDeadline implements net.Conn.
func (c *conn) SetWriteDeadline(t time.Time) error {
	c.pipe.mu.Lock()
	defer c.pipe.mu.Unlock()
	c.writeDeadline = t
	poke(c.out.writable)
	return nil
}
