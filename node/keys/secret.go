package keys

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/libp2p/go-libp2p/core/crypto"

	"github.com/lp2pnode/lp2pnode/chain"
)

// SeedBytes is the length of an Ed25519 seed, from which the key follows.
const SeedBytes = ed25519.SeedSize

// maxPassphraseBytes bounds what is fed to scrypt.
const maxPassphraseBytes = 1024

// Key is an unlocked private key. It prints as its address.
//
// The seed lies within a function, because fmt shows the unexported fields of
// whatever holds a Key without asking their methods, and follows a pointer too
// where the verb is a wrong one.
type Key struct {
	private func() ed25519.PrivateKey // not changed by who calls it
	address chain.Address
}

// Generate returns a new key of the system's randomness.
func Generate() (Key, error) {
	var seed [SeedBytes]byte
	if _, err := rand.Read(seed[:]); err != nil {
		return Key{}, fmt.Errorf("generate key: %w", err)
	}
	return fromSeed(seed[:]), nil
}

func fromSeed(seed []byte) Key {
	private := ed25519.NewKeyFromSeed(seed)
	return Key{func() ed25519.PrivateKey { return private }, chain.AddressOf(private[SeedBytes:])}
}

// Address returns the key's address, which is also its peer id.
func (k Key) Address() chain.Address { return k.address }

// Sign returns t signed for a chain; from becomes the key's address.
func (k Key) Sign(rules *chain.Rules, t chain.Transaction) *chain.Transaction {
	return rules.Sign(t, k.private().Seed())
}

// Text returns the secret itself: base64 of libp2p's protobuf form, as Decode
// and node.key have it.
func (k Key) Text() string {
	private, err := crypto.UnmarshalEd25519PrivateKey(k.private())
	if err != nil {
		panic(err) // it has the right size
	}
	raw, err := crypto.MarshalPrivateKey(private)
	if err != nil {
		panic(err) // two fields
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// String returns the address.
func (k Key) String() string { return "redacted key of " + string(k.address) }

// GoString implements fmt.GoStringer without the secret.
func (k Key) GoString() string { return k.String() }

// Format implements fmt.Formatter, which every verb asks, without the secret.
func (k Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// LogValue implements slog.LogValuer without the secret.
func (k Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// MarshalText implements encoding.TextMarshaler without the secret.
func (k Key) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Passphrase is what a key is encrypted with. The zero Passphrase is none: it
// unlocks nothing, and what is sealed with it lies in clear.
type Passphrase struct{ text *string }

// NewPassphrase returns s as a passphrase; it is one of 1 to 1024 bytes.
func NewPassphrase(s string) (Passphrase, error) {
	switch {
	case s == "":
		return Passphrase{}, errors.New("the passphrase is empty")
	case len(s) > maxPassphraseBytes:
		return Passphrase{}, fmt.Errorf("want a passphrase of at most %d bytes, got %d", maxPassphraseBytes, len(s))
	}
	return Passphrase{&s}, nil
}

// IsZero tells whether p is no passphrase at all.
func (p Passphrase) IsZero() bool { return p.text == nil }

// Equal tells whether p and q are one passphrase.
func (p Passphrase) Equal(q Passphrase) bool {
	return p.IsZero() == q.IsZero() && (p.IsZero() || *p.text == *q.text)
}

// String tells nothing.
func (p Passphrase) String() string { return "redacted passphrase" }

// GoString implements fmt.GoStringer without the secret.
func (p Passphrase) GoString() string { return p.String() }

// Format implements fmt.Formatter, which every verb asks, without the secret.
func (p Passphrase) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, p.String()) }

// LogValue implements slog.LogValuer without the secret.
func (p Passphrase) LogValue() slog.Value { return slog.StringValue(p.String()) }

// MarshalText implements encoding.TextMarshaler without the secret.
func (p Passphrase) MarshalText() ([]byte, error) { return []byte(p.String()), nil }
