package doctor

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"slices"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lp2pnode/lp2pnode/chain/store"
)

const (
	syncTries = 15
	slowSync  = 250 * time.Millisecond // median; a good disk takes 1 to 10 ms
	lowSpace  = 512 << 20              // bytes; or twice what the node wants free
	wantFiles = 1024                   // 128 connections, 256 tables, the API's, and as many again while they turn over
)

// checkDirectory looks at the rights and the format of the data directory.
func (p *patient) checkDirectory(context.Context) []Result {
	dir := p.cfg.Node.DataDir
	if dir == "" {
		return one(skipped("", "everything is kept in memory"))
	}
	if _, err := p.fs.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return one(p.checkParent(dir))
	} else if err != nil {
		return one(finding("directory-unusable", oneLine(err), "{dir}", dir).of(dir))
	}
	var results []Result
	if err := p.tryWrite(dir); err != nil {
		return one(finding("directory-unusable", oneLine(err), "{dir}", dir).of(dir))
	}
	if name := p.openToOthers(dir); name != "" {
		results = append(results, finding("directory-open", name+" can be read by others", "{dir}", dir).of(dir))
	}
	return append(results, p.checkFormat(dir).of(dir))
}

// checkParent is for a directory that the first start will make.
func (p *patient) checkParent(dir string) Result {
	parent := p.existing(dir)
	if err := p.tryWrite(parent); err != nil {
		return finding("directory-unusable", oneLine(err), "{dir}", dir).of(dir)
	}
	return ok(dir, "not made yet; the first start makes it")
}

// existing returns dir, or the nearest directory above it that exists.
func (p *patient) existing(dir string) string {
	for {
		if _, err := p.fs.Stat(dir); err == nil || p.fs.PathDir(dir) == dir {
			return dir
		}
		dir = p.fs.PathDir(dir)
	}
}

// tryWrite makes a file and removes it.
func (p *patient) tryWrite(dir string) error {
	path := p.passing(dir)
	f, err := p.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), p.fs.Remove(path))
}

func (p *patient) passing(dir string) string {
	return p.fs.PathJoin(dir, "doctor-"+strings.ToLower(rand.Text())+".tmp")
}

// openToOthers names a secret of the directory that others could read: one in a
// directory that they may enter.
func (p *patient) openToOthers(dir string) string {
	const enter, read = 0o011, 0o044
	if info, err := p.fs.Stat(dir); runtime.GOOS == "windows" || err != nil || info.Mode().Perm()&enter == 0 {
		return ""
	}
	for _, name := range []string{"node.key", "api.token"} {
		if info, err := p.fs.Stat(p.fs.PathJoin(dir, name)); err == nil && info.Mode().Perm()&read != 0 {
			return name
		}
	}
	return ""
}

func (p *patient) checkFormat(dir string) Result {
	if _, err := p.fs.Stat(p.fs.PathJoin(dir, "chain")); errors.Is(err, fs.ErrNotExist) {
		return ok("", "usable, and holds no chain yet")
	}
	if p.running.holder.PID != 0 {
		return ok("", "usable, and in use by process %d", p.running.holder.PID)
	}
	lock, err := store.LockDir(dir, p.fs)
	if errors.As(err, new(*store.LockedError)) {
		return ok("", "usable, and in use by another process") // on a full disk it cannot name itself
	}
	if err != nil {
		return finding("directory-unusable", oneLine(err), "{dir}", dir)
	}
	found, current, err := store.Inspect(lock, p.rules)
	err = errors.Join(err, lock.Close())
	switch {
	case errors.Is(err, store.ErrOtherChain):
		return finding("other-chain", oneLine(err))
	case errors.Is(err, store.ErrNewerFormat):
		return finding("newer-format", oneLine(err))
	case err != nil:
		return finding("directory-damaged", oneLine(err), "{dir}", dir)
	case found == 0:
		return ok("", "usable, and holds no chain yet")
	case found < current:
		return ok("", "usable; its format %d becomes %d at the next start, after a copy beside it", found, current)
	}
	return ok("", "usable, format %d", found)
}

// checkDisk measures what a synced write takes where the chain is.
func (p *patient) checkDisk(ctx context.Context) []Result {
	if p.cfg.Node.DataDir == "" {
		return one(skipped("", "everything is kept in memory"))
	}
	dir := p.existing(p.cfg.Node.DataDir)
	took, err := p.timeSyncs(ctx, dir)
	switch {
	case errors.Is(err, fs.ErrPermission), errors.Is(err, fs.ErrNotExist):
		return one(skipped("", "%s cannot be written", dir))
	case vfs.IsNoSpaceError(err) && p.checkSpace(ctx)[0].Outcome == Finding:
		return one(skipped(dir, "the disk is full: see space"))
	case err != nil:
		return one(finding("disk-broken", oneLine(err)).of(dir))
	}
	slices.Sort(took)
	middle := median(took).Round(10 * time.Microsecond)
	found := fmt.Sprintf("a synced write takes %s, at most %s", middle, took[len(took)-1].Round(10*time.Microsecond))
	if middle > slowSync {
		return one(finding("disk-slow", found, "{took}", middle.String()).of(dir))
	}
	return one(ok(dir, "%s", found))
}

// timeSyncs writes a page and syncs it, as a block is committed, until it is
// sure or ctx ends.
func (p *patient) timeSyncs(ctx context.Context, dir string) ([]time.Duration, error) {
	path := p.passing(dir)
	f, err := p.fs.Create(path, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, err
	}
	defer func() { _ = p.fs.Remove(path) }()
	defer func() { _ = f.Close() }()
	page := make([]byte, 4096)
	var took []time.Duration
	for len(took) < syncTries && (ctx.Err() == nil || len(took) == 0) {
		begin := time.Now()
		if _, err := f.Write(page); err != nil {
			return nil, err
		}
		if err := f.Sync(); err != nil {
			return nil, err
		}
		took = append(took, time.Since(begin))
	}
	return took, nil
}

// checkSpace looks at the room on the disk of the data directory.
func (p *patient) checkSpace(context.Context) []Result {
	if p.cfg.Node.DataDir == "" {
		return one(skipped("", "everything is kept in memory"))
	}
	dir := p.existing(p.cfg.Node.DataDir)
	usage, err := p.fs.GetDiskUsage(dir)
	if err != nil {
		return one(skipped(dir, "the room on the disk is not known: %s", oneLine(err)))
	}
	found := fmt.Sprintf("%d MiB free of %d MiB", usage.AvailBytes>>20, usage.TotalBytes>>20)
	if usage.AvailBytes < max(lowSpace, 2*p.cfg.Node.MinFree) {
		return one(finding("space-low", found).of(dir))
	}
	return one(ok(dir, "%s", found))
}

// checkFiles compares the limit of open files with what a node uses.
func (p *patient) checkFiles(context.Context) []Result {
	of, limit, known := "this process", uint64(0), false
	if pid := p.running.holder.PID; pid != 0 {
		of = fmt.Sprintf("process %d", pid)
		limit, known = limitOf(pid)
	}
	if !known {
		of = "this process"
		limit, known = ownLimit()
	}
	switch {
	case !known:
		return one(skipped("", "this system tells no limit of open files"))
	case limit < wantFiles:
		return one(finding("files-few", fmt.Sprintf("%s may open %d files", of, limit), "{need}", fmt.Sprint(wantFiles), "{limit}", fmt.Sprint(limit)))
	}
	return one(ok("", "%s may open %d files", of, limit))
}

// limitOf reads the limit of open files of another process, where Linux tells.
func limitOf(pid int) (uint64, bool) {
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", pid))
	if err != nil {
		return 0, false
	}
	for line := range strings.Lines(string(raw)) {
		rest, is := strings.CutPrefix(line, "Max open files")
		if !is {
			continue
		}
		var soft uint64
		if _, err := fmt.Sscan(rest, &soft); err != nil {
			return 1 << 62, strings.HasPrefix(strings.TrimSpace(rest), "unlimited")
		}
		return soft, true
	}
	return 0, false
}
