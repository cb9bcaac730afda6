//go:build !windows

package main

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lp2pnode/lp2pnode/chain/store"
)

func TestUnusableDirectorySaysWhatToDo(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	_, noDirectory := store.LockDir(file, vfs.Default)
	for _, row := range []struct {
		err  error
		want string
	}{
		{noDirectory, "make data directory " + file + ": "},
		{noDirectory, ": see that the user who runs this may write there, or choose another directory with --data-dir"},
		{fmt.Errorf("lock: %w", &os.PathError{Op: "open", Path: "LOCK", Err: syscall.EROFS}), "read-only file system: see that"},
		{fmt.Errorf("lock: %w", &os.PathError{Op: "open", Path: "LOCK", Err: syscall.EACCES}), "permission denied: see that"},
		{fmt.Errorf("open: %w", &os.PathError{Op: "open", Path: "LOCK", Err: syscall.ENOSPC}), ": make room on that disk, or choose another directory with --data-dir"},
	} {
		if got := (&options{}).directoryError(row.err).Error(); !strings.Contains(got, row.want) {
			t.Errorf("want %q, got %q", row.want, got)
		}
	}
	for _, err := range []error{
		fmt.Errorf("open: %w", &os.PathError{Op: "read", Path: "000005.sst", Err: syscall.EIO}),
		fmt.Errorf("open: %w", &os.PathError{Op: "open", Path: "000005.sst", Err: syscall.EMFILE}),
		fmt.Errorf("open: %w", &os.PathError{Op: "open", Path: "000005.sst", Err: syscall.ENOENT}),
		fmt.Errorf("listen: %w", &net.OpError{Op: "listen", Net: "tcp", Err: os.NewSyscallError("bind", syscall.EACCES)}),
	} {
		if got := (&options{}).directoryError(err); got.Error() != err.Error() {
			t.Errorf("want %q without advice, got %q", err, got)
		}
	}
}
