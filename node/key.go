package node

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/libp2p/go-libp2p/core/crypto"
)

const keyFile = "node.key"

// loadKey returns the node's own Ed25519 key, kept in base64 of libp2p's
// protobuf form in the data directory, and makes it at the first start.
func loadKey(fs vfs.FS, dir string) (crypto.PrivKey, error) {
	path := fs.PathJoin(dir, keyFile)
	text, err := readSecret(fs, path)
	if errors.Is(err, os.ErrNotExist) {
		return makeKey(fs, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("node key: %w", err)
	}
	raw, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return nil, damagedKey(path, err)
	}
	key, err := crypto.UnmarshalPrivateKey(raw)
	if err != nil {
		return nil, damagedKey(path, err)
	}
	if key.Type() != crypto.Ed25519 {
		return nil, damagedKey(path, fmt.Errorf("want an Ed25519 key, got %s", key.Type()))
	}
	return key, nil
}

func damagedKey(path string, err error) error {
	return fmt.Errorf("node key %s cannot be read: %w; put a copy back, or remove the file and the node gets a new identity", path, err)
}

func makeKey(fs vfs.FS, dir string) (crypto.PrivKey, error) {
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate node key: %w", err)
	}
	raw, err := crypto.MarshalPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode node key: %w", err)
	}
	return key, writeSecret(fs, dir, keyFile, base64.StdEncoding.EncodeToString(raw)+"\n")
}
