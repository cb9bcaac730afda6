package store

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/bloom"
	"github.com/cockroachdb/pebble/v2/sstable"

	"github.com/lp2pnode/lp2pnode/chain"
)

// The errors of a store, by what the caller shall do about them. Any other
// error is a row that cannot be right, or a disk that cannot be read.
var (
	// ErrNotFound: the store has no such block, height, transaction or node.
	ErrNotFound = errors.New("not in the store")
	// ErrBroken: the disk has failed. The store answers nothing else until it
	// is closed and opened again, which brings back what was committed.
	ErrBroken = errors.New("store is broken until it is opened again")
	// ErrOtherChain: the directory holds the chain of another genesis.
	ErrOtherChain = errors.New("directory holds another chain")
	// ErrNewerFormat: the directory was written by a newer version.
	ErrNewerFormat = errors.New("directory has a newer format")
)

var errClosed = errors.New("store is closed")

const (
	defaultCacheBytes = 8 << 20
	memTableBytes     = 2 << 20
	maxOpenFiles      = 256
	tableBlockBytes   = 16 << 10
)

// Options of Open. The zero value is ready for use.
type Options struct {
	CacheBytes int64        // of rows read from disk; 0 is 8 MiB
	Logger     *slog.Logger // nil logs nothing
}

// Record is what the store knows of a block, without its transactions.
type Record struct {
	Header chain.Header
	Work   chain.Work // of all blocks up to this one
	Seen   time.Time  // when the block first came, to the millisecond
	Source chain.Source
}

// Store keeps the blocks, accounts and indexes of one chain. Its methods are
// safe for concurrent use, but for Close, which must be the last call.
type Store struct {
	rules  *chain.Rules
	lock   *Lock
	guard  *guard
	disk   *disk
	db     *pebble.DB
	commit sync.Mutex // one Commit at a time

	readOnly bool // only peek opens so

	// Held for writing while a batch is committed, so that nobody reads what
	// is not on disk yet, nor half of a change.
	mu     sync.RWMutex
	closed bool // guarded by mu

	long sync.RWMutex // held for reading by what reads without mu: Close awaits them
}

// Open opens the store in the directory that lock holds. It makes a new one,
// refuses one of another chain (ErrOtherChain) or a newer version
// (ErrNewerFormat) without writing anything, and migrates an older format
// after a checkpoint beside it.
func Open(lock *Lock, rules *chain.Rules, opts Options) (*Store, error) {
	if opts.CacheBytes == 0 {
		opts.CacheBytes = defaultCacheBytes
	}
	if opts.Logger == nil {
		opts.Logger = slog.New(slog.DiscardHandler)
	}
	format, err := peek(lock, rules, opts)
	if err != nil {
		return nil, err
	}
	if format == 0 {
		if err := lock.beginCreation(); err != nil {
			return nil, err
		}
	}
	s, err := openDatabase(lock, rules, opts, false)
	if err != nil {
		return nil, err
	}
	if err := s.bringUpFrom(format); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// openDatabase opens Pebble, for reading only if readOnly.
func openDatabase(lock *Lock, rules *chain.Rules, opts Options, readOnly bool) (*Store, error) {
	s := &Store{rules: rules, lock: lock, guard: newGuard(opts.Logger), readOnly: readOnly}
	path := lock.fs.PathJoin(lock.dir, databaseName)
	s.disk = newDisk(lock.fs, path, s.guard)
	err := s.guard.run(func() (err error) {
		s.db, err = pebble.Open(path, s.pebbleOptions(opts))
		return err
	})
	if err != nil {
		s.disk.close()
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	return s, nil
}

func (s *Store) pebbleOptions(opts Options) *pebble.Options {
	o := &pebble.Options{
		CacheSize:          opts.CacheBytes,
		DisableTableStats:  true, // they would read every table at each start
		EventListener:      s.guard.events(),
		FS:                 s.disk,
		FormatMajorVersion: pebble.FormatNewest,
		Logger:             s.guard,
		MaxOpenFiles:       maxOpenFiles,
		MemTableSize:       memTableBytes,
		ReadOnly:           s.readOnly,
	}
	for i := range o.Levels {
		// Half of a block is hex digits, which only entropy coding makes smaller,
		// and the rest is what all blocks share.
		o.Levels[i].BlockSize = tableBlockBytes
		o.Levels[i].Compression = func() *sstable.CompressionProfile { return sstable.ZstdCompression }
		o.Levels[i].FilterPolicy = bloom.FilterPolicy(10)
	}
	return o
}

// Close writes what is in memory to tables, so that the next Open is quick,
// and closes the store, after waiting for a Verify or Checkpoint under way. The
// lock stays with the caller. A store that is broken is cut off from the disk;
// the memory that Pebble holds (caches and tables of some MiB) is then lost to
// the process.
func (s *Store) Close() error {
	s.long.Lock()
	defer s.long.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	defer s.disk.close()
	if s.guard.check() != nil {
		return nil // told before
	}
	err := s.guard.run(func() error {
		if s.readOnly {
			return s.db.Close()
		}
		return errors.Join(s.db.Flush(), s.db.Close())
	})
	if errors.Is(err, ErrBroken) {
		return err
	}
	if err != nil {
		return fmt.Errorf("close database: %w", err)
	}
	return nil
}

// Broken is closed when the disk has failed; Err then says how.
func (s *Store) Broken() <-chan struct{} { return s.guard.broken }

// Err returns nil until the disk has failed, then an error that matches
// ErrBroken.
func (s *Store) Err() error { return s.guard.check() }

// Size returns the bytes that the store takes on disk; 0 if it is broken or
// closed.
func (s *Store) Size() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	var size uint64
	if s.usable() != nil || s.guard.run(func() error { size = s.db.Metrics().DiskSpaceUsage(); return nil }) != nil {
		return 0
	}
	return size
}

// usable is called with mu held.
func (s *Store) usable() error {
	if s.closed {
		return errClosed
	}
	return s.guard.check()
}

func (s *Store) check() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.usable()
}
