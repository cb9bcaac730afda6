package node

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/libp2p/go-libp2p/core/crypto"
)

const (
	keyFile     = "node.key"
	maxKeyBytes = 4096
)

// loadKey returns the node's own Ed25519 key, kept in base64 of libp2p's
// protobuf form in the data directory, and makes it at the first start. On a
// real disk only its owner may read the file.
func loadKey(fs vfs.FS, dir string, real bool) (crypto.PrivKey, error) {
	path := fs.PathJoin(dir, keyFile)
	f, err := fs.Open(path)
	if errors.Is(err, os.ErrNotExist) {
		return makeKey(fs, dir, real)
	}
	if err != nil {
		return nil, fmt.Errorf("open node key: %w", err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxKeyBytes))
	if err != nil {
		return nil, fmt.Errorf("read node key %s: %w", path, err)
	}
	raw, err := base64.StdEncoding.DecodeString(string(bytes.TrimSpace(text)))
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

// makeKey writes a new key so that either all of the file is there or nothing.
func makeKey(fs vfs.FS, dir string, real bool) (crypto.PrivKey, error) {
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("generate node key: %w", err)
	}
	raw, err := crypto.MarshalPrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode node key: %w", err)
	}
	path := fs.PathJoin(dir, keyFile)
	tmp := path + ".tmp"
	f, err := fs.Create(tmp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return nil, fmt.Errorf("create node key: %w", err)
	}
	if real {
		if err := os.Chmod(tmp, 0o600); err != nil {
			return nil, fmt.Errorf("protect node key: %w", err)
		}
	}
	_, err = io.WriteString(f, base64.StdEncoding.EncodeToString(raw)+"\n")
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = fs.Rename(tmp, path)
	}
	if err == nil {
		err = syncDir(fs, dir)
	}
	if err != nil {
		return nil, fmt.Errorf("write node key %s: %w", path, err)
	}
	return key, nil
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
