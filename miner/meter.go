package miner

import (
	"sync"
	"time"
)

const (
	rateWindow = 10 * time.Second
	markEvery  = 100 * time.Millisecond // marks closer than that are merged
)

// mark is how far a count was at some time.
type mark struct {
	at    time.Time
	total uint64
}

// meter turns a growing count into a rate over the last rateWindow. Between
// two marks the count is taken to have grown evenly. The zero value is ready;
// it is safe for concurrent use.
type meter struct {
	mu    sync.Mutex
	marks []mark // guarded by mu; ascending, only the first may be older than rateWindow
}

// mark notes the count at a time that is not before that of the last call.
func (m *meter) mark(at time.Time, total uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if n := len(m.marks); n >= 2 && m.marks[n-1].at.Sub(m.marks[n-2].at) < markEvery {
		m.marks = m.marks[:n-1]
	}
	m.marks = append(m.marks, mark{at, total})
	old := 0
	for old+1 < len(m.marks) && at.Sub(m.marks[old+1].at) >= rateWindow {
		old++
	}
	m.marks = append(m.marks[:0], m.marks[old:]...)
}

// over returns the count's growth per second over the rateWindow that ends
// now, where it is total, or since the first mark if that is later.
func (m *meter) over(now time.Time, total uint64) float64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.marks) == 0 {
		return 0
	}
	begin := now.Add(-rateWindow)
	at, base := m.marks[0].at, float64(m.marks[0].total)
	if at.Before(begin) {
		base, at = m.at(begin, mark{now, total}), begin
	}
	if span := now.Sub(at).Seconds(); span > 0 {
		return (float64(total) - base) / span
	}
	return 0
}

// at returns the count at t, after the first mark and not after last; m.mu is held.
func (m *meter) at(t time.Time, last mark) float64 {
	from := m.marks[0]
	for _, to := range append(m.marks[1:len(m.marks):len(m.marks)], last) {
		if !to.at.Before(t) {
			share := float64(t.Sub(from.at)) / float64(to.at.Sub(from.at))
			return float64(from.total) + share*float64(to.total-from.total)
		}
		from = to
	}
	return float64(last.total)
}
