// Package merkle gives the trees and inclusion proofs of RFC 9162 §2.1 in the
// shapes the chain needs (protocol §4, §9). All but Root is done by
// transparency-dev/merkle; here are values that can be kept, copied and forked.
package merkle

import (
	"crypto/sha256"
	"fmt"

	"github.com/transparency-dev/merkle/compact"
	"github.com/transparency-dev/merkle/proof"
	"github.com/transparency-dev/merkle/rfc6962"
)

// Hash is a SHA-256 hash.
type Hash = [sha256.Size]byte

// Node is an interior node of a tree: it covers 2^Level entries from
// Index·2^Level on. A node of level 0 is a leaf.
type Node struct {
	Level uint
	Index uint64
	Hash  Hash
}

var factory = &compact.RangeFactory{Hash: rfc6962.DefaultHasher.HashChildren}

// LeafHash returns the hash of a tree's leaf: SHA-256(0x00 ‖ entry).
func LeafHash(entry []byte) Hash {
	return Hash(rfc6962.DefaultHasher.HashLeaf(entry))
}

// Frontier is the right edge of a growing tree: what is needed to append to it
// and to know its root. It is a value: Append leaves the old one usable. The
// zero Frontier is the empty tree.
type Frontier struct {
	size   uint64
	hashes [][]byte // the roots of its complete subtrees, left to right; never changed in place
}

// FrontierNodes lists the nodes that make up the frontier of a tree of size
// entries, left to right; their Hash fields are zero.
func FrontierNodes(size uint64) []Node {
	ids := compact.RangeNodes(0, size, nil)
	nodes := make([]Node, len(ids))
	for i, id := range ids {
		nodes[i] = Node{Level: id.Level, Index: id.Index}
	}
	return nodes
}

// NewFrontier rebuilds the frontier of a tree of size entries from the hashes
// of FrontierNodes(size).
func NewFrontier(size uint64, hashes []Hash) (Frontier, error) {
	if want := compact.RangeSize(0, size); len(hashes) != want {
		return Frontier{}, fmt.Errorf("frontier of %d entries: want %d hashes, got %d", size, want, len(hashes))
	}
	f := Frontier{size: size, hashes: make([][]byte, len(hashes))}
	for i := range hashes {
		f.hashes[i] = hashes[i][:]
	}
	return f, nil
}

// Size returns the number of entries.
func (f Frontier) Size() uint64 { return f.size }

// Append returns the frontier with one more entry, and the interior nodes
// (levels above 0) that the entry completes.
func (f Frontier) Append(entry []byte) (Frontier, []Node) {
	var nodes []Node
	r := f.compact()
	leaf := LeafHash(entry)
	err := r.Append(leaf[:], func(id compact.NodeID, hash []byte) {
		if id.Level > 0 {
			nodes = append(nodes, Node{Level: id.Level, Index: id.Index, Hash: Hash(hash)})
		}
	})
	if err != nil {
		panic(fmt.Sprintf("merkle: append to %d entries: %v", f.size, err)) // the sizes were checked when f was made
	}
	return Frontier{size: r.End(), hashes: r.Hashes()}, nodes
}

// Root returns the tree's root; that of the empty tree is SHA-256("").
func (f Frontier) Root() Hash {
	if f.size == 0 {
		return Hash(rfc6962.DefaultHasher.EmptyRoot())
	}
	root, err := f.compact().GetRootHash(nil)
	if err != nil {
		panic(fmt.Sprintf("merkle: root of %d entries: %v", f.size, err)) // only for ranges that do not begin at 0
	}
	return Hash(root)
}

// compact returns the library's mutable form, on a copy of the hashes.
func (f Frontier) compact() *compact.Range {
	r, err := factory.NewRange(0, f.size, append(make([][]byte, 0, len(f.hashes)+1), f.hashes...))
	if err != nil {
		panic(fmt.Sprintf("merkle: range of %d entries: %v", f.size, err)) // the sizes were checked when f was made
	}
	return r
}

// Root returns the root of the tree over entries. Since every block asks for
// it, it allocates once for all, where the library does so for every node.
func Root(entries [][]byte) Hash {
	if len(entries) == 0 {
		return Hash(rfc6962.DefaultHasher.EmptyRoot())
	}
	var complete [64]Hash // roots of complete subtrees, left to right
	depth := 0
	leaf := sha256.New()
	for i, entry := range entries {
		leaf.Reset()
		leaf.Write([]byte{rfc6962.RFC6962LeafHashPrefix})
		leaf.Write(entry)
		leaf.Sum(complete[depth][:0])
		depth++
		for n := i + 1; n%2 == 0; n /= 2 { // the subtree on the left is as large
			depth--
			complete[depth-1] = parent(&complete[depth-1], &complete[depth])
		}
	}
	for ; depth > 1; depth-- {
		complete[depth-2] = parent(&complete[depth-2], &complete[depth-1])
	}
	return complete[0]
}

// parent returns SHA-256(0x01 ‖ left ‖ right).
func parent(left, right *Hash) Hash {
	var b [1 + 2*sha256.Size]byte
	b[0] = rfc6962.RFC6962NodeHashPrefix
	copy(b[1:], left[:])
	copy(b[1+sha256.Size:], right[:])
	return sha256.Sum256(b[:])
}

// Proof returns the inclusion proof of entry index in the tree of size
// entries, lowest sibling first. node returns the hash of a complete subtree.
func Proof(index, size uint64, node func(level uint, index uint64) (Hash, error)) ([]Hash, error) {
	if index >= size {
		return nil, fmt.Errorf("inclusion proof: no entry %d in a tree of %d", index, size)
	}
	wanted, err := proof.Inclusion(index, size)
	if err != nil {
		return nil, fmt.Errorf("inclusion proof: %w", err)
	}
	hashes := make([][]byte, len(wanted.IDs))
	for i, id := range wanted.IDs {
		hash, err := node(id.Level, id.Index)
		if err != nil {
			return nil, fmt.Errorf("inclusion proof: node %d/%d: %w", id.Level, id.Index, err)
		}
		hashes[i] = hash[:]
	}
	hashes, err = wanted.Rehash(hashes, rfc6962.DefaultHasher.HashChildren)
	if err != nil {
		return nil, fmt.Errorf("inclusion proof: %w", err)
	}
	path := make([]Hash, len(hashes))
	for i := range hashes {
		path[i] = Hash(hashes[i])
	}
	return path, nil
}

// EntryProof returns the inclusion proof of entries[index] in their tree.
func EntryProof(entries [][]byte, index uint64) ([]Hash, error) {
	return Proof(index, uint64(len(entries)), func(level uint, i uint64) (Hash, error) {
		first, last := i<<level, (i+1)<<level
		return Root(entries[first:last]), nil
	})
}

// Verify checks that entry stands at index in the tree of size entries with
// this root. The proof must have exactly the length that RFC 9162 gives.
func Verify(entry []byte, index, size uint64, path []Hash, root Hash) error {
	hashes := make([][]byte, len(path))
	for i := range path {
		hashes[i] = path[i][:]
	}
	leaf := LeafHash(entry)
	got, err := proof.RootFromInclusionProof(rfc6962.DefaultHasher, index, size, leaf[:], hashes)
	if err != nil {
		return err
	}
	if Hash(got) != root {
		return fmt.Errorf("the proof leads to root %x, not %x", got, root)
	}
	return nil
}
