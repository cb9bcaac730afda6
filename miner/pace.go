package miner

import (
	"math"
	"sync"
	"time"
)

const (
	// paceAhead is how far hashing may run ahead of its schedule before it
	// sleeps: it bounds both the timers per second and the excess.
	paceAhead = 5 * time.Millisecond
	// paceBehind is how much of a late timer is made up for.
	paceBehind = 10 * time.Millisecond
)

// pacer spreads hashes evenly in time. It never reads a clock nor waits; its
// callers do. It is safe for concurrent use.
type pacer struct {
	mu        sync.Mutex
	perSecond float64   // 0 is no limit; guarded by mu
	next      time.Time // when the next hash is due; guarded by mu
}

// set changes the limit. What was reserved at the old one is forgotten.
func (p *pacer) set(perSecond float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.perSecond, p.next = perSecond, time.Time{}
}

// batch returns how many hashes to reserve at once, at most the given number
// and as few as fit into paceAhead.
func (p *pacer) batch(most uint64) uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.perSecond == 0 {
		return most
	}
	return uint64(min(max(p.perSecond*paceAhead.Seconds(), 1), float64(most)))
}

// reserve books n hashes and returns how long to wait before trying them.
func (p *pacer) reserve(now time.Time, n uint64) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.perSecond == 0 {
		return 0
	}
	if earliest := now.Add(-paceBehind); p.next.Before(earliest) {
		p.next = earliest
	}
	wait := p.next.Sub(now)
	p.next = p.next.Add(p.span(n))
	if wait < paceAhead {
		return 0
	}
	return wait
}

// refund gives back n reserved hashes that were not tried.
func (p *pacer) refund(n uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.perSecond == 0 || n == 0 {
		return
	}
	p.next = p.next.Add(-p.span(n))
}

// span returns the time that n hashes take, at most a year so that sums of it
// stay far from overflow. With mu held.
func (p *pacer) span(n uint64) time.Duration {
	const year = 365 * 24 * time.Hour
	return time.Duration(min(math.Round(float64(n)/p.perSecond*float64(time.Second)), float64(year)))
}
