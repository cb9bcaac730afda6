package merkle_test

import (
	"crypto/sha256"
	"fmt"
	"math/bits"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/lp2pnode/lp2pnode/chain/merkle"
)

// naive is MTH of RFC 9162 §2.1.1 as it is written.
func naive(entries [][]byte) merkle.Hash {
	switch n := len(entries); n {
	case 0:
		return sha256.Sum256(nil)
	case 1:
		return sha256.Sum256(append([]byte{0}, entries[0]...))
	default:
		k := 1 << (bits.Len(uint(n-1)) - 1)
		left, right := naive(entries[:k]), naive(entries[k:])
		return sha256.Sum256(slices.Concat([]byte{1}, left[:], right[:]))
	}
}

// naivePath is PATH of RFC 9162 §2.1.3.1.
func naivePath(m int, entries [][]byte) []merkle.Hash {
	n := len(entries)
	if n == 1 {
		return nil
	}
	k := 1 << (bits.Len(uint(n-1)) - 1)
	if m < k {
		return append(naivePath(m, entries[:k]), naive(entries[k:]))
	}
	return append(naivePath(m-k, entries[k:]), naive(entries[:k]))
}

func list(n int) [][]byte {
	entries := make([][]byte, n)
	for i := range entries {
		entries[i] = fmt.Appendf(nil, "entry %d", i)
	}
	return entries
}

// TestRootsAreThoseOfTheRFC goes over every size up to 70, whole and by
// appending, and keeps the interior nodes as a store would.
func TestRootsAreThoseOfTheRFC(t *testing.T) {
	entries := list(70)
	var f merkle.Frontier
	kept := map[[2]uint64]merkle.Hash{}
	for n := range len(entries) + 1 {
		want := naive(entries[:n])
		if got := merkle.Root(entries[:n]); got != want {
			t.Fatalf("root of %d is %x, want %x", n, got, want)
		}
		if got := f.Root(); got != want || f.Size() != uint64(n) {
			t.Fatalf("root of a frontier of %d (%d) is %x, want %x", n, f.Size(), got, want)
		}
		rebuilt, err := merkle.NewFrontier(uint64(n), frontierHashes(kept, uint64(n)))
		if err != nil || rebuilt.Root() != want {
			t.Fatalf("root of a rebuilt frontier of %d is %x (%v), want %x", n, rebuilt.Root(), err, want)
		}
		checkProofs(t, kept, entries[:n], want)
		if n == len(entries) {
			break
		}
		next, nodes := f.Append(entries[n])
		kept[[2]uint64{0, uint64(n)}] = merkle.LeafHash(entries[n])
		for _, node := range nodes {
			if node.Level == 0 {
				t.Fatalf("entry %d completes a leaf", n)
			}
			covered := entries[node.Index<<node.Level : (node.Index+1)<<node.Level]
			if node.Hash != naive(covered) {
				t.Fatalf("entry %d completes %d/%d as %x, want %x", n, node.Level, node.Index, node.Hash, naive(covered))
			}
			kept[[2]uint64{uint64(node.Level), node.Index}] = node.Hash
		}
		f = next
	}
}

func frontierHashes(kept map[[2]uint64]merkle.Hash, size uint64) []merkle.Hash {
	var hashes []merkle.Hash
	for _, n := range merkle.FrontierNodes(size) {
		hashes = append(hashes, kept[[2]uint64{uint64(n.Level), n.Index}])
	}
	return hashes
}

// checkProofs compares every proof of a tree with the RFC's, made from entries
// and from the nodes that were kept, and that no other path is one.
func checkProofs(t *testing.T, kept map[[2]uint64]merkle.Hash, entries [][]byte, root merkle.Hash) {
	t.Helper()
	size := uint64(len(entries))
	for i := range entries {
		want := naivePath(i, entries)
		got, err := merkle.EntryProof(entries, uint64(i))
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("proof of %d in %d: %x (%v), want %x", i, size, got, err, want)
		}
		got, err = merkle.Proof(uint64(i), size, func(level uint, index uint64) (merkle.Hash, error) {
			hash, ok := kept[[2]uint64{uint64(level), index}]
			if !ok {
				return hash, fmt.Errorf("never kept")
			}
			return hash, nil
		})
		if err != nil || !slices.Equal(got, want) {
			t.Fatalf("proof of %d in %d from nodes: %x (%v), want %x", i, size, got, err, want)
		}
		if err := merkle.Verify(entries[i], uint64(i), size, want, root); err != nil {
			t.Fatalf("proof of %d in %d: %v", i, size, err)
		}
		checkOthers(t, entries[i], uint64(i), size, want, root)
	}
	if _, err := merkle.EntryProof(entries, size); err == nil {
		t.Fatalf("a proof of entry %d in a tree of %d", size, size)
	}
}

func checkOthers(t *testing.T, entry []byte, i, size uint64, path []merkle.Hash, root merkle.Hash) {
	t.Helper()
	refused := func(what string, entry []byte, i, size uint64, path []merkle.Hash) {
		t.Helper()
		if merkle.Verify(entry, i, size, path, root) == nil {
			t.Fatalf("proof of %d in %d holds with %s", i, size, what)
		}
	}
	refused("another entry", append(slices.Clone(entry), 'x'), i, size, path)
	refused("an index past the end", entry, size, size, path)
	refused("a path too long", entry, i, size, append(slices.Clone(path), merkle.Hash{}))
	for at := range path {
		spoilt := slices.Clone(path)
		spoilt[at][31] ^= 1
		refused("a changed path", entry, i, size, spoilt)
		refused("a path too short", entry, i, size, path[:at])
	}
	if size > 1 {
		refused("another index", entry, (i+1)%size, size, path)
	}
}

// TestFrontierIsAValue: what was made from a frontier does not change it.
func TestFrontierIsAValue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type branch struct {
			frontier merkle.Frontier
			entries  [][]byte
		}
		branches := []branch{{}}
		for i := range rapid.IntRange(1, 60).Draw(t, "entries") {
			from := branches[rapid.IntRange(0, len(branches)-1).Draw(t, "from")]
			entry := fmt.Appendf(nil, "entry %d", i)
			next, _ := from.frontier.Append(entry)
			branches = append(branches, branch{next, append(slices.Clone(from.entries), entry)})
		}
		for _, b := range branches {
			if got, want := b.frontier.Root(), naive(b.entries); got != want {
				t.Fatalf("root of %d entries is %x, want %x", len(b.entries), got, want)
			}
		}
	})
}

func TestFrontierWantsAllItsHashes(t *testing.T) {
	for size, want := range map[uint64]int{0: 0, 1: 1, 2: 1, 3: 2, 7: 3, 8: 1, 1<<40 - 1: 40} {
		if got := len(merkle.FrontierNodes(size)); got != want {
			t.Errorf("a frontier of %d has %d nodes, want %d", size, got, want)
		}
		if _, err := merkle.NewFrontier(size, make([]merkle.Hash, want+1)); err == nil {
			t.Errorf("a frontier of %d is made of %d hashes", size, want+1)
		}
		if want > 0 {
			if _, err := merkle.NewFrontier(size, make([]merkle.Hash, want-1)); err == nil {
				t.Errorf("a frontier of %d is made of %d hashes", size, want-1)
			}
		}
	}
}

func TestProofSaysWhichNodeIsMissing(t *testing.T) {
	_, err := merkle.Proof(3, 8, func(level uint, index uint64) (merkle.Hash, error) {
		return merkle.Hash{}, fmt.Errorf("lost %d/%d", level, index)
	})
	if err == nil {
		t.Fatal("a proof from nothing")
	}
}

func BenchmarkRoot(b *testing.B) {
	entries := list(1000)
	b.ReportAllocs()
	for b.Loop() {
		merkle.Root(entries)
	}
}

func BenchmarkAppend(b *testing.B) {
	var f merkle.Frontier
	for _, e := range list(1023) {
		f, _ = f.Append(e)
	}
	b.ReportAllocs()
	for b.Loop() {
		f.Append([]byte("entry"))
	}
}
