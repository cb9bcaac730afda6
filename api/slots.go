package api

import (
	"context"
	"net/http"
	"net/netip"
	"sync"
	"time"
)

// shareOf is the part of all slots that one address may have: a fourth.
const shareOf = 4

// slots bound what is done at a time, in all and for each address beyond this
// machine. They are safe for concurrent use.
type slots struct {
	taken chan struct{}
	wait  time.Duration // how long to queue for one

	mu     sync.Mutex
	shares map[netip.Addr]*share // of those who have or want a slot; guarded by mu
}

// share is what one address has of slots.
type share struct {
	taken chan struct{}
	users int // who have a slot or queue for it; guarded by slots.mu
}

func newSlots(n int, wait time.Duration) *slots {
	return &slots{taken: make(chan struct{}, n), wait: wait, shares: map[netip.Addr]*share{}}
}

// enter takes a slot for an address, of which the zero one has no share, and
// gives up after a while or when the asker leaves. After true, leave has to be
// called.
func (s *slots) enter(ctx context.Context, from netip.Addr) bool {
	deadline := time.Now().Add(s.wait)
	own := s.join(from)
	if own != nil && !take(ctx, deadline, own.taken) {
		s.part(from)
		return false
	}
	if take(ctx, deadline, s.taken) {
		return true
	}
	if own != nil {
		<-own.taken
		s.part(from)
	}
	return false
}

func take(ctx context.Context, deadline time.Time, from chan struct{}) bool {
	select {
	case from <- struct{}{}:
		return true
	default:
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	select {
	case from <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

func (s *slots) leave(from netip.Addr) {
	<-s.taken
	if own := s.part(from); own != nil {
		<-own.taken
	}
}

// join returns the share of an address, nil of the zero one.
func (s *slots) join(from netip.Addr) *share {
	if !from.IsValid() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	own := s.shares[from]
	if own == nil {
		own = &share{taken: make(chan struct{}, max(1, cap(s.taken)/shareOf))}
		s.shares[from] = own
	}
	own.users++
	return own
}

// part undoes join.
func (s *slots) part(from netip.Addr) *share {
	if !from.IsValid() {
		return nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	own := s.shares[from]
	if own.users--; own.users == 0 {
		delete(s.shares, from)
	}
	return own
}

// drain waits until all have left, and lets nobody in again.
func (s *slots) drain() {
	for range cap(s.taken) {
		s.taken <- struct{}{}
	}
}

// asker returns the address that has a share: of IPv6 the network of 64 bits,
// of which one machine has any number. Who calls from this machine, as a proxy
// does for others, has none.
func asker(r *http.Request) netip.Addr {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil || boundToLoopback(r) {
		return netip.Addr{}
	}
	ip := from.Addr().Unmap().WithZone("")
	if ip.Is6() {
		if network, err := ip.Prefix(64); err == nil {
			return network.Addr()
		}
	}
	return ip
}
