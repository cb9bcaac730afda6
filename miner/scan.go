package miner

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math"
	"slices"
	"sync"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

// scan tries count nonces from first on and returns the first whose hash
// SHA-256(seal ‖ nonce) is within target (protocol §4). One nonce costs one
// hash of 40 bytes; nothing else in the loop counts. It cannot be interrupted.
func scan(seal *chain.Hash, first, count uint64, target *chain.Hash) (nonce uint64, found bool) {
	if k := fastest(); k != nil {
		return k.search(seal, first, count, target)
	}
	return scanPortable(seal, first, count, target)
}

// scanPortable is scan by the standard library, which knows the instructions
// that most processors have for single hashes.
func scanPortable(seal *chain.Hash, first, count uint64, target *chain.Hash) (nonce uint64, found bool) {
	var input [40]byte
	copy(input[:], seal[:])
	high := binary.BigEndian.Uint64(target[:8])
	for nonce = first; nonce < first+count; nonce++ {
		binary.BigEndian.PutUint64(input[32:], nonce)
		hash := sha256.Sum256(input[:])
		if binary.BigEndian.Uint64(hash[:8]) <= high && bytes.Compare(hash[:], target[:]) <= 0 {
			return nonce, true
		}
	}
	return 0, false
}

// kernel is a loop over nonces in assembly.
type kernel struct {
	instructions string // of the processor, that it is made of
	width        uint64 // hashes that it computes at a time

	// scan tries nonce and those that follow, width at a time, until the first
	// four bytes of a hash are at most high, and returns how many it tried before
	// that one, or width·groups if there is none. It varies the low 32 bits of the
	// nonce only: after the highest comes 0. It cannot be interrupted.
	scan func(seal *[32]byte, nonce, groups uint64, high uint32) (tried uint64)
}

// search is scan by a kernel, which judges a hash by its first four bytes:
// those that it lets through are judged here.
func (k *kernel) search(seal *chain.Hash, first, count uint64, target *chain.Hash) (nonce uint64, found bool) {
	high := binary.BigEndian.Uint32(target[:4])
	for count > 0 {
		part := min(count, math.MaxUint32+1-first&math.MaxUint32) // of one high word
		tried := k.scan((*[32]byte)(seal), first, (part+k.width-1)/k.width, high)
		if tried >= part { // of the last group, more may be tried
			first, count = first+part, count-part
			continue
		}
		nonce = first + tried
		if hash := chain.SealedHash(*seal, nonce); bytes.Compare(hash[:], target[:]) <= 0 {
			return nonce, true
		}
		first, count = nonce+1, count-tried-1
	}
	return 0, false
}

// fastest returns the kernel that is the fastest on this processor, found by
// trial since processors with the same instructions differ twofold in them; nil
// if it runs none. It takes a millisecond, once.
var fastest = sync.OnceValue(func() *kernel {
	all := kernels()
	least := make([]time.Duration, len(all))
	for try := range 7 {
		for i := range all {
			begin := time.Now()
			all[i].search(new(chain.Hash), 0, firstBatch, new(chain.Hash))
			if took := time.Since(begin); try == 0 || took < least[i] {
				least[i] = took
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	return &all[slices.Index(least, slices.Min(least))]
})
