package main_test

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
)

// TestUpgradeInPlace starts the program on directories that older versions
// wrote (testdata/formats): each is brought to the present format after a copy
// beside it, and a version that is older than the directory refuses it.
func TestUpgradeInPlace(t *testing.T) {
	for _, old := range []struct {
		format string
		height uint64
		tip    string
		pool   int
	}{
		{"2", 3, "0001c6cd1cd0787201cd60e1701d9320bc46dc9476a8a057473f7240e0656f91", 2},
	} {
		t.Run("format "+old.format, func(t *testing.T) {
			genesis := filepath.Join("testdata", "formats", old.format+".json")
			n := &process{t: t, name: "upgraded", dir: t.TempDir(), args: []string{"--genesis", genesis, "--mine=false"}}
			unpack(t, filepath.Join("testdata", "formats", old.format+".tar.gz"), n.dir)
			if said := refused(t, "chain", "verify", "--data-dir", n.dir, "--genesis", genesis); !strings.Contains(said, "has format "+old.format) {
				t.Errorf("want that it says which format it has, got %s", said)
			}
			n.run()
			var s struct {
				status
				Pool int `json:"pool"`
			}
			if err := n.get("/v1/status", &s); err != nil || s.Height != old.height || s.Tip != old.tip || s.Pool != old.pool {
				t.Errorf("want height %d, tip %s, %d waiting, got %+v, %v", old.height, old.tip, old.pool, s, err)
			}
			n.prove(genesis)
			copied := contents(t, filepath.Join(n.dir, "chain-format-"+old.format))
			if len(copied) == 0 {
				t.Error("no copy of the old directory")
			}

			// The copy is whole: put in place of the new one, it is migrated once more.
			again := filepath.Join(t.TempDir(), "again")
			if err := os.CopyFS(filepath.Join(again, "chain"), os.DirFS(filepath.Join(n.dir, "chain-format-"+old.format))); err != nil {
				t.Fatal(err)
			}
			n.dir = again
			n.run()
			n.prove(genesis)

			// Nothing of a directory that is newer changes.
			setFormat(t, n.dir, 1_000)
			before := contents(t, n.dir)
			said := refused(t, "run", "--data-dir", n.dir, "--genesis", genesis, "--api", "127.0.0.1:0", "--listen", "/ip4/127.0.0.1/tcp/0")
			if strings.Count(said, "\n") != 1 || !strings.Contains(said, "has format 1000, this version knows up to ") {
				t.Errorf("want one line that says so, got %s", said)
			}
			if after := contents(t, n.dir); !maps.Equal(before, after) {
				t.Errorf("the directory has changed: %v, then %v", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
			}
		})
	}
}

// refused runs a command that has to fail, within a minute, and returns what it
// says.
func refused(t *testing.T, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, "lp2pnode", args...).CombinedOutput()
	if err == nil || ctx.Err() != nil {
		t.Errorf("lp2pnode %s: want a failure, got %s, %v", strings.Join(args, " "), out, err)
	}
	return string(out)
}

// unpack writes the files of an archive below dir.
func unpack(t *testing.T, archive, dir string) {
	t.Helper()
	f, err := os.Open(archive)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	files := tar.NewReader(z)
	for {
		head, err := files.Next()
		if errors.Is(err, io.EOF) {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, head.Name)
		if head.FileInfo().IsDir() {
			err = os.MkdirAll(path, 0o700)
		} else {
			var raw []byte
			raw, err = io.ReadAll(files)
			err = errors.Join(err, os.WriteFile(path, raw, 0o600))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// contents returns the files below a directory, but for Pebble's lock.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	files := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || entry.Name() == "LOCK" {
			return err
		}
		raw, err := os.ReadFile(path)
		files[path] = string(raw)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

// setFormat makes a directory one of another format, as its rows tell.
func setFormat(t *testing.T, dir string, format uint64) {
	t.Helper()
	db, err := pebble.Open(filepath.Join(dir, "chain"), &pebble.Options{FormatMajorVersion: pebble.FormatNewest, Logger: quiet{}})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Set([]byte("mf"), binary.BigEndian.AppendUint64(nil, format), pebble.Sync), db.Flush(), db.Close()); err != nil {
		t.Fatal(err)
	}
}
