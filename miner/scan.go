package miner

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"

	"github.com/lp2pnode/lp2pnode/chain"
)

// scan tries count nonces from first on and returns the first whose hash
// SHA-256(seal ‖ nonce) is within target (protocol §4). One nonce costs one
// hash of 40 bytes; nothing else in the loop counts.
func scan(seal *chain.Hash, first, count uint64, target *chain.Hash) (nonce uint64, found bool) {
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
