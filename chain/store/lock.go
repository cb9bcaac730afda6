package store

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	databaseName = "chain"     // Pebble's directory, in the data directory
	holderName   = "node.json" // who holds the lock, in the data directory
)

// Holder says who uses a data directory.
type Holder struct {
	PID     int       `json:"pid"`
	API     string    `json:"api"` // address of its HTTP API; "" if it has none
	Started time.Time `json:"started"`
}

// LockedError says that a data directory is in use. Holder is zero if it
// cannot be read.
type LockedError struct {
	Dir    string
	Holder Holder
}

func (e *LockedError) Error() string {
	who := "another process"
	if e.Holder.PID != 0 {
		who = fmt.Sprintf("process %d", e.Holder.PID)
	}
	if e.Holder.API != "" {
		who += ", API " + e.Holder.API
	}
	return fmt.Sprintf("data directory %s is in use by %s: stop it, or choose another directory", e.Dir, who)
}

// Lock is the exclusive right to a data directory. It is used by one goroutine
// at a time.
type Lock struct {
	dir  string
	fs   vfs.FS
	lock *pebble.Lock
	held bool // node.json is ours
}

// LockDir makes dir if need be and locks it, before any of its files is
// touched. It fails with a *LockedError if another process, or another Lock of
// this one, holds it.
func LockDir(dir string, fs vfs.FS) (*Lock, error) {
	database := fs.PathJoin(dir, databaseName)
	if err := makeDir(fs, database); err != nil {
		return nil, fmt.Errorf("make data directory %s: %w", dir, err)
	}
	lock, err := pebble.LockDirectory(database, fs)
	switch {
	case err == nil:
		return &Lock{dir: dir, fs: fs, lock: lock}, nil
	case InUse(err):
		holder, _ := readHolder(dir, fs) // it is only a name
		return nil, &LockedError{Dir: dir, Holder: holder}
	}
	return nil, fmt.Errorf("lock data directory %s: %w", dir, err)
}

// InUse tells by the error of vfs.FS.Lock a lock that somebody holds from one
// that cannot be taken.
func InUse(err error) bool {
	var path *fs.PathError
	if errors.As(err, &path) {
		return false // the lock file cannot be opened
	}
	var number syscall.Errno
	if errors.As(err, &number) {
		return !slices.Contains([]syscall.Errno{syscall.ENOLCK, syscall.ENOSYS, syscall.EINVAL, syscall.ENOSPC}, number)
	}
	return true // held by this process
}

// makeDir makes a directory and its parents, durably.
func makeDir(fs vfs.FS, dir string) error {
	if _, err := fs.Stat(dir); err == nil {
		return nil
	}
	parent := fs.PathDir(dir)
	if parent != dir {
		if err := makeDir(fs, parent); err != nil {
			return err
		}
	}
	if err := fs.MkdirAll(dir, dirRights); err != nil {
		return err
	}
	return syncDir(fs, parent)
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// SetHolder writes who holds the lock to node.json, for whoever loses it.
func (l *Lock) SetHolder(h Holder) error {
	raw, err := json.Marshal(h)
	if err != nil {
		return fmt.Errorf("encode %s: %w", holderName, err)
	}
	path := l.fs.PathJoin(l.dir, holderName)
	if err := writeFile(l.fs, path+".new", append(raw, '\n')); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := errors.Join(l.fs.Rename(path+".new", path), syncDir(l.fs, l.dir)); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	l.held = true
	return nil
}

func writeFile(fs vfs.FS, path string, content []byte) error {
	f, err := fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	return errors.Join(err, f.Sync(), f.Close())
}

func readHolder(dir string, fs vfs.FS) (Holder, error) {
	var h Holder
	f, err := fs.Open(fs.PathJoin(dir, holderName))
	if err != nil {
		return h, err
	}
	raw, err := io.ReadAll(io.LimitReader(f, 4096))
	if err := errors.Join(err, f.Close()); err != nil {
		return h, err
	}
	return h, json.Unmarshal(raw, &h)
}

// Close removes node.json and gives the directory free. The Store opened with
// this lock must be closed before.
func (l *Lock) Close() error {
	var err error
	if l.held {
		err = l.fs.Remove(l.fs.PathJoin(l.dir, holderName))
		l.held = false
	}
	return errors.Join(err, l.lock.Close())
}
