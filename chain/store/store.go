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
	// ErrReadOnly: the store was opened for reading only; nothing has changed.
	ErrReadOnly = errors.New("store is open for reading only")
	// ErrNewerFormat: the directory was written by a newer version.
	ErrNewerFormat = errors.New("directory has a newer format")
)

var (
	errClosed   = errors.New("store is closed")
	errReopened = errors.New("the store was opened anew meanwhile: try again")
)

const (
	defaultCacheBytes = 8 << 20
	memTableBytes     = 4 << 20 // a batch of half of it, some 2,000 transfers, would be flushed at once
	maxOpenFiles      = 256
	tableBlockBytes   = 16 << 10
	// Layers of tables in the first level at which Pebble lets commits wait for a
	// merge. Where a full disk refuses merges it also refuses tables, before there
	// are so many more of them.
	stopWrites = 32
)

// Options of Open. The zero value is ready for use.
type Options struct {
	CacheBytes int64        // of rows read from disk; 0 is 8 MiB
	Logger     *slog.Logger // nil logs nothing
	ReadOnly   bool         // writes nothing, not even what opening after a crash would tidy up
	// Observe is told how long each operation took; nil is nobody. It must be
	// quick.
	Observe func(Operation, time.Duration)
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
	rules *chain.Rules
	lock  *Lock
	log   *slog.Logger
	cache *pebble.Cache

	observe func(Operation, time.Duration)

	commit sync.Mutex   // one Commit at a time; taken before long and mu
	long   sync.RWMutex // held for reading by what reads without mu: Close and Reopen await them

	// Held for writing while a batch is committed, so that nobody reads what
	// is not on disk yet, nor half of a change.
	mu     sync.RWMutex
	closed bool // guarded by mu
	database
}

// database is one opening of the files. Reopen puts another in its place, with
// long and mu held.
type database struct {
	guard    *guard
	disk     *disk
	db       *pebble.DB
	readOnly bool
	leave    chan struct{} // closed when Reopen waits for those who hold long
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
	switch {
	case opts.ReadOnly && format == 0:
		return nil, fmt.Errorf("%w: %s holds no chain", ErrNotFound, lock.dir)
	case opts.ReadOnly && format < currentFormat:
		return nil, fmt.Errorf("%s has format %d: start a node on it once, which brings it to format %d", lock.dir, format, currentFormat)
	case format == 0:
		if err := lock.beginCreation(); err != nil {
			return nil, err
		}
	}
	s, err := openDatabase(lock, rules, opts, opts.ReadOnly)
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
	s := &Store{rules: rules, lock: lock, log: opts.Logger, cache: pebble.NewCache(opts.CacheBytes), observe: opts.Observe}
	if err := s.connect(readOnly); err != nil {
		s.cache.Unref()
		return nil, err
	}
	return s, nil
}

// connect opens the files. After an error the store is broken.
func (s *Store) connect(readOnly bool) error {
	path := s.lock.fs.PathJoin(s.lock.dir, databaseName)
	s.database = database{guard: newGuard(s.log), readOnly: readOnly, leave: make(chan struct{})}
	s.disk = newDisk(s.lock.fs, path, s.guard)
	opts, opened := s.pebbleOptions(), make(chan *pebble.DB, 1)
	err := s.guard.run(func() error {
		db, err := pebble.Open(path, opts)
		opened <- db
		return err
	})
	if err != nil {
		s.guard.abandon(err)
		s.disk.close()
		return fmt.Errorf("open database %s: %w", path, err)
	}
	s.db = <-opened
	return nil
}

// Reopen closes the database, broken or not, and opens it anew, for reading
// only if readOnly: then it takes no room on disk. A Verify under way is cut
// short. After an error the store is broken, with that as its cause, and can be
// reopened again.
func (s *Store) Reopen(readOnly bool) error {
	s.commit.Lock()
	defer s.commit.Unlock()
	if err := s.interrupt(); err != nil {
		return err
	}
	s.long.Lock()
	defer s.long.Unlock()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	err := s.disconnect()
	if again := s.connect(readOnly); again != nil {
		return again
	}
	if err != nil {
		s.log.Warn("store was not closed well before it was opened again", "error", err)
	}
	return nil
}

func (s *Store) pebbleOptions() *pebble.Options {
	o := &pebble.Options{
		Cache:              s.cache,
		DisableTableStats:  true, // they would read every table at each start
		EventListener:      s.guard.events(),
		FS:                 s.disk,
		FormatMajorVersion: pebble.FormatNewest,
		Logger:             s.guard,
		MaxOpenFiles:       maxOpenFiles,
		MemTableSize:       memTableBytes,
		ReadOnly:           s.readOnly,

		L0StopWritesThreshold: stopWrites,
	}
	for i := range o.Levels {
		// Half of a block is hex digits, which only entropy coding makes smaller,
		// and the rest is what all blocks share.
		o.Levels[i].BlockSize = tableBlockBytes
		// What has just come is soon compressed again with what it is merged with:
		// the first level only has to be quick.
		profile := sstable.ZstdCompression
		if i == 0 {
			profile = sstable.FastestCompression
		}
		o.Levels[i].Compression = func() *sstable.CompressionProfile { return profile }
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
	defer s.cache.Unref()
	return s.disconnect()
}

// disconnect closes the files.
func (s *Store) disconnect() error {
	defer s.disk.close()
	if s.guard.check() != nil {
		return nil // told before
	}
	db, disk, readOnly := s.db, s.disk, s.readOnly
	err := s.guard.run(func() error {
		if readOnly {
			return db.Close()
		}
		if err := db.Flush(); err != nil {
			return errors.Join(err, db.Close())
		}
		return errors.Join(db.Close(), disk.removeOldLogs())
	})
	if errors.Is(err, ErrBroken) {
		return err
	}
	if err != nil {
		return fmt.Errorf("close database: %w", err)
	}
	return nil
}

// interrupt tells those who hold long to let go.
func (s *Store) interrupt() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.closed {
		return errClosed
	}
	close(s.leave)
	return nil
}

// Broken is closed when the disk has failed; Err then says how. After Reopen
// there is another channel.
func (s *Store) Broken() <-chan struct{} { return s.opening().guard.broken }

// Err returns nil until the disk has failed, then an error that matches
// ErrBroken.
func (s *Store) Err() error { return s.opening().guard.check() }

// ReadOnly tells whether the store was opened for reading only.
func (s *Store) ReadOnly() bool { return s.opening().readOnly }

func (s *Store) opening() database {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.database
}

// Size returns the bytes that the store takes on disk; 0 if it is broken or
// closed.
func (s *Store) Size() uint64 {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if s.usable() != nil {
		return 0
	}
	db, size := s.db, make(chan uint64, 1)
	if s.guard.run(func() error { size <- db.Metrics().DiskSpaceUsage(); return nil }) != nil {
		return 0
	}
	return <-size
}

// usable is called with mu held.
func (s *Store) usable() error {
	if s.closed {
		return errClosed
	}
	return s.guard.check()
}

// writable is called with mu held.
func (s *Store) writable() error {
	if err := s.usable(); err != nil {
		return err
	}
	if s.readOnly {
		return ErrReadOnly
	}
	return nil
}

func (s *Store) check() error {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.usable()
}
