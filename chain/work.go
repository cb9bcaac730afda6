package chain

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"math/big"
	"math/bits"
)

// maxWorkDigits bounds the decimal text of a Work (protocol §8).
const maxWorkDigits = 40

// Work is a sum of difficulties: the expected number of hashes behind a chain
// (protocol §7). Its 128 bits hold 2^75 blocks of the greatest difficulty.
type Work struct{ hi, lo uint64 }

// ParseWork reads a decimal of at most 40 digits without sign or leading zero.
func ParseWork(s string) (Work, error) {
	n, ok := new(big.Int).SetString(s[:min(len(s), maxWorkDigits+1)], 10)
	if !ok || n.Sign() < 0 || n.BitLen() > 128 || n.String() != s {
		return Work{}, fmt.Errorf("want a work of at most %d decimal digits, got %.50q", maxWorkDigits, s)
	}
	return WorkFromBytes([16]byte(n.FillBytes(make([]byte, 16)))), nil
}

// WorkFromBytes is the inverse of Bytes.
func WorkFromBytes(b [16]byte) Work {
	return Work{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

// Bytes returns the work as 16 bytes, big-endian, so that they sort by work.
func (w Work) Bytes() [16]byte {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], w.hi)
	binary.BigEndian.PutUint64(b[8:], w.lo)
	return b
}

// Add returns the work with n more hashes.
func (w Work) Add(n uint64) Work {
	lo, carry := bits.Add64(w.lo, n, 0)
	return Work{w.hi + carry, lo}
}

// Cmp returns −1, 0 or 1 as w is less than, equal to or more than v.
func (w Work) Cmp(v Work) int {
	return cmp.Or(cmp.Compare(w.hi, v.hi), cmp.Compare(w.lo, v.lo))
}

func (w Work) String() string {
	b := w.Bytes()
	return new(big.Int).SetBytes(b[:]).String()
}

// MarshalText implements encoding.TextMarshaler.
func (w Work) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (w *Work) UnmarshalText(text []byte) error {
	got, err := ParseWork(string(text))
	*w = got
	return err
}
