package store

import (
	"bytes"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

func TestPendingRowsRoundTrip(t *testing.T) {
	want := Pending{ID: chain.Hash{7}, Raw: []byte(`{"amount":1}`), Seen: time.UnixMilli(1_790_000_000_123), Source: chain.Source{Via: chain.ViaGossip, Peer: "12D3KooW"}}
	key := hashKey(pendingRow, want.ID)
	got, err := decodePending(key, want.encode())
	if err != nil || got.ID != want.ID || !bytes.Equal(got.Raw, want.Raw) || !got.Seen.Equal(want.Seen) || got.Source != want.Source {
		t.Fatalf("want %+v, got %+v, %v", want, got, err)
	}
	for cut := range len(want.encode()) - len(want.Raw) {
		if _, err := decodePending(key, want.encode()[:cut]); err == nil {
			t.Errorf("cut after %d bytes: accepted", cut)
		}
	}
}

func FuzzPending(f *testing.F) {
	f.Add(Pending{ID: chain.Hash{7}, Raw: []byte("x"), Seen: time.UnixMilli(1)}.encode())
	key := hashKey(pendingRow, chain.Hash{7})
	f.Fuzz(func(t *testing.T, value []byte) {
		if p, err := decodePending(key, value); err == nil && !bytes.Equal(p.encode(), value) {
			t.Errorf("%x decodes to what encodes as %x", value, p.encode())
		}
	})
}
