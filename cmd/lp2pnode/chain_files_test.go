package main

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTwoExportsAtOnceAreRefused: the second leaves the first one's file alone.
func TestTwoExportsAtOnceAreRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "blocks")
	write := func(out io.Writer) error {
		err := alone(path, func() error { return writeWhole(path, func(io.Writer) error { return nil }) })
		if err == nil || err.Error() != "another export is writing "+path+": let it end, or name another file" {
			t.Errorf("the second export: %v", err)
		}
		_, err = io.WriteString(out, "the first")
		return err
	}
	if err := alone(path, func() error { return writeWhole(path, write) }); err != nil {
		t.Fatal(err)
	}
	if raw, err := os.ReadFile(path); err != nil || string(raw) != "the first" {
		t.Errorf("want the first one's file, got %q, %v", raw, err)
	}
	if err := alone(path, func() error { return nil }); err == nil || !strings.Contains(err.Error(), "is there already") {
		t.Errorf("a file that is there is taken: %v", err)
	}
	if left, err := filepath.Glob(path + ".*"); err != nil || len(left) > 0 {
		t.Errorf("left over: %v, %v", left, err)
	}
}
