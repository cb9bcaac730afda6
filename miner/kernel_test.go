package miner

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
)

func needKernel(t testing.TB) {
	t.Helper()
	if !hasKernel() {
		t.Skip("no kernel for this processor or build")
	}
}

func randomSeal(r *rand.Rand) (seal chain.Hash) {
	for i := range seal {
		seal[i] = byte(r.Uint32())
	}
	return seal
}

// firstWord returns the first four bytes of a hash, by the standard library.
func firstWord(seal chain.Hash, nonce uint64) uint32 {
	hash := chain.SealedHash(seal, nonce)
	return binary.BigEndian.Uint32(hash[:])
}

// Of any run of nonces the kernel stops at the first whose hash begins with a
// word that is small enough, the smallest of the run included.
func TestKernelHashesAsTheStandardLibrary(t *testing.T) {
	needKernel(t)
	r := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		seal, nonce, pairs := randomSeal(r), r.Uint64(), r.Uint64N(20)
		switch r.Uint32N(4) {
		case 0:
			nonce |= math.MaxUint32 - 15 // the low word runs over, the high one stays
		case 1:
			nonce = r.Uint64N(3)
		}
		words := make([]uint32, 2*pairs)
		least := uint32(math.MaxUint32)
		for i := range words {
			at := nonce&^math.MaxUint32 | (nonce+uint64(i))&math.MaxUint32
			words[i] = firstWord(seal, at)
			least = min(least, words[i])
		}
		for _, high := range []uint32{0, least - 1, least, least + 1, r.Uint32(), math.MaxUint32} {
			want := uint64(0)
			for want < 2*pairs && words[want] > high {
				want++
			}
			got := scanSHANI((*[32]byte)(&seal), nonce, pairs, high)
			if got != want {
				t.Fatalf("seal %s, %d pairs from %d, at most %#x: want %d tried, got %d",
					seal, pairs, nonce, high, want, got)
			}
		}
	}
}

// below returns the 256-bit number before h, which is not 0.
func below(h chain.Hash) chain.Hash {
	for i := len(h) - 1; ; i-- {
		h[i]--
		if h[i] != math.MaxUint8 {
			return h
		}
	}
}

func compareScans(t *testing.T, seal chain.Hash, first, count uint64, target chain.Hash) {
	t.Helper()
	want, fits := scanPortable(&seal, first, count, &target)
	got, found := scanKernel(&seal, first, count, &target)
	if got != want || found != fits {
		t.Errorf("seal %s, %d nonces from %d, target %s: want %d, %v, got %d, %v",
			seal, count, first, target, want, fits, got, found)
	}
}

func TestKernelScansAsThePortableLoop(t *testing.T) {
	needKernel(t)
	r := rand.New(rand.NewPCG(3, 4))
	most := chain.Hash(bytes.Repeat([]byte{math.MaxUint8}, 32))
	for _, first := range []uint64{
		0, 1, 2, 999_999, 1<<32 - 301, 1<<32 - 300, 1<<32 - 1, 1 << 32, 1<<32 + 1,
		5<<32 - 2, nonces/2 - 7, nonces - 900, nonces - 301, nonces - 1, r.Uint64N(nonces - 1000),
	} {
		for _, count := range []uint64{0, 1, 2, 3, 300, 301, 302, 599} {
			count = min(count, nonces-first)
			t.Run(fmt.Sprintf("%d from %d", count, first), func(t *testing.T) {
				seal := randomSeal(r)
				compareScans(t, seal, first, count, chain.Hash{})
				compareScans(t, seal, first, count, most)
				// The last one in the range fits, or only the one after it.
				for _, n := range []uint64{first, first + count/2, first + max(count, 1) - 1, first + count} {
					hash := chain.SealedHash(seal, n)
					compareScans(t, seal, first, count, hash)
					compareScans(t, seal, first, count, below(hash))
				}
				_, least := best(seal, first, count)
				compareScans(t, seal, first, count, least)
				compareScans(t, seal, first, count, below(most))
				if count > 0 {
					compareScans(t, seal, first, count, below(least))
				}
			})
		}
	}
}

// A hash that equals the target in its first word only is passed over, and the
// search goes on behind it.
func TestKernelGoesOnAfterACloseMiss(t *testing.T) {
	needKernel(t)
	seal := chain.Hash{7}
	for first := range uint64(64) {
		_, target := best(seal, first, 64)
		clear(target[4:])
		compareScans(t, seal, first, 64, target)   // none fits
		compareScans(t, seal, first, 4096, target) // a later one does
	}
}

func FuzzScan(f *testing.F) {
	f.Add(make([]byte, 32), uint64(0), uint16(3), uint16(1), false)
	f.Add([]byte("another seal"), uint64(1<<32-2), uint16(7), uint16(4), true)
	f.Add([]byte{1}, uint64(nonces-5), uint16(9), uint16(6), true)
	f.Fuzz(func(t *testing.T, bytes []byte, first uint64, count, fit uint16, miss bool) {
		needKernel(t)
		var seal chain.Hash
		copy(seal[:], bytes)
		first %= nonces
		target := chain.SealedHash(seal, first+uint64(fit))
		if miss {
			target = below(target)
		}
		compareScans(t, seal, first, min(uint64(count), nonces-first), target)
	})
}
