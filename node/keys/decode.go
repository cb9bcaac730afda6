package keys

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/libp2p/go-libp2p/core/crypto"
)

const (
	// MaxBytes is what a key in any form is at most.
	MaxBytes = 8 << 10

	// defaultWorkFactor makes a guess at a passphrase take about a second and
	// 256 MiB; log2 of scrypt's N.
	defaultWorkFactor = 18
	// maxWorkFactor is what a file from elsewhere may ask of us: 1 GiB.
	maxWorkFactor = 20
)

// Decode reads a private key in any form: age text, base64 of libp2p's
// protobuf form, a seed of 64 hex digits, or a file of a Store. opens is for
// encrypted ones and may be the zero Passphrase for others. Its errors match
// ErrNotKey, ErrLocked or ErrWrongPassphrase and quote nothing of raw.
func Decode(raw []byte, opens Passphrase) (Key, error) {
	return decode(raw, opens, maxWorkFactor)
}

// Encrypted tells whether Decode would want a passphrase for raw.
func Encrypted(raw []byte) bool {
	text := bytes.TrimSpace(raw)
	if len(raw) > MaxBytes || !isFile(text) {
		return isAge(text)
	}
	f, err := parseFile(text)
	return err == nil && f.Age != ""
}

func isAge(text []byte) bool  { return bytes.HasPrefix(text, []byte(armor.Header)) }
func isFile(text []byte) bool { return bytes.HasPrefix(text, []byte("{")) }

func decode(raw []byte, opens Passphrase, most int) (Key, error) {
	if len(raw) > MaxBytes {
		return Key{}, fmt.Errorf("%w: want at most %d bytes", ErrNotKey, MaxBytes)
	}
	text := bytes.TrimSpace(raw)
	switch {
	case isAge(text):
		return decrypt(text, opens, most)
	case isFile(text):
		f, err := parseFile(text)
		if err != nil {
			return Key{}, fmt.Errorf("%w: %w", ErrNotKey, err)
		}
		return f.open(opens, most)
	}
	return decodeClear(text)
}

// decodeClear reads a key that is not encrypted.
func decodeClear(text []byte) (Key, error) {
	if len(text) == hex.EncodedLen(SeedBytes) {
		var seed [SeedBytes]byte
		if _, err := hex.Decode(seed[:], text); err == nil {
			return fromSeed(seed[:]), nil
		}
	}
	raw, err := base64.StdEncoding.Strict().DecodeString(string(text))
	if err != nil || len(raw) == 0 {
		return Key{}, fmt.Errorf("%w: want age text, base64 of libp2p's form, or a seed of 64 hex digits", ErrNotKey)
	}
	private, err := crypto.UnmarshalPrivateKey(raw)
	if err != nil {
		return Key{}, fmt.Errorf("%w: its base64 does not hold libp2p's form of an Ed25519 key", ErrNotKey)
	}
	if private.Type() != crypto.Ed25519 {
		return Key{}, fmt.Errorf("%w of ours: want Ed25519, got %s", ErrNotKey, private.Type())
	}
	pair, err := private.Raw()
	if err != nil || len(pair) != ed25519.PrivateKeySize {
		return Key{}, fmt.Errorf("%w: its parts have not the sizes of Ed25519", ErrNotKey)
	}
	key := fromSeed(pair[:SeedBytes])
	if !bytes.Equal(pair, key.private()) {
		return Key{}, fmt.Errorf("%w: its public half belongs to another key", ErrNotKey)
	}
	return key, nil
}

// decrypt reads armored age text, spending at most 2^most of scrypt.
func decrypt(text []byte, opens Passphrase, most int) (Key, error) {
	if opens.IsZero() {
		return Key{}, ErrLocked
	}
	if _, err := age.ExtractHeader(armor.NewReader(bytes.NewReader(text))); err != nil {
		return Key{}, fmt.Errorf("%w: its age text is damaged", ErrNotKey)
	}
	identity, err := age.NewScryptIdentity(*opens.text)
	if err != nil {
		return Key{}, err
	}
	identity.SetMaxWorkFactor(most)
	clear, err := age.Decrypt(armor.NewReader(bytes.NewReader(text)), identity)
	if mismatch := (*age.NoIdentityMatchError)(nil); errors.As(err, &mismatch) {
		if len(mismatch.StanzaTypes) != 1 || mismatch.StanzaTypes[0] != "scrypt" {
			return Key{}, fmt.Errorf("%w: its age text is encrypted to a recipient, not with a passphrase", ErrNotKey)
		}
		return Key{}, ErrWrongPassphrase
	}
	if err != nil {
		return Key{}, fmt.Errorf("%w: its age text does not open: %w", ErrNotKey, err)
	}
	secret, err := io.ReadAll(io.LimitReader(clear, MaxBytes))
	if err != nil {
		return Key{}, fmt.Errorf("%w: its age text is damaged", ErrNotKey)
	}
	return decodeClear(bytes.TrimSpace(secret))
}

// encrypt returns the key as armored age text, at a cost of 2^work.
func encrypt(k Key, seals Passphrase, work int) (string, error) {
	recipient, err := age.NewScryptRecipient(*seals.text)
	if err != nil {
		return "", err
	}
	recipient.SetWorkFactor(work)
	var b strings.Builder
	armored := armor.NewWriter(&b)
	w, err := age.Encrypt(armored, recipient)
	if err != nil {
		return "", err
	}
	_, err = io.WriteString(w, k.Text()+"\n")
	if err = errors.Join(err, w.Close(), armored.Close()); err != nil {
		return "", err
	}
	return b.String(), nil
}
