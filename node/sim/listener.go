package sim

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"syscall"
	"time"
)

const (
	backlogSize = 128
	synAgain    = time.Second     // before a lost SYN is sent again; doubles
	dialTimeout = 5 * time.Second // of libp2p's TCP
)

// backlog is a listening port. It implements net.Listener.
type backlog struct {
	at   netip.AddrPort
	m    *Machine
	came chan *conn
	done chan struct{}
	once sync.Once
}

// listen opens a port of a machine.
func (m *Machine) listen(port uint16) (*backlog, error) {
	m.net.mu.Lock()
	defer m.net.mu.Unlock()
	at := netip.AddrPortFrom(m.addr, port)
	if _, taken := m.net.listeners[at]; taken {
		return nil, &net.OpError{Op: "listen", Net: "tcp", Addr: net.TCPAddrFromAddrPort(at), Err: syscall.EADDRINUSE}
	}
	l := &backlog{at: at, m: m, came: make(chan *conn, backlogSize), done: make(chan struct{})}
	m.net.listeners[at] = l
	return l, nil
}

// Accept implements net.Listener.
func (l *backlog) Accept() (net.Conn, error) {
	select {
	case c := <-l.came:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Addr implements net.Listener.
func (l *backlog) Addr() net.Addr { return net.TCPAddrFromAddrPort(l.at) }

// Close implements net.Listener.
func (l *backlog) Close() error {
	l.once.Do(func() { close(l.done) })
	l.m.net.mu.Lock()
	defer l.m.net.mu.Unlock()
	if l.m.net.listeners[l.at] == l {
		delete(l.m.net.listeners, l.at)
	}
	return nil
}

// dial connects a machine to a port, which takes a round trip, and one more
// second for the first lost packet.
func (m *Machine) dial(ctx context.Context, to netip.AddrPort) (*conn, error) {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	fail := func(err error) (*conn, error) {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Addr: net.TCPAddrFromAddrPort(to), Err: err}
	}
	for again := synAgain; ; again *= 2 {
		wait, reached, err := m.knock(to)
		if err != nil {
			return fail(err)
		}
		if !reached {
			wait = again
		}
		if err := sleep(ctx, wait); err != nil {
			return fail(err)
		}
		if reached {
			break
		}
	}
	c, err := m.enter(to)
	if err != nil {
		return fail(err)
	}
	return c, nil
}

// knock says how long the handshake takes, and whether it comes through now.
func (m *Machine) knock(to netip.AddrPort) (wait time.Duration, reached bool, err error) {
	m.net.mu.Lock()
	defer m.net.mu.Unlock()
	far := m.net.machines[to.Addr()]
	switch {
	case far == nil:
		return 0, false, syscall.EHOSTUNREACH
	case m.off:
		return 0, false, syscall.ENETDOWN
	case far.off:
		return 0, false, nil
	}
	lost := m.net.loss > 0 && m.net.losesOne(2*segmentBytes)
	return 2 * m.net.latency(m, far), !lost, nil
}

// enter makes the connection, unless nobody listens or the way is cut, which
// the network's edge tells.
func (m *Machine) enter(to netip.AddrPort) (*conn, error) {
	m.net.mu.Lock()
	defer m.net.mu.Unlock()
	far := m.net.machines[to.Addr()]
	if !joined(m, far) {
		return nil, syscall.EHOSTUNREACH
	}
	l := m.net.listeners[to]
	if l == nil {
		return nil, syscall.ECONNREFUSED
	}
	m.port++
	if m.port == 0 {
		m.port = 32768
	}
	from := netip.AddrPortFrom(m.addr, m.port)
	here, there := m.net.newPipe(m, far, net.TCPAddrFromAddrPort(from), net.TCPAddrFromAddrPort(to))
	select {
	case l.came <- there:
		return here, nil
	default: // its backlog is full
		delete(m.pipes, here.pipe)
		delete(far.pipes, here.pipe)
		return nil, syscall.ECONNREFUSED
	}
}

// sleep returns after d, or when ctx ends with its error.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return syscall.ETIMEDOUT
		}
		return ctx.Err()
	}
}
