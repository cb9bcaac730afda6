package miner

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"math"

	"github.com/lp2pnode/lp2pnode/chain"
)

// scan tries count nonces from first on and returns the first whose hash
// SHA-256(seal ‖ nonce) is within target (protocol §4). One nonce costs one
// hash of 40 bytes; nothing else in the loop counts. It cannot be interrupted.
func scan(seal *chain.Hash, first, count uint64, target *chain.Hash) (nonce uint64, found bool) {
	if hasKernel() {
		return scanKernel(seal, first, count, target)
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

// scanKernel is scan by scanSHANI, which judges a hash by its first four bytes:
// those that it lets through are judged here.
func scanKernel(seal *chain.Hash, first, count uint64, target *chain.Hash) (nonce uint64, found bool) {
	high := binary.BigEndian.Uint32(target[:4])
	for count > 0 {
		part := min(count, math.MaxUint32+1-first&math.MaxUint32) // of one high word
		tried := scanSHANI((*[32]byte)(seal), first, (part+1)/2, high)
		if tried >= part { // of an odd part, one more is tried
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
