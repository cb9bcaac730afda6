package main_test

import (
	"fmt"
	"io"
	"net"
	"sync"
	"testing"
)

// relay stands before one node's port. A node announces its relay, so that all
// the others reach it there, and the test can cut it off from some of them: a
// node dials from the loopback address that it listens on, which tells the
// relay who it is.
type relay struct {
	ln     net.Listener
	target string

	mu    sync.Mutex
	cut   func(from net.IP) bool // nil lets everybody through; guarded by mu
	conns map[net.Conn]net.IP    // open ones, by who dialled; guarded by mu
	wg    sync.WaitGroup
}

func newRelay(t *testing.T, target string) *relay {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{ln: ln, target: target, conns: map[net.Conn]net.IP{}}
	r.wg.Go(r.accept)
	t.Cleanup(func() {
		_ = ln.Close()
		r.set(func(net.IP) bool { return true })
		r.wg.Wait()
	})
	return r
}

// addr is what the node behind the relay announces.
func (r *relay) addr() string {
	return fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", r.ln.Addr().(*net.TCPAddr).Port)
}

// set cuts off all those for whom cut is true, from now on.
func (r *relay) set(cut func(net.IP) bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = cut
	for c, from := range r.conns {
		if cut != nil && cut(from) {
			_ = c.Close()
		}
	}
}

func (r *relay) accept() {
	for {
		in, err := r.ln.Accept()
		if err != nil {
			return
		}
		r.wg.Go(func() { r.serve(in) })
	}
}

func (r *relay) serve(in net.Conn) {
	defer in.Close()
	from := in.RemoteAddr().(*net.TCPAddr).IP
	out, err := net.Dial("tcp", r.target)
	if err != nil {
		return
	}
	defer out.Close()
	r.mu.Lock()
	if r.cut != nil && r.cut(from) {
		r.mu.Unlock()
		return
	}
	r.conns[in] = from
	r.mu.Unlock()
	done := make(chan struct{}, 2)
	pipe := func(to, from net.Conn) {
		_, _ = io.Copy(to, from)
		done <- struct{}{}
	}
	go pipe(out, in)
	go pipe(in, out)
	<-done
	_, _ = in.Close(), out.Close()
	<-done
	r.mu.Lock()
	delete(r.conns, in)
	r.mu.Unlock()
}
