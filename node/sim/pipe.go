package sim

import (
	"net"
	"sync"
	"syscall"
	"time"
)

// pipe is a connection: two flows and what has become of its ends.
type pipe struct {
	net *Network

	mu    sync.Mutex
	ends  [2]*conn
	lives [2]int // of the machines when it was made
}

// newPipe connects two machines. With the network's lock held.
func (n *Network) newPipe(a, b *Machine, la, lb net.Addr) (*conn, *conn) {
	there, back := newFlow(a, b, n.latency(a, b)), newFlow(b, a, n.latency(b, a))
	p := &pipe{net: n, lives: [2]int{a.life, b.life}}
	p.ends[0] = newConn(p, back, there, la, lb)
	p.ends[1] = newConn(p, there, back, lb, la)
	a.pipes[p] = struct{}{}
	b.pipes[p] = struct{}{}
	return p.ends[0], p.ends[1]
}

// alive tells whether the far end of a flow still knows the connection, and
// whether packets pass to it now.
func (p *pipe) alive(f *flow) (known, reached bool) {
	p.net.mu.Lock()
	defer p.net.mu.Unlock()
	far := p.ends[0]
	life := p.lives[0]
	if far.in != f {
		far, life = p.ends[1], p.lives[1]
	}
	return f.to.life == life && !far.closed, joined(f.from, f.to)
}

// send carries a chunk, or finds out that the other end is gone. With mu held.
func (p *pipe) send(c *conn, now time.Time, data []byte) (left time.Time) {
	known, reached := p.alive(c.out)
	if !known && reached {
		c.breakAt(now.Add(2*c.out.latency), syscall.ECONNRESET)
		c.out.unacked += len(data)
		return now
	}
	left = c.out.carry(p.net, now, data)
	if len(c.out.lost) > 0 && c.out.resend == nil {
		c.out.rto = c.out.timeout()
		c.out.resend = time.AfterFunc(c.out.rto, func() { p.resend(c) })
	}
	return left
}

// resend tries again what vanished, ever more slowly.
func (p *pipe) resend(c *conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f := c.out
	f.resend = nil
	if c.closed || c.broken(time.Now()) {
		return
	}
	now := time.Now()
	known, reached := p.alive(f)
	switch {
	case !reached:
		f.rto = min(2*f.rto, largestRTO)
		f.resend = time.AfterFunc(f.rto, func() { p.resend(c) })
		return
	case !known:
		c.breakAt(now.Add(2*f.latency), syscall.ECONNRESET)
		return
	}
	lost := f.lost
	f.lost = nil
	f.window, f.slow = firstWindow, max(f.window/2, firstWindow)
	for _, data := range lost {
		f.unacked -= len(data) // carry counts it again
		f.carry(p.net, now, data)
	}
	poke(f.writable)
}

// forget takes the pipe off its machines' lists.
func (p *pipe) forget() {
	p.net.mu.Lock()
	defer p.net.mu.Unlock()
	for _, m := range []*Machine{p.ends[0].out.from, p.ends[0].out.to} {
		delete(m.pipes, p)
	}
}

// vanish breaks the end at one machine, and tells the other nothing.
func (p *pipe) vanish(at *Machine) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.ends {
		if c.out.from == at {
			c.breakAt(time.Now(), net.ErrClosed)
		}
	}
}

// reset breaks both ends at once.
func (p *pipe) reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range p.ends {
		c.breakAt(time.Now(), syscall.ECONNRESET)
	}
}
