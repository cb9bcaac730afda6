package store

import (
	"io"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// TestCheckpointLeavesAnothersWorkAlone: two nodes may be told to write to one
// directory.
func TestCheckpointLeavesAnothersWorkAlone(t *testing.T) {
	mem := vfs.NewMem()
	s := open(t, mem, newToy(t, "toy").rules)
	other := "/backup/" + databaseName + ".partial/work"
	if err := mem.MkdirAll(mem.PathDir(other), dirRights); err != nil {
		t.Fatal(err)
	}
	if err := writeFile(mem, other, []byte("of another")); err != nil {
		t.Fatal(err)
	}
	lock, err := mem.Lock("/backup/" + lockName)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Checkpoint("/backup"); err == nil || !strings.Contains(err.Error(), "another one is being written there") {
		t.Errorf("beside another: %v", err)
	}
	f, err := mem.Open(other)
	if err != nil {
		t.Fatalf("the work of another is gone: %v", err)
	}
	if text, err := io.ReadAll(f); err != nil || string(text) != "of another" {
		t.Errorf("the work of another is %q, %v", text, err)
	}
	if err := lock.Close(); err != nil {
		t.Fatal(err)
	}
	if err := s.Checkpoint("/backup"); err != nil {
		t.Errorf("after it was killed: %v", err)
	}
	if names, err := mem.List("/backup"); err != nil || len(names) != 1 {
		t.Errorf("want the copy alone, got %v, %v", names, err)
	}
}
