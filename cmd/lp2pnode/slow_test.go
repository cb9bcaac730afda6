package main_test

import (
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// slowness is a wire that is slow: what goes in comes out after delay, at most
// rate bytes per second of it in each direction (0: at any rate).
type slowness struct {
	delay   time.Duration
	rate    int
	brought *atomic.Int64 // counts the bytes that reach who dialled, unless nil
}

// slowQueue is how many chunks of slowChunk bytes a wire holds at most.
const (
	slowQueue = 64
	slowChunk = 16 << 10
)

// relay hands every connection that comes on to target over a slow wire, until
// the listener is closed and all connections have ended.
func (s slowness) relay(ln net.Listener, target string) {
	var wg sync.WaitGroup
	defer wg.Wait()
	for {
		in, err := ln.Accept()
		if err != nil {
			return
		}
		wg.Go(func() {
			defer in.Close()
			out, err := net.Dial("tcp", target)
			if err != nil {
				return
			}
			defer out.Close()
			var both sync.WaitGroup
			both.Go(func() { s.carry(out, in, nil) })
			both.Go(func() { s.carry(in, out, s.brought) })
			both.Wait()
		})
	}
}

// carry takes one direction of a connection from end to end, and closes both
// when it ends. It counts the bytes.
func (s slowness) carry(to, from net.Conn, count *atomic.Int64) {
	type chunk struct {
		data []byte
		due  time.Time
	}
	wire := make(chan chunk, slowQueue)
	go func() {
		defer close(wire)
		var free time.Time // when the wire has room for the next
		for {
			data := make([]byte, slowChunk)
			n, err := from.Read(data)
			if n > 0 {
				if now := time.Now(); free.Before(now) {
					free = now
				}
				if s.rate > 0 {
					free = free.Add(time.Duration(n) * time.Second / time.Duration(s.rate))
				}
				wire <- chunk{data[:n], free.Add(s.delay)}
			}
			if err != nil {
				return
			}
		}
	}()
	var err error
	for c := range wire {
		if err != nil {
			continue // drain: the reader ends soon, its connection is closed
		}
		timer := time.NewTimer(time.Until(c.due))
		<-timer.C // the wire's delay
		if count != nil {
			count.Add(int64(len(c.data)))
		}
		if _, err = to.Write(c.data); err != nil {
			_, _ = from.Close(), to.Close()
		}
	}
	_, _ = from.Close(), to.Close()
}
