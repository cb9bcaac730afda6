package chain_test

import (
	"bytes"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/pow"
)

func TestVectorReceiptsVerify(t *testing.T) {
	v := readVectors(t)
	tip := v.Blocks[len(v.Blocks)-1].Hash
	for i := range v.Receipts {
		raw := v.receipt(t, i)
		r, err := chain.DecodeReceipt(raw, pow.Engine{})
		if err != nil {
			t.Fatalf("receipt %d: %v", i, err)
		}
		if got := r.Tip.Hash.String(); got != tip {
			t.Errorf("receipt %d: tip %s, want %s", i, got, tip)
		}
		if !bytes.Equal(r.Canonical(), raw) {
			t.Errorf("receipt %d: canonical\n%s\nwant\n%s", i, r.Canonical(), raw)
		}
	}
}

// TestReceiptFailsOnEveryChangedByte: inclusion binds the whole transaction,
// its signature too, and the hashes bind the headers (protocol §9).
func TestReceiptFailsOnEveryChangedByte(t *testing.T) {
	v := readVectors(t)
	for i := range v.Receipts {
		raw := v.receipt(t, i)
		for at := range raw {
			for _, flip := range []byte{1, 0x20} { // another digit or letter; upper case
				changed := bytes.Clone(raw)
				changed[at] ^= flip
				if _, err := chain.DecodeReceipt(changed, pow.Engine{}); err == nil {
					t.Errorf("receipt %d holds with byte %d (%q) changed to %q", i, at, raw[at], changed[at])
				}
			}
		}
	}
}

func TestReceiptFailsOnEveryLostByte(t *testing.T) {
	raw := readVectors(t).receipt(t, 0)
	for at := range raw {
		if _, err := chain.DecodeReceipt(append(bytes.Clone(raw[:at]), raw[at+1:]...), pow.Engine{}); err == nil {
			t.Errorf("receipt holds without byte %d (%q)", at, raw[at])
		}
		if _, err := chain.DecodeReceipt(raw[:at], pow.Engine{}); err == nil {
			t.Errorf("receipt holds when cut at byte %d", at)
		}
	}
}
