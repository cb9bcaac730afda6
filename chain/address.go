package chain

import (
	"bytes"
	"fmt"

	"github.com/mr-tron/base58"

	"github.com/lp2pnode/lp2pnode/chain/canonical"
)

// addressPrefix stands before the public key in the 38 bytes of an address:
// an identity multihash around a libp2p Ed25519 public key (protocol §2).
var addressPrefix = []byte{0x00, 0x24, 0x08, 0x01, 0x12, 0x20}

const (
	keySize     = 32
	addressSize = 52 // characters of base58btc
)

// Address is an account's or node's name, 52 characters that carry its Ed25519
// public key (protocol §2). The empty Address is nobody.
type Address string

// AddressOf returns the address of an Ed25519 public key of 32 bytes.
func AddressOf(publicKey []byte) Address {
	return Address(base58.Encode(append(bytes.Clone(addressPrefix), publicKey...)))
}

// ParseAddress checks that s is an address. Whether its key is a point of the
// curve is looked at only when a signature is checked.
func ParseAddress(s string) (Address, error) {
	if _, err := decodeAddress(s); err != nil {
		return "", err
	}
	return Address(s), nil
}

// Key returns the address's public key, 32 bytes. It fails on the empty
// address and on one that ParseAddress would refuse.
func (a Address) Key() ([]byte, error) { return decodeAddress(string(a)) }

// UnmarshalText implements encoding.TextUnmarshaler; it takes the empty address.
func (a *Address) UnmarshalText(text []byte) error {
	s := string(text)
	if s != "" {
		if _, err := decodeAddress(s); err != nil {
			return err
		}
	}
	*a = Address(s)
	return nil
}

// scanAddress reads an address or the empty string.
func scanAddress(s *canonical.Scanner) Address {
	if s.Try(`""`) {
		return ""
	}
	a := string(s.Plain(addressSize))
	if s.Err() == nil {
		if _, err := decodeAddress(a); err != nil {
			s.Fail("%w", err)
		}
	}
	return Address(a)
}

func decodeAddress(s string) ([]byte, error) {
	if len(s) != addressSize {
		return nil, fmt.Errorf("want an address of %d characters (12D3KooW…), got %d: %.60q", addressSize, len(s), s)
	}
	raw, err := base58.Decode(s)
	if err != nil {
		return nil, fmt.Errorf("address %q: %w", s, err)
	}
	key, ok := bytes.CutPrefix(raw, addressPrefix)
	if !ok || len(key) != keySize {
		return nil, fmt.Errorf("address %q is not an Ed25519 peer id (12D3KooW…)", s)
	}
	return key, nil
}
