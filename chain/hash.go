package chain

import (
	"encoding/hex"
	"fmt"
)

// Hash is a SHA-256 hash, in text 64 lowercase hex digits (protocol §1).
type Hash [32]byte

// ParseHash reads 64 lowercase hex digits.
func ParseHash(s string) (Hash, error) {
	var h Hash
	err := h.UnmarshalText([]byte(s))
	return h, err
}

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// Short returns the first twelve digits, for logs.
func (h Hash) Short() string { return hex.EncodeToString(h[:6]) }

// MarshalText implements encoding.TextMarshaler.
func (h Hash) MarshalText() ([]byte, error) { return []byte(h.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (h *Hash) UnmarshalText(text []byte) error { return readHex(h[:], text) }

// Signature is an Ed25519 signature, in text 128 lowercase hex digits.
type Signature [64]byte

func (s Signature) String() string { return hex.EncodeToString(s[:]) }

// MarshalText implements encoding.TextMarshaler.
func (s Signature) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Signature) UnmarshalText(text []byte) error { return readHex(s[:], text) }

func readHex(to, text []byte) error {
	if len(text) != 2*len(to) {
		return fmt.Errorf("want %d hex digits, got %d", 2*len(to), len(text))
	}
	for _, c := range text {
		if c >= 'A' && c <= 'F' {
			return fmt.Errorf("want lowercase hex, got %q", c)
		}
	}
	_, err := hex.Decode(to, text)
	return err
}
