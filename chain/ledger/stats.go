package ledger

import (
	"maps"
	"sync"

	"github.com/lp2pnode/lp2pnode/chain"
)

// MaxDepth is the depth from which on reorganisations count as equally deep.
const MaxDepth = 1000

// Stats are counts since the ledger was opened.
type Stats struct {
	Adopted map[chain.Via]uint64 // blocks that joined the best chain, by the door of the one that decided
	Depths  map[int]uint64       // reorganisations, by how many blocks left; MaxDepth stands for more too
}

// stats are the ledger's counts. They have a lock of their own: who reads them
// does not wait for a change.
type stats struct {
	mu      sync.Mutex
	adopted map[chain.Via]uint64 // guarded by mu
	depths  map[int]uint64       // guarded by mu
}

func newStats() *stats {
	return &stats{adopted: map[chain.Via]uint64{}, depths: map[int]uint64{}}
}

// switched counts a change of the best chain.
func (s *stats) switched(via chain.Via, reverted, applied int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.adopted[via] += uint64(applied)
	if reverted > 0 {
		s.depths[min(reverted, MaxDepth)]++
	}
}

// Stats returns the counts. It does not wait for a change under way.
func (l *Ledger) Stats() Stats {
	l.stats.mu.Lock()
	defer l.stats.mu.Unlock()
	return Stats{Adopted: maps.Clone(l.stats.adopted), Depths: maps.Clone(l.stats.depths)}
}

// RoomInfo is what waits for its parent or its time.
type RoomInfo struct {
	Blocks int
	Bytes  int // of memory
}

// Room returns what is in the waiting room.
func (l *Ledger) Room() RoomInfo {
	l.mu.Lock()
	defer l.mu.Unlock()
	return RoomInfo{Blocks: len(l.room.waiting), Bytes: l.room.bytes}
}
