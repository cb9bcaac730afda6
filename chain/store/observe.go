package store

import (
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// Operation is something that a store does and that takes time of the disk.
type Operation string

// The operations.
const (
	OpCommit Operation = "commit" // a change of blocks, synced
	OpKeep   Operation = "keep"   // a waiting transaction, synced if somebody was promised so
	OpBlock  Operation = "block"  // reading a whole block
)

// took tells who observes how long an operation took that began then. It is
// deferred.
func (s *Store) took(op Operation, began time.Time) {
	if s.observe != nil {
		s.observe(op, time.Since(began))
	}
}

// Metrics returns what Pebble counts; false if the store is broken or closed.
func (s *Store) Metrics() (*pebble.Metrics, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.usable() != nil {
		return nil, false
	}
	db, metrics := s.db, make(chan *pebble.Metrics, 1)
	if s.guard.run(func() error { metrics <- db.Metrics(); return nil }) != nil {
		return nil, false
	}
	return <-metrics, true
}
