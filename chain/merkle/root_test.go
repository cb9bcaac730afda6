package merkle

import (
	"fmt"
	"testing"
)

// TestRootIsThatOfTheFrontier: both ways to a root agree, for every size of
// tree up to two full ones and one more.
func TestRootIsThatOfTheFrontier(t *testing.T) {
	var entries [][]byte
	var f Frontier
	for i := range 1026 {
		if got, want := Root(entries), f.Root(); got != want {
			t.Fatalf("root of %d entries is %x, that of the frontier %x", i, got, want)
		}
		entry := []byte(fmt.Sprint("entry ", i))
		entries = append(entries, entry)
		f, _ = f.Append(entry)
	}
	entries = entries[:1000]
	if allocs := testing.AllocsPerRun(10, func() { Root(entries) }); allocs > 2 {
		t.Errorf("%v allocations for a root", allocs)
	}
}
