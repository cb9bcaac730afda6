package store

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func TestLoserOfTheLockNamesTheHolder(t *testing.T) {
	for name, fs := range map[string]vfs.FS{"memory": vfs.NewMem(), "disk": vfs.Default} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "node")
			lock, err := LockDir(dir, fs)
			if err != nil {
				t.Fatal(err)
			}
			holder := Holder{PID: 4711, API: "127.0.0.1:9471", Started: time.Unix(1_700_000_000, 0).UTC()}
			var locked *LockedError
			if _, err := LockDir(dir, fs); !errors.As(err, &locked) || locked.Holder != (Holder{}) {
				t.Fatalf("%v; want a LockedError without holder", err)
			}
			if err := lock.SetHolder(holder); err != nil {
				t.Fatal(err)
			}
			if _, err = LockDir(dir, fs); !errors.As(err, &locked) || locked.Holder != holder || locked.Dir != dir {
				t.Fatalf("%v; want a LockedError with %+v", err, holder)
			}
			for _, want := range []string{dir, "4711", "127.0.0.1:9471"} {
				if !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "\n") {
					t.Errorf("%q; want one line with %s", err, want)
				}
			}
			if err := lock.Close(); err != nil {
				t.Fatal(err)
			}
			if _, err := fs.Stat(filepath.Join(dir, "node.json")); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("node.json after Close: %v", err)
			}
			again, err := LockDir(dir, fs)
			if err != nil {
				t.Fatal(err)
			}
			if err := again.Close(); err != nil {
				t.Fatal(err)
			}
		})
	}
}

func TestDirectoryThatCannotBeMadeIsNotCalledLocked(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	var locked *LockedError
	if _, err := LockDir(path, vfs.Default); err == nil || errors.As(err, &locked) || !strings.Contains(err.Error(), path) {
		t.Errorf("%v; want an error that names %s and is no LockedError", err, path)
	}
}

func TestDirectoriesBelongToTheUserAlone(t *testing.T) {
	c := newToy(t, "toy")
	dir := filepath.Join(t.TempDir(), "a", "node")
	lock, err := LockDir(dir, vfs.Default)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Open(lock, c.rules, Options{})
	if err != nil {
		t.Fatal(err)
	}
	backup := filepath.Join(t.TempDir(), "b", "backup")
	if err := errors.Join(s.Checkpoint(backup), s.Close(), lock.Close()); err != nil {
		t.Fatal(err)
	}
	for _, d := range []string{filepath.Dir(dir), dir, filepath.Join(dir, "chain"), backup, filepath.Join(backup, "chain")} {
		info, err := os.Stat(d)
		if err != nil || info.Mode().Perm() != 0o700 {
			t.Errorf("%s: %v, %v; want rights 0700", d, info, err)
		}
	}
}
