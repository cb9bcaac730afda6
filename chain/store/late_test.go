package store

import (
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"
)

// lateFS does what it is asked for and then says that it failed, where faults
// say so: what is written although its writer was told otherwise. errorfs fails
// before anything is done.
type lateFS struct {
	vfs.FS
	faults *faults
}

func (l lateFS) after(kind errorfs.OpKind, path string, err error) error {
	if err != nil {
		return err
	}
	return l.faults.MaybeError(errorfs.Op{Kind: kind, Path: path})
}

// opened returns a file, or closes it and says that it could not be opened.
func (l lateFS) opened(kind errorfs.OpKind, path string, f vfs.File, err error) (vfs.File, error) {
	if err := l.after(kind, path, err); err != nil {
		if f != nil {
			_ = f.Close()
		}
		return nil, err
	}
	return lateFile{f, l, path}, nil
}

func (l lateFS) Create(path string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := l.FS.Create(path, c)
	return l.opened(errorfs.OpCreate, path, f, err)
}

func (l lateFS) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := l.FS.ReuseForWrite(from, to, c)
	return l.opened(errorfs.OpReuseForWrite, to, f, err)
}

func (l lateFS) OpenDir(path string) (vfs.File, error) {
	f, err := l.FS.OpenDir(path)
	return lateFile{f, l, path}, err
}

func (l lateFS) Link(from, to string) error {
	return l.after(errorfs.OpLink, to, l.FS.Link(from, to))
}

func (l lateFS) Remove(path string) error {
	return l.after(errorfs.OpRemove, path, l.FS.Remove(path))
}

func (l lateFS) Rename(from, to string) error {
	return l.after(errorfs.OpRename, to, l.FS.Rename(from, to))
}

func (l lateFS) MkdirAll(path string, mode os.FileMode) error {
	return l.after(errorfs.OpMkdirAll, path, l.FS.MkdirAll(path, mode))
}

type lateFile struct {
	vfs.File
	fs   lateFS
	path string
}

func (f lateFile) Write(b []byte) (int, error) {
	n, err := f.File.Write(b)
	return n, f.fs.after(errorfs.OpFileWrite, f.path, err)
}

func (f lateFile) Sync() error { return f.fs.after(errorfs.OpFileSync, f.path, f.File.Sync()) }

func (f lateFile) SyncData() error {
	return f.fs.after(errorfs.OpFileSyncData, f.path, f.File.SyncData())
}

func (f lateFile) SyncTo(length int64) (bool, error) {
	full, err := f.File.SyncTo(length)
	return full, f.fs.after(errorfs.OpFileSyncTo, f.path, err)
}
