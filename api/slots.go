package api

import (
	"context"
	"time"
)

// slots bound what is done at a time. They are safe for concurrent use.
type slots struct {
	taken chan struct{}
	wait  time.Duration // how long to queue for one
}

func newSlots(n int, wait time.Duration) slots {
	return slots{make(chan struct{}, n), wait}
}

// enter takes a slot, and gives up after a while or when the asker leaves.
func (s slots) enter(ctx context.Context) bool {
	select {
	case s.taken <- struct{}{}:
		return true
	default:
	}
	ctx, cancel := context.WithTimeout(ctx, s.wait)
	defer cancel()
	select {
	case s.taken <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s slots) leave() { <-s.taken }

// drain waits until all have left, and lets nobody in again.
func (s slots) drain() {
	for range cap(s.taken) {
		s.taken <- struct{}{}
	}
}
