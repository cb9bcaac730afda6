package store

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/cockroachdb/pebble/v2"
)

// Checkpoint writes a copy of the store to dir, which LockDir and Open then
// take as it is. It fails if dir holds a store, or another Checkpoint is being
// written there. The copy appears whole or not at all; the store goes on
// meanwhile.
func (s *Store) Checkpoint(dir string) error {
	s.long.RLock()
	defer s.long.RUnlock()
	if err := s.check(); err != nil {
		return fmt.Errorf("checkpoint to %s: %w", dir, err)
	}
	fs := s.lock.fs
	if err := makeDir(fs, dir); err != nil {
		return fmt.Errorf("checkpoint to %s: %w", dir, err)
	}
	claim := fs.PathJoin(dir, lockName)
	lock, err := fs.Lock(claim)
	if err != nil && InUse(err) {
		return fmt.Errorf("checkpoint to %s: another one is being written there", dir)
	}
	if err != nil {
		return fmt.Errorf("checkpoint to %s: lock %s: %w", dir, claim, err)
	}
	err = s.checkpoint(fs.PathJoin(dir, databaseName))
	_ = fs.Remove(claim) // whoever opened it meanwhile and locks it now finds the copy, if there is one
	return errors.Join(err, lock.Close())
}

// checkpoint writes a copy of the database to path, which must not exist, with
// the directory that path is in locked.
func (s *Store) checkpoint(path string) error {
	files, partial := s.lock.fs, path+".partial"
	if _, err := files.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("checkpoint to %s: %w", path, errors.Join(err, fs.ErrExist))
	}
	if err := files.RemoveAll(partial); err != nil {
		return fmt.Errorf("checkpoint to %s: %w", path, err)
	}
	db := s.db
	err := s.guard.run(func() error { return copyTo(db, partial) })
	if err == nil {
		err = errors.Join(files.Rename(partial, path), syncDir(files, files.PathDir(path)))
	}
	if err != nil {
		_ = files.RemoveAll(partial) // the next try does it too
		return fmt.Errorf("checkpoint to %s: %w", path, err)
	}
	return nil
}

// copyTo calls Pebble, which panics where it cannot sync the copy's directory.
// It holds no lock there, so that only the copy is lost.
func copyTo(db *pebble.DB, path string) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("pebble: %v", p)
		}
	}()
	return db.Checkpoint(path)
}
