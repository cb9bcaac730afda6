package chain

import (
	"crypto/sha256"
	"encoding/hex"
	"slices"
)

// RecordedHashes returns the SHA-256 hashes that a transaction's data puts on
// record, each once: that of the data themselves, and every hash that stands in
// them as 64 hex digits of either case with no hex digit beside them. Empty data
// record nothing.
func RecordedHashes(data string) []Hash {
	if data == "" {
		return nil
	}
	hashes := []Hash{sha256.Sum256([]byte(data))}
	for start, at := 0, 0; at <= len(data); at++ {
		if at < len(data) && isHex(data[at]) {
			continue
		}
		var h Hash
		if at-start == 2*len(h) {
			if _, err := hex.Decode(h[:], []byte(data[start:at])); err == nil {
				hashes = append(hashes, h)
			}
		}
		start = at + 1
	}
	slices.SortFunc(hashes, func(a, b Hash) int { return slices.Compare(a[:], b[:]) })
	return slices.Compact(hashes)
}

func isHex(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'f' || 'A' <= c && c <= 'F'
}
