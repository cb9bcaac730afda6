package ledger

import (
	"sync"
	"sync/atomic"
	"time"
)

// lock is a mutex that tells, without waiting for it, for how long it has been
// held.
type lock struct {
	sync.Mutex
	base  time.Time    // when it was made
	since atomic.Int64 // when it was taken, after base; 0: it is free
}

func (l *lock) Lock() {
	l.Mutex.Lock()
	l.since.Store(max(1, int64(time.Since(l.base))))
}

func (l *lock) Unlock() {
	l.since.Store(0)
	l.Mutex.Unlock()
}

// held returns for how long the present holder has it; 0: it is free.
func (l *lock) held() time.Duration {
	since := l.since.Load()
	if since == 0 {
		return 0
	}
	return time.Since(l.base) - time.Duration(since)
}

// Busy returns for how long the change or read under way has held the ledger; 0
// when there is none. It never blocks: what never ends shows here.
func (l *Ledger) Busy() time.Duration { return l.mu.held() }
