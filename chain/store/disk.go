package store

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// dirRights are those of every directory that the store makes.
const dirRights = 0o700

// logSuffix ends the names of Pebble's logs.
const logSuffix = ".log"

// maxOldLogBytes is the largest log that is worth using again: what small
// batches fill until their table in memory is full.
const maxOldLogBytes = memTableBytes

// SpareRoom is the room on disk, in bytes, that a store takes to be opened for
// writing. A merge of tables, which is the one thing that can wait, leaves as
// much to logs and tables of what is committed meanwhile: their failure breaks
// the store.
const SpareRoom = 4 * memTableBytes

const (
	mergeCategory = "pebble-compaction"    // Pebble's name for what a merge writes
	mergePause    = 200 * time.Millisecond // of a merge that failed: Pebble tries again at once
)

// mergeError says that a table which others are merged into could not be
// written.
type mergeError struct{ cause error }

func (e *mergeError) Error() string { return "merge tables: " + e.cause.Error() }
func (e *mergeError) Unwrap() error { return e.cause }

// disk stands between Pebble and the file system and can be cut. After that
// nothing changes on the file system through it: goroutines of Pebble that try
// stay where they are, like those of a machine without power, and reading
// fails with ErrBroken. So a database that has failed can be left behind and
// its directory opened anew.
//
// A failure to write a log of the database, or to sync the directory in which
// it appears, cuts it at once and does not return: Pebble would answer some
// with a panic that nothing survives (DB.rotateWAL).
type disk struct {
	vfs.FS
	database string      // where the logs are
	fail     func(error) // tells the guard, which cuts
	broken   <-chan struct{}

	off atomic.Bool
	mu  sync.RWMutex // held for reading by each operation, so that close can await them

	filesMu sync.Mutex
	files   map[*file]struct{} // open ones; guarded by filesMu
	partial map[string]bool    // paths of tables not whole on disk yet; guarded by filesMu
}

func newDisk(fs vfs.FS, database string, g *guard) *disk {
	d := &disk{FS: fs, database: database, fail: g.fail, broken: g.broken, files: map[*file]struct{}{}, partial: map[string]bool{}}
	g.cut = func() { d.off.Store(true) }
	return d
}

// close cuts the disk, waits for the operations under way, closes all files and
// removes the tables that were not finished: nothing is in them that is not
// elsewhere, and Pebble would only remove them once it could write again, for
// which their room may be missing.
func (d *disk) close() {
	d.off.Store(true)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.filesMu.Lock()
	defer d.filesMu.Unlock()
	for f := range d.files {
		_ = f.File.Close() // what had to be on disk was synced before
	}
	d.files = nil
	for name := range d.partial {
		_ = d.FS.Remove(name) // the next opening for writing does it too
	}
	d.partial = nil
}

// change does what alters the file at path, or never returns.
func (d *disk) change(path string, op func() error) error {
	d.mu.RLock()
	if d.off.Load() {
		d.mu.RUnlock()
		select {}
	}
	err := op()
	d.mu.RUnlock()
	if err != nil && d.vital(path) {
		d.fail(fmt.Errorf("write %s: %w", path, err))
		select {}
	}
	return err
}

func (d *disk) vital(path string) bool {
	return path == d.database || strings.HasSuffix(path, logSuffix) && d.PathDir(path) == d.database
}

func (d *disk) read(op func() error) error {
	d.mu.RLock()
	defer d.mu.RUnlock()
	if d.off.Load() {
		return ErrBroken
	}
	return op()
}

// track wraps a file that open has just opened.
func (d *disk) track(path string, open func() (vfs.File, error)) (vfs.File, error) {
	opened, err := open()
	if err != nil {
		return nil, err
	}
	f := &file{File: opened, disk: d, path: path}
	d.filesMu.Lock()
	defer d.filesMu.Unlock()
	d.files[f] = struct{}{}
	return f, nil
}

func (d *disk) Create(name string, c vfs.DiskWriteCategory) (f vfs.File, err error) {
	if err := d.order(name); err != nil {
		return nil, err
	}
	err = d.change(name, func() (err error) {
		f, err = d.track(name, func() (vfs.File, error) { return d.FS.Create(name, c) })
		if err == nil {
			f.(*file).merge = c == mergeCategory
		}
		return err
	})
	if err != nil && c == mergeCategory {
		d.rest()
		err = &mergeError{err}
	}
	return f, err
}

// rest lets time pass before Pebble tries a merge again.
func (d *disk) rest() {
	select {
	case <-time.After(mergePause):
	case <-d.broken:
	}
}

// order is called before a file appears or goes. A marker of Pebble's names
// the manifest in force: what is named has to be durable before the marker is,
// and a marker before the one that it replaces goes. Pebble syncs the
// directory only after all of this.
func (d *disk) order(name string) error {
	dir := d.PathDir(name)
	if dir != d.database || !strings.HasPrefix(d.PathBase(name), "marker.") {
		return nil
	}
	return d.change(dir, func() error { return syncDir(d.FS, dir) })
}

// ReuseForWrite begins a log in the place of an old one, whose blocks on disk
// need no new entry in the file system at each sync. A large one is what a large
// batch left, and would stay large for ever: a new one takes its place.
func (d *disk) ReuseForWrite(from, to string, c vfs.DiskWriteCategory) (f vfs.File, err error) {
	err = d.change(to, func() (err error) {
		info, err := d.FS.Stat(from)
		if err != nil {
			return err
		}
		if info.Size() <= maxOldLogBytes {
			f, err = d.track(to, func() (vfs.File, error) { return d.FS.ReuseForWrite(from, to, c) })
			return err
		}
		if f, err = d.track(to, func() (vfs.File, error) { return d.FS.Create(to, c) }); err == nil {
			err = d.FS.Remove(from)
		}
		return err
	})
	return f, err
}

// removeOldLogs removes all logs but the newest, for a database that has just
// been flushed and closed: Pebble keeps some to use again, and would remove them
// when it opens. Without any it makes checkpoints that do not open.
func (d *disk) removeOldLogs() error {
	names, err := d.List(d.database)
	if err != nil {
		return err
	}
	logs := slices.DeleteFunc(names, func(name string) bool { return !strings.HasSuffix(name, logSuffix) })
	slices.SortFunc(logs, func(a, b string) int { // numbers, padded to six digits
		return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(a, b))
	})
	for _, name := range logs[:max(len(logs), 1)-1] {
		if err := d.Remove(d.PathJoin(d.database, name)); err != nil {
			return err
		}
	}
	return nil
}

func (d *disk) OpenReadWrite(name string, c vfs.DiskWriteCategory, opts ...vfs.OpenOption) (f vfs.File, err error) {
	err = d.change(name, func() (err error) {
		f, err = d.track(name, func() (vfs.File, error) { return d.FS.OpenReadWrite(name, c, opts...) })
		return err
	})
	return f, err
}

func (d *disk) Open(name string, opts ...vfs.OpenOption) (f vfs.File, err error) {
	err = d.read(func() (err error) {
		f, err = d.track(name, func() (vfs.File, error) { return d.FS.Open(name, opts...) })
		return err
	})
	return f, err
}

func (d *disk) OpenDir(name string) (f vfs.File, err error) {
	err = d.read(func() (err error) {
		f, err = d.track(name, func() (vfs.File, error) { return d.FS.OpenDir(name) })
		return err
	})
	return f, err
}

// Remove, RemoveAll, Link and Rename never cut by themselves: of a log too,
// Pebble can live with their failure or calls it fatal in good order.

func (d *disk) Remove(name string) error {
	if err := d.order(name); err != nil {
		return err
	}
	return d.change("", func() error {
		err := d.FS.Remove(name)
		if err == nil {
			d.filesMu.Lock()
			defer d.filesMu.Unlock()
			delete(d.partial, name)
		}
		return err
	})
}

func (d *disk) RemoveAll(name string) error {
	return d.change("", func() error { return d.FS.RemoveAll(name) })
}

func (d *disk) Link(from, to string) error {
	return d.change("", func() error { return d.FS.Link(from, to) })
}

func (d *disk) Rename(from, to string) error {
	return d.change("", func() error { return d.FS.Rename(from, to) })
}

func (d *disk) MkdirAll(dir string, _ os.FileMode) error {
	return d.change("", func() error { return d.FS.MkdirAll(dir, dirRights) })
}

// Lock gives Pebble a token: the directory's lock is held by Lock, for longer
// than Pebble lives.
func (d *disk) Lock(string) (io.Closer, error) { return io.NopCloser(nil), nil }

// file is a file of a disk.
type file struct {
	vfs.File
	disk   *disk
	path   string
	merge  bool // it is a table that others are merged into
	failed bool // a write of it has failed; guarded by disk.filesMu
}

func (f *file) Close() error {
	f.disk.filesMu.Lock()
	_, open := f.disk.files[f]
	delete(f.disk.files, f)
	failed := f.failed
	f.disk.filesMu.Unlock()
	if !open {
		return nil // by disk.close
	}
	err := f.disk.change(f.path, f.File.Close)
	if f.merge && (failed || err != nil) {
		f.disk.rest()
	}
	return f.told(err)
}

// told is how the error of a write is passed on.
func (f *file) told(err error) error {
	if err != nil && f.merge {
		return &mergeError{err}
	}
	return err
}

func (f *file) Write(b []byte) (n int, err error) {
	err = f.disk.change(f.path, func() (err error) {
		if err = f.spare(len(b)); err == nil {
			n, err = f.File.Write(b)
		}
		f.wrote(false, err)
		return err
	})
	return n, f.told(err)
}

// spare refuses what a merge writes where too little room would be left.
func (f *file) spare(n int) error {
	if !f.merge {
		return nil
	}
	usage, err := f.disk.GetDiskUsage(f.disk.database)
	if err == nil && usage.AvailBytes < SpareRoom+uint64(n) {
		return fmt.Errorf("want %d MiB left free on the disk: %w", SpareRoom>>20, syscall.ENOSPC)
	}
	return nil // or nobody knows
}

// wrote notes, after a write or sync of it, whether a table is whole on disk.
func (f *file) wrote(synced bool, err error) {
	if !strings.HasSuffix(f.path, ".sst") {
		return
	}
	f.disk.filesMu.Lock()
	defer f.disk.filesMu.Unlock()
	f.failed = f.failed || err != nil
	if synced && !f.failed {
		delete(f.disk.partial, f.path)
	} else {
		f.disk.partial[f.path] = true
	}
}

func (f *file) WriteAt(b []byte, at int64) (n int, err error) {
	err = f.disk.change(f.path, func() (err error) { n, err = f.File.WriteAt(b, at); return err })
	return n, err
}

func (f *file) Sync() error     { return f.sync(f.File.Sync) }
func (f *file) SyncData() error { return f.sync(f.File.SyncData) }

func (f *file) sync(how func() error) error {
	return f.told(f.disk.change(f.path, func() error {
		err := how()
		f.wrote(true, err)
		return err
	}))
}

func (f *file) SyncTo(length int64) (full bool, err error) {
	err = f.disk.change(f.path, func() (err error) { full, err = f.File.SyncTo(length); return err })
	return full, f.told(err)
}

func (f *file) Preallocate(at, length int64) error {
	return f.disk.change("", func() error { return f.File.Preallocate(at, length) })
}

func (f *file) Read(b []byte) (n int, err error) {
	err = f.disk.read(func() (err error) { n, err = f.File.Read(b); return err })
	return n, err
}

func (f *file) ReadAt(b []byte, at int64) (n int, err error) {
	err = f.disk.read(func() (err error) { n, err = f.File.ReadAt(b, at); return err })
	return n, err
}

func (f *file) Stat() (info vfs.FileInfo, err error) {
	stat := func() (err error) { info, err = f.File.Stat(); return err }
	if f.disk.vital(f.path) {
		return info, f.disk.change(f.path, stat) // of a log that is used again
	}
	return info, f.disk.read(stat)
}

func (f *file) Prefetch(at, length int64) error {
	return f.disk.read(func() error { return f.File.Prefetch(at, length) })
}
