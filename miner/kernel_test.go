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

// eachKernel runs f for every kernel that this processor runs.
func eachKernel(t *testing.T, f func(*testing.T, *kernel)) {
	t.Helper()
	all := kernels()
	if len(all) == 0 {
		t.Skip("no kernel for this processor or build")
	}
	for _, k := range all {
		t.Run(k.instructions, func(t *testing.T) { f(t, &k) })
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

// Of any run of nonces a kernel stops at the first whose hash begins with a
// word that is small enough, the smallest of the run included.
func TestKernelHashesAsTheStandardLibrary(t *testing.T) {
	eachKernel(t, func(t *testing.T, k *kernel) {
		r := rand.New(rand.NewPCG(1, 2))
		for range 2000 {
			seal, nonce, groups := randomSeal(r), r.Uint64(), r.Uint64N(40/k.width+2)
			switch r.Uint32N(4) {
			case 0:
				nonce |= math.MaxUint32 - 15 // the low word runs over, the high one stays
			case 1:
				nonce = r.Uint64N(3)
			}
			compareWords(t, k, r, seal, nonce, groups)
		}
	})
}

func compareWords(t *testing.T, k *kernel, r *rand.Rand, seal chain.Hash, nonce, groups uint64) {
	t.Helper()
	words := make([]uint32, k.width*groups)
	least := uint32(math.MaxUint32)
	for i := range words {
		at := nonce&^math.MaxUint32 | (nonce+uint64(i))&math.MaxUint32
		words[i] = firstWord(seal, at)
		least = min(least, words[i])
	}
	for _, high := range []uint32{0, least - 1, least, least + 1, r.Uint32(), math.MaxUint32} {
		want := uint64(0)
		for want < uint64(len(words)) && words[want] > high {
			want++
		}
		if got := k.scan((*[32]byte)(&seal), nonce, groups, high); got != want {
			t.Fatalf("seal %s, %d groups from %d, at most %#x: want %d tried, got %d",
				seal, groups, nonce, high, want, got)
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

func compareScans(t *testing.T, k *kernel, seal chain.Hash, first, count uint64, target chain.Hash) {
	t.Helper()
	want, fits := scanPortable(&seal, first, count, &target)
	got, found := k.search(&seal, first, count, &target)
	if got != want || found != fits {
		t.Errorf("seal %s, %d nonces from %d, target %s: want %d, %v, got %d, %v",
			seal, count, first, target, want, fits, got, found)
	}
}

func TestKernelScansAsThePortableLoop(t *testing.T) {
	eachKernel(t, scansAsThePortableLoop)
}

func scansAsThePortableLoop(t *testing.T, k *kernel) {
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
				compareScans(t, k, seal, first, count, chain.Hash{})
				compareScans(t, k, seal, first, count, most)
				// The last one in the range fits, or only the one after it.
				for _, n := range []uint64{first, first + count/2, first + max(count, 1) - 1, first + count} {
					hash := chain.SealedHash(seal, n)
					compareScans(t, k, seal, first, count, hash)
					compareScans(t, k, seal, first, count, below(hash))
				}
				_, least := best(seal, first, count)
				compareScans(t, k, seal, first, count, least)
				compareScans(t, k, seal, first, count, below(most))
				if count > 0 {
					compareScans(t, k, seal, first, count, below(least))
				}
			})
		}
	}
}

// A hash that equals the target in its first word only is passed over, and the
// search goes on behind it.
func TestKernelGoesOnAfterACloseMiss(t *testing.T) {
	eachKernel(t, func(t *testing.T, k *kernel) {
		seal := chain.Hash{7}
		for first := range uint64(64) {
			_, target := best(seal, first, 64)
			clear(target[4:])
			compareScans(t, k, seal, first, 64, target)   // none fits
			compareScans(t, k, seal, first, 4096, target) // a later one does
		}
	})
}

func FuzzScan(f *testing.F) {
	f.Add(make([]byte, 32), uint64(0), uint16(3), uint16(1), false)
	f.Add([]byte("another seal"), uint64(1<<32-2), uint16(7), uint16(4), true)
	f.Add([]byte{1}, uint64(nonces-5), uint16(9), uint16(6), true)
	f.Fuzz(func(t *testing.T, bytes []byte, first uint64, count, fit uint16, miss bool) {
		var seal chain.Hash
		copy(seal[:], bytes)
		first %= nonces
		target := chain.SealedHash(seal, first+uint64(fit))
		if miss {
			target = below(target)
		}
		eachKernel(t, func(t *testing.T, k *kernel) {
			compareScans(t, k, seal, first, min(uint64(count), nonces-first), target)
		})
	})
}

// What does not vary is what W[9] does not reach.
func TestCommonIsWhatTheLowWordDoesNotReach(t *testing.T) {
	seal := [32]byte{1, 2, 3}
	c := commonOf(&seal, 5)
	if !varies[lowWord] || varies[17] || varies[19] || varies[21] || !varies[16] || !varies[18] {
		t.Errorf("want words 9, 16 and 18 to vary, 17, 19 and 21 not, got %v", varies)
	}
	for at := 30; at < 64; at++ {
		if !varies[at] {
			t.Errorf("want word %d to vary", at)
		}
	}
	if c.part[8] != 5 || c.part[0] != 0x01020300 || c.round[0] != roundConstants[0]+0x01020300 {
		t.Errorf("want seal and high word in the schedule, got %x and %x", c.part[:9], c.round[0])
	}
}
