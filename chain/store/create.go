package store

import (
	"errors"
	"fmt"
	"io/fs"
	"time"
)

// creatingName is a file that is in the database's directory until the genesis
// block is in it: a database whose making was interrupted, which Pebble cannot
// always open, holds nothing and is made anew.
const (
	creatingName = "CREATING"
	lockName     = "LOCK" // Pebble's
)

func (l *Lock) inDatabase(name string) string {
	return l.fs.PathJoin(l.dir, databaseName, name)
}

// creating tells whether the making of the database was interrupted.
func (l *Lock) creating() (bool, error) {
	_, err := l.fs.Stat(l.inDatabase(creatingName))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// checkEmpty refuses a directory that holds something else than a database,
// or what is left of one.
func (l *Lock) checkEmpty() error {
	names, err := l.fs.List(l.inDatabase(""))
	if err != nil {
		return fmt.Errorf("list %s: %w", l.inDatabase(""), err)
	}
	for _, name := range names {
		if name != lockName {
			return fmt.Errorf("%s holds %s, but no database that can be opened: restore a copy, or remove it to begin anew", l.inDatabase(""), name)
		}
	}
	return nil
}

// beginCreation marks the database as being made, and removes what an earlier
// try has left.
func (l *Lock) beginCreation() error {
	err := writeFile(l.fs, l.inDatabase(creatingName), nil)
	if err == nil {
		err = syncDir(l.fs, l.inDatabase(""))
	}
	var names []string
	if err == nil {
		names, err = l.fs.List(l.inDatabase(""))
	}
	for _, name := range names {
		if name != lockName && name != creatingName {
			err = errors.Join(err, l.fs.RemoveAll(l.inDatabase(name)))
		}
	}
	if err != nil {
		return fmt.Errorf("make database in %s: %w", l.dir, err)
	}
	return nil
}

func (l *Lock) endCreation() error {
	err := l.fs.Remove(l.inDatabase(creatingName))
	if err = errors.Join(err, syncDir(l.fs, l.inDatabase(""))); err != nil {
		return fmt.Errorf("make database in %s: %w", l.dir, err)
	}
	return nil
}

// create writes the genesis block.
func (s *Store) create() error {
	genesis, state := s.rules.Genesis(), s.rules.GenesisState()
	w := s.newWriter(s.db.NewBatch())
	seen := time.UnixMilli(int64(genesis.Timestamp))
	err := errors.Join(
		w.keep(Entry{Block: genesis, Work: state.Work, Seen: seen}),
		w.join(&Applied{Block: genesis, Diff: s.rules.GenesisAccounts()}),
		w.settle())
	w.set(genesisKey, genesis.Hash[:])
	w.set(tipKey, genesis.Hash[:])
	w.setFormat()
	if err := errors.Join(err, w.err); err != nil {
		return fmt.Errorf("write genesis: %w", err)
	}
	if err := s.write(w.batch); err != nil {
		return fmt.Errorf("write genesis: %w", err)
	}
	return s.lock.endCreation()
}
