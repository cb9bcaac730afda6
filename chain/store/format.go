package store

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"

	"github.com/cockroachdb/pebble/v2"

	"github.com/lp2pnode/lp2pnode/chain"
)

// currentFormat is the version of the rows in the package comment.
const currentFormat = 3

// migration turns rows of one format into the next one's.
type migration struct {
	from  uint64
	build func(*writer) error
}

// migrations lists the way from each older format to the current one, in order.
func migrations() []migration {
	return []migration{
		{from: 2, build: buildIndexes}, // of format 1 too, which lacks one of them
	}
}

// peek looks at what a directory holds without writing to it. It returns the
// format, 0 if there is no chain yet.
func peek(lock *Lock, rules *chain.Rules, opts Options) (uint64, error) {
	if creating, err := lock.creating(); creating || err != nil {
		return 0, err
	}
	s, err := openDatabase(lock, rules, opts, true)
	if errors.Is(err, pebble.ErrDBDoesNotExist) {
		return 0, lock.checkEmpty()
	}
	if err != nil {
		return 0, err
	}
	format, err := read(s, view.format)
	if err == nil && format != 0 {
		err = s.checkMeta(format)
	}
	return format, errors.Join(err, s.Close())
}

// Inspect tells the format that the rows of a directory have, 0 if there is no
// chain yet, and the one that this version writes. It changes nothing, and
// fails as Open does: ErrOtherChain, ErrNewerFormat, a database that cannot be
// read.
func Inspect(lock *Lock, rules *chain.Rules) (found, current uint64, err error) {
	found, err = peek(lock, rules, Options{CacheBytes: defaultCacheBytes, Logger: slog.New(slog.DiscardHandler)})
	return found, currentFormat, err
}

// format returns the format that the rows have, 0 if there are none.
func (v view) format() (uint64, error) {
	value, err := v.get(formatKey)
	if errors.Is(err, ErrNotFound) {
		return 0, v.each(nil, func(key, _ []byte) error {
			return damaged(formatKey, "is missing beside row %s", rowName(key))
		})
	}
	if err != nil {
		return 0, err
	}
	if len(value) != 8 || binary.BigEndian.Uint64(value) == 0 {
		return 0, damaged(formatKey, "want 8 bytes, at least 1, got %x", value)
	}
	return binary.BigEndian.Uint64(value), nil
}

// checkMeta refuses a directory that is not for this version and chain.
func (s *Store) checkMeta(format uint64) error {
	if format > currentFormat {
		return fmt.Errorf("%w: %s has format %d, this version knows up to %d: use the version that wrote it, or a newer one",
			ErrNewerFormat, s.lock.dir, format, currentFormat)
	}
	genesis, err := read(s, view.genesis)
	if err != nil {
		return err
	}
	if want := s.rules.Genesis().Hash; genesis != want {
		return fmt.Errorf("%w: %s has genesis %s, want %s: choose another directory, or that chain's genesis file",
			ErrOtherChain, s.lock.dir, genesis, want)
	}
	return nil
}

func (v view) genesis() (chain.Hash, error) { return v.mustHash(genesisKey) }

// bringUpFrom makes the rows those of the current format.
func (s *Store) bringUpFrom(format uint64) error {
	switch {
	case format == 0:
		return s.create()
	case format < currentFormat:
		return s.migrate(format)
	}
	return nil
}

func (w *writer) setFormat() {
	w.set(formatKey, binary.BigEndian.AppendUint64(nil, currentFormat))
}

// migrate brings the rows to the current format in one batch, after a
// checkpoint of the old ones in a directory beside the database.
func (s *Store) migrate(from uint64) error {
	backup, err := s.freeName(fmt.Sprintf("%s-format-%d", databaseName, from))
	if err != nil {
		return fmt.Errorf("migrate from format %d: %w", from, err)
	}
	if err := s.checkpoint(backup); err != nil {
		return fmt.Errorf("migrate from format %d: %w", from, err)
	}
	w := s.newWriter(s.db.NewBatch())
	for _, m := range migrations() {
		if m.from < from {
			continue
		}
		if err := errors.Join(m.build(w), w.err); err != nil {
			return fmt.Errorf("migrate from format %d: %w", m.from, err)
		}
	}
	w.setFormat()
	if err := errors.Join(w.err, s.write(w.batch)); err != nil {
		return fmt.Errorf("migrate from format %d: %w", from, err)
	}
	s.guard.log.Info("store migrated", "from", from, "to", currentFormat, "backup", backup)
	return nil
}

// freeName returns a path in the data directory that does not exist: a
// checkpoint of an earlier try stays what it was.
func (s *Store) freeName(name string) (string, error) {
	for i := 1; ; i++ {
		path := s.lock.fs.PathJoin(s.lock.dir, name)
		if i > 1 {
			path += fmt.Sprintf("-%d", i)
		}
		_, err := s.lock.fs.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			return path, nil
		}
		if err != nil {
			return "", err
		}
	}
}
