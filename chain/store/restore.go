package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lp2pnode/lp2pnode/chain"
)

// restoringName is a directory beside the database, for the time of Restore.
const restoringName = "restoring"

// Exists tells whether a directory holds a database, without locking it.
func Exists(dir string, files vfs.FS) (bool, error) {
	_, err := files.Stat(files.PathJoin(dir, databaseName))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// Restore makes the database of an empty data directory, which lock holds, from
// the copy that Checkpoint made in the directory from. The copy is brought to
// the present format and proved anew before it is put in place; from stays as
// it is, and may be on a medium that cannot be written to. settle is called when
// the copy is proved and not yet in place. After an error the directory has no
// database, as before.
func Restore(ctx context.Context, lock *Lock, from string, rules *chain.Rules, opts Options, progress func(done, total uint64), settle func() error) (chain.State, error) {
	if err := lock.requireEmpty(); err != nil {
		return chain.State{}, err
	}
	trial := lock.fs.PathJoin(lock.dir, restoringName)
	defer func() { _ = lock.fs.RemoveAll(trial) }() // the next Restore does it too
	if err := copyDatabase(ctx, lock.fs, from, trial); err != nil {
		return chain.State{}, fmt.Errorf("copy %s: %w", from, err)
	}
	tip, err := prove(ctx, trial, lock.fs, rules, opts, progress)
	if err != nil {
		return chain.State{}, fmt.Errorf("the copy in %s does not hold: %w", from, err)
	}
	if err := settle(); err != nil {
		return chain.State{}, err
	}
	return tip, lock.adopt(trial)
}

// Prove opens a copy that Checkpoint made, proves all of it and returns its
// tip. Nothing of it changes.
func Prove(ctx context.Context, dir string, files vfs.FS, rules *chain.Rules, opts Options, progress func(done, total uint64)) (chain.State, error) {
	opts.ReadOnly = true
	return prove(ctx, dir, files, rules, opts, progress)
}

func prove(ctx context.Context, dir string, files vfs.FS, rules *chain.Rules, opts Options, progress func(done, total uint64)) (tip chain.State, err error) {
	lock, err := LockDir(dir, files)
	if err != nil {
		return tip, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	s, err := Open(lock, rules, opts)
	if err != nil {
		return tip, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if err := s.Verify(ctx, progress); err != nil {
		return tip, err
	}
	return s.Tip()
}

// requireEmpty refuses a directory that has a chain, or had one.
func (l *Lock) requireEmpty() error {
	creating, err := l.creating()
	if creating || err != nil {
		return err // what is there is rubbish
	}
	names, err := l.fs.List(l.inDatabase(""))
	if err != nil {
		return fmt.Errorf("list %s: %w", l.inDatabase(""), err)
	}
	for _, name := range names {
		if name != lockName {
			return fmt.Errorf("%s holds a chain already: choose another directory, or move this one away", l.dir)
		}
	}
	return nil
}

// copyDatabase copies the files of a database, durably.
func copyDatabase(ctx context.Context, files vfs.FS, from, to string) error {
	if err := files.RemoveAll(to); err != nil {
		return err
	}
	source, target := files.PathJoin(from, databaseName), files.PathJoin(to, databaseName)
	names, err := files.List(source)
	if err != nil {
		return err
	}
	if err := makeDir(files, target); err != nil {
		return err
	}
	for _, name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if name == lockName {
			continue
		}
		if err := vfs.Copy(files, files.PathJoin(source, name), files.PathJoin(target, name)); err != nil {
			return err
		}
	}
	return syncDir(files, target)
}

// adopt moves the files of a database into place. A crash amid that leaves what
// the next start takes for a database whose making was interrupted.
func (l *Lock) adopt(dir string) error {
	if err := l.beginCreation(); err != nil {
		return err
	}
	source := l.fs.PathJoin(dir, databaseName)
	names, err := l.fs.List(source)
	if err != nil {
		return fmt.Errorf("list %s: %w", source, err)
	}
	for _, name := range names {
		if name == lockName {
			continue
		}
		if err := l.fs.Rename(l.fs.PathJoin(source, name), l.inDatabase(name)); err != nil {
			return fmt.Errorf("move %s into place: %w", name, err)
		}
	}
	if err := syncDir(l.fs, l.inDatabase("")); err != nil {
		return fmt.Errorf("move %s into place: %w", source, err)
	}
	return l.endCreation()
}
