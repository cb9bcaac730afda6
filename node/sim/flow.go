package sim

import "time"

const (
	chunkBytes    = 16 << 10          // what is booked at once
	firstWindow   = 10 * segmentBytes // RFC 6928
	largestWindow = 4 << 20
	smallestRTO   = 200 * time.Millisecond
	largestRTO    = time.Minute
	sendBuffer    = 64 << 10 // small writes beyond the window that the socket takes in
	socketBuffer  = slot     // how far the writer may be ahead of the link
)

// arriving is data on its way or waiting to be read.
type arriving struct {
	data []byte
	at   time.Time
}

// flight is what is not acknowledged yet, and when it will be.
type flight struct {
	bytes int
	acked time.Time
}

// flow is one direction of a connection: TCP's sliding window with slow start,
// congestion avoidance, restart after idling, and retransmission. The pipe's
// lock guards it.
type flow struct {
	from, to *Machine
	latency  time.Duration

	queue   []arriving
	last    time.Time // when the newest of queue arrives: order is kept
	lost    [][]byte  // vanished, to be sent again
	rto     time.Duration
	resend  *time.Timer
	flights []flight
	unacked int // bytes
	window  int
	slow    int // slow start ends at this window
	sent    time.Time

	ended time.Time // when the reader sees the end; zero: it does not yet

	readable, writable chan struct{} // each holds one
}

func newFlow(from, to *Machine, latency time.Duration) *flow {
	return &flow{
		from: from, to: to, latency: latency,
		window: firstWindow, slow: largestWindow,
		readable: make(chan struct{}, 1), writable: make(chan struct{}, 1),
	}
}

func poke(c chan struct{}) {
	select {
	case c <- struct{}{}:
	default:
	}
}

// acknowledge takes in the acknowledgements that have come, which open the
// window.
func (f *flow) acknowledge(now time.Time) {
	n := 0
	for ; n < len(f.flights) && !f.flights[n].acked.After(now); n++ {
		bytes := f.flights[n].bytes
		f.unacked -= bytes
		if f.window < f.slow {
			f.window += bytes
		} else {
			f.window += bytes * segmentBytes / f.window
		}
	}
	f.window = min(f.window, largestWindow)
	f.flights = append(f.flights[:0], f.flights[n:]...)
}

// admits returns how many of so many bytes may be sent now; if none, when to
// look again (zero: when poked).
func (f *flow) admits(now time.Time, bytes int) (most int, again time.Time) {
	f.acknowledge(now)
	if f.unacked == 0 && !f.sent.IsZero() && now.Sub(f.sent) > f.timeout() {
		f.window = min(f.window, firstWindow) // RFC 5681 §4.1
	}
	room := f.window - f.unacked
	switch {
	case room >= min(bytes, firstWindow/2): // no trickle of small ones
		return min(bytes, room), time.Time{}
	case bytes <= smallWrite && room > -sendBuffer:
		return bytes, time.Time{}
	}
	if len(f.flights) > 0 {
		return 0, f.flights[0].acked
	}
	return 0, time.Time{}
}

// timeout is TCP's retransmission timeout.
func (f *flow) timeout() time.Duration { return smallestRTO + 2*f.latency }

// book puts a chunk on both links. With the network's lock held.
func (f *flow) book(now time.Time, bytes int) (left, arrives time.Time) {
	wire := wireBytes(bytes)
	left = f.from.up.send(now, wire)
	return left, f.to.down.receive(now, left.Add(f.latency), wire)
}

// carry sends a chunk and returns when it has left the machine. data is the
// flow's from now on.
func (f *flow) carry(n *Network, now time.Time, data []byte) (left time.Time) {
	f.unacked += len(data)
	f.sent = now
	n.mu.Lock()
	open := joined(f.from, f.to)
	lost := n.loss > 0 && n.losesOne(len(data))
	var arrives time.Time
	if open && len(f.lost) == 0 {
		left, arrives = f.book(now, len(data))
	}
	n.mu.Unlock()
	if arrives.IsZero() {
		f.lost = append(f.lost, data)
		return now
	}
	if lost {
		arrives = arrives.Add(f.recover())
	}
	f.deliver(data, arrives)
	return left
}

// losesOne draws whether one of the segments of a chunk is lost. With mu held.
func (n *Network) losesOne(bytes int) bool {
	for ; bytes > 0; bytes -= segmentBytes {
		if n.rng.Float64() < n.loss {
			return true
		}
	}
	return false
}

// recover halves the window and returns how much later a chunk with a lost
// segment comes: a round trip if the ones behind it tell of the loss, else the
// retransmission timeout.
func (f *flow) recover() time.Duration {
	f.slow = max(f.window/2, firstWindow)
	if f.unacked > 4*segmentBytes {
		f.window = f.slow
		return 2 * f.latency
	}
	f.window = min(f.window, firstWindow)
	return f.timeout()
}

// deliver puts data into the reader's queue, never before what was sent
// earlier.
func (f *flow) deliver(data []byte, at time.Time) {
	if at.Before(f.last) {
		at = f.last
	}
	f.last = at
	f.flights = append(f.flights, flight{len(data), at.Add(f.latency)})
	f.queue = append(f.queue, arriving{data, at})
	if len(f.queue) == 1 {
		poke(f.readable)
	}
}
