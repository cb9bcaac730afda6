package store

import (
	"bytes"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

// FuzzRows: every decoder refuses bytes or gives what encodes to them again.
func FuzzRows(f *testing.F) {
	key := hashKey(headerRow, chain.Hash{1})
	f.Add(key, headerValue{
		work: chain.Work{}.Add(7), seen: time.UnixMilli(1_700_000_000_000),
		source: chain.Source{Via: chain.ViaGossip, Peer: "12D3KooW"}, header: []byte("{}"),
	}.encode(key))
	diff, err := encodeDiff(keys{}, chain.Diff{{Address: chain.AddressOf(make([]byte, 32)), New: chain.Account{Balance: 300, Nonce: 1}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(hashKey(undoRow, chain.Hash{}), diff)
	f.Add([]byte{accountRow}, encodeAccount(nil, chain.Account{Balance: 1 << 52, Nonce: 128}))
	f.Add(hashKey(txRow, chain.Hash{}), place{1000, 3}.encode())
	f.Add(heightKey(numberRow, 9), make([]byte, 32))
	f.Add(siblingKey(9, chain.Hash{}), []byte{})
	number := heightKey(reorganisationRow, 7)
	f.Add(number, encodeReorganisation(number, Reorganisation{At: time.UnixMilli(5), Old: chain.Cursor{Height: 300}}))
	f.Add(recordedKey(chain.Hash{9}, place{1, 2}), []byte{})
	f.Add(nodeKey(3, 4), []byte{0x80, 0x00})
	f.Fuzz(func(t *testing.T, key, value []byte) {
		same := func(what string, err error, again []byte) {
			t.Helper()
			if err == nil && !bytes.Equal(value, again) {
				t.Errorf("%s: %x encodes to %x", what, value, again)
			}
		}
		header, err := decodeHeaderValue(key, value)
		same("header", err, header.encode(key))
		account, err := decodeAccount(key, value)
		same("account", err, encodeAccount(nil, account))
		at, err := decodePlace(key, value)
		same("place", err, at.encode())
		hash, err := decodeHash(key, value)
		same("hash", err, hash[:])
		diff, err := decodeDiff(key, value)
		if err == nil {
			again, err := encodeDiff(keys{}, diff)
			same("diff", err, again)
		}
		reorganisation, err := decodeReorganisation(key, value)
		same("reorganisation", err, encodeReorganisation(key, reorganisation))
		if p, err := splitPlaced(key); err == nil && !bytes.Equal(key[1+hashSize:], appendPlace(nil, p)) {
			t.Errorf("key %x is at %v", key, p)
		}
		if height, h, err := splitSibling(key); err == nil && key[0] == siblingRow && !bytes.Equal(key, siblingKey(height, h)) {
			t.Errorf("sibling key %x became %d %s", key, height, h)
		}
		if rowName(key) == "" {
			t.Errorf("key %x has no name", key)
		}
		if _, ok := joinBlock(value, []byte("[]")); ok != bytes.Contains(value, []byte(`,"tx_count":`)) {
			t.Errorf("joinBlock takes %q: %v", value, ok)
		}
	})
}

func TestCompletedNodesAreThoseOfTheTree(t *testing.T) {
	c := newToy(t, "toy")
	for _, b := range c.chain(t, c.genesis, 70, 0) {
		got := completed(b.Height)
		if len(got) != len(b.nodes) {
			t.Fatalf("height %d: %d nodes, want %d", b.Height, len(got), len(b.nodes))
		}
		for i, n := range got {
			if n.Level != b.nodes[i].Level || n.Index != b.nodes[i].Index {
				t.Fatalf("height %d: node %d/%d, want %d/%d", b.Height, n.Level, n.Index, b.nodes[i].Level, b.nodes[i].Index)
			}
			if !complete(n.Level, n.Index, b.Height+1) || complete(n.Level, n.Index, b.Height) {
				t.Fatalf("height %d does not complete node %d/%d", b.Height, n.Level, n.Index)
			}
		}
	}
}
