package chain

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"

	"github.com/lp2pnode/lp2pnode/chain/canonical"
	"github.com/lp2pnode/lp2pnode/chain/merkle"
)

const (
	// Version is the block version of this protocol (protocol §4).
	Version = 1
	// MaxNoteBytes bounds a block's own data, in bytes of UTF-8 (protocol §4).
	MaxNoteBytes = 256
	// MaxHeaderBytes bounds a canonical header (protocol §8).
	MaxHeaderBytes = 4096
)

var emptyRoot Hash = merkle.Root(nil)

// Header is a block without its transactions (protocol §4). Timestamp is in
// Unix milliseconds; Difficulty is the expected number of hashes.
type Header struct {
	Data        string  `json:"data"`
	Difficulty  uint64  `json:"difficulty"`
	Hash        Hash    `json:"hash"`
	Height      uint64  `json:"height"`
	HistoryRoot Hash    `json:"history_root"`
	Miner       Address `json:"miner"`
	Nonce       uint64  `json:"nonce"`
	PrevHash    Hash    `json:"prev_hash"`
	Timestamp   uint64  `json:"timestamp"`
	TxCount     uint64  `json:"tx_count"`
	TxRoot      Hash    `json:"tx_root"`
	Version     uint64  `json:"version"`
}

// Canonical returns the header's canonical JSON.
func (h *Header) Canonical() []byte { return h.appendJSON(nil, false) }

// Seal returns SHA-256 of the header without hash and nonce (protocol §4).
func (h *Header) Seal() Hash { return sha256.Sum256(h.appendJSON(nil, true)) }

// ComputeHash returns SHA-256(seal ‖ nonce), what Hash must be (protocol §4).
func (h *Header) ComputeHash() Hash { return SealedHash(h.Seal(), h.Nonce) }

// SealedHash returns SHA-256(seal ‖ nonce as 8 bytes big-endian).
func SealedHash(seal Hash, nonce uint64) Hash {
	var b [40]byte
	copy(b[:32], seal[:])
	binary.BigEndian.PutUint64(b[32:], nonce)
	return sha256.Sum256(b[:])
}

func (h *Header) appendJSON(b []byte, seal bool) []byte {
	hash := func(name string, v Hash) {
		b = append(hex.AppendEncode(append(append(b, name...), '"'), v[:]), '"')
	}
	b = canonical.AppendString(append(b, `{"data":`...), h.Data)
	b = canonical.AppendInteger(append(b, `,"difficulty":`...), h.Difficulty)
	if !seal {
		hash(`,"hash":`, h.Hash)
	}
	b = canonical.AppendInteger(append(b, `,"height":`...), h.Height)
	hash(`,"history_root":`, h.HistoryRoot)
	b = canonical.AppendString(append(b, `,"miner":`...), string(h.Miner))
	if !seal {
		b = canonical.AppendInteger(append(b, `,"nonce":`...), h.Nonce)
	}
	hash(`,"prev_hash":`, h.PrevHash)
	b = canonical.AppendInteger(append(b, `,"timestamp":`...), h.Timestamp)
	b = canonical.AppendInteger(append(b, `,"tx_count":`...), h.TxCount)
	hash(`,"tx_root":`, h.TxRoot)
	b = canonical.AppendInteger(append(b, `,"version":`...), h.Version)
	return append(b, '}')
}

// scan reads a canonical header and returns its seal, which is over the same
// bytes but those of hash and nonce.
func (h *Header) scan(raw []byte) (seal Hash, err error) {
	s := canonical.NewScanner(raw)
	sealed := make([]byte, 0, 1024) // more than all but a note of escapes takes
	done := 0
	take := func() { sealed = append(sealed, raw[done:s.Offset()]...) }
	s.Literal(`{"data":`)
	h.Data = s.Text()
	s.Literal(`,"difficulty":`)
	h.Difficulty = s.Integer()
	take()
	s.Literal(`,"hash":`)
	s.Hex(h.Hash[:])
	done = s.Offset()
	s.Literal(`,"height":`)
	h.Height = s.Integer()
	s.Literal(`,"history_root":`)
	s.Hex(h.HistoryRoot[:])
	s.Literal(`,"miner":`)
	h.Miner = scanAddress(s)
	take()
	s.Literal(`,"nonce":`)
	h.Nonce = s.Integer()
	done = s.Offset()
	s.Literal(`,"prev_hash":`)
	s.Hex(h.PrevHash[:])
	s.Literal(`,"timestamp":`)
	h.Timestamp = s.Integer()
	s.Literal(`,"tx_count":`)
	h.TxCount = s.Integer()
	s.Literal(`,"tx_root":`)
	s.Hex(h.TxRoot[:])
	s.Literal(`,"version":`)
	h.Version = s.Integer()
	s.Literal(`}`)
	s.End()
	take()
	return sha256.Sum256(sealed), s.Err()
}

// decodeHeader reads a canonical header and checks its own fields and its hash.
func decodeHeader(raw []byte) (Header, error) {
	var h Header
	if len(raw) > MaxHeaderBytes {
		return h, Invalid(RuleSize, fmt.Sprintf("a header of at most %d bytes", MaxHeaderBytes), len(raw))
	}
	seal, err := h.scan(raw)
	if err != nil {
		return Header{}, Invalid(RuleForm, "a canonical header", err)
	}
	switch {
	case h.Version != Version:
		return h, Invalid(RuleVersion, Version, h.Version)
	case len(h.Data) > MaxNoteBytes:
		return h, Invalid(RuleData, fmt.Sprintf("at most %d bytes of data", MaxNoteBytes), len(h.Data))
	case h.Difficulty == 0:
		return h, Invalid(RuleDifficulty, "at least 1", 0)
	}
	if want := SealedHash(seal, h.Nonce); h.Hash != want {
		return h, Invalid(RuleHash, want, h.Hash)
	}
	return h, nil
}

// DecodeHeader reads one canonical header and checks all that needs no state:
// form, limits, hash and proof of work (protocol §4). Its errors match
// ErrInvalid. The genesis header passes without proof of work.
func (r *Rules) DecodeHeader(raw []byte) (Header, error) {
	h, err := decodeHeader(raw)
	if err != nil || h.Hash == r.Genesis().Hash {
		return h, err
	}
	if h.Height == 0 {
		return h, Invalid(RuleHeight, "at least 1", 0)
	}
	if h.Miner == "" {
		return h, Invalid(RuleMiner, "an address", `""`)
	}
	return h, r.Engine.Sealed(&h)
}
