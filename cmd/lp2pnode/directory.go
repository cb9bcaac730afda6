package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lp2pnode/lp2pnode/chain/store"
)

// inUse returns an error if another node works in the data directory. Where
// none has named itself there it looks no further, and writes nothing.
func (o *options) inUse() error {
	if o.node.DataDir == "" {
		return nil
	}
	if _, err := os.Stat(filepath.Join(o.node.DataDir, "node.json")); err != nil {
		return nil // what is wrong with the directory is told when it is opened
	}
	lock, err := store.LockDir(o.node.DataDir, vfs.Default)
	if taken := new(store.LockedError); errors.As(err, &taken) {
		return o.directoryError(err)
	}
	if err != nil {
		return nil
	}
	return lock.Close()
}

// holderOf returns who holds the directory that an error is about, or nil.
func holderOf(err error) *store.LockedError {
	if taken := new(store.LockedError); errors.As(err, &taken) {
		return taken
	}
	return nil
}

// directoryError says with which settings a directory is changed that cannot
// be had.
func (o *options) directoryError(err error) error {
	switch taken := new(store.LockedError); {
	case errors.As(err, &taken):
		return fmt.Errorf("%w with --data-dir; --ephemeral starts a passing node beside it", err)
	case errors.Is(err, store.ErrOtherChain):
		return fmt.Errorf("%w; name them with --data-dir or --genesis", err)
	case vfs.IsNoSpaceError(err):
		return fmt.Errorf("%w: make room on that disk, or choose another directory with --data-dir", err)
	case errors.As(err, new(*fs.PathError)) &&
		(errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EROFS) || errors.Is(err, syscall.ENOTDIR)):
		return fmt.Errorf("%w: see that the user who runs this may write there, or choose another directory with --data-dir", err)
	}
	return err
}
