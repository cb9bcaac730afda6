package node

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	tokenFile      = "api.token"
	tokenBytes     = 32
	maxSecretBytes = 4096
)

// loadToken returns the token for writing through the API from elsewhere, 64
// hex digits, and makes it at the first start.
func loadToken(fs vfs.FS, dir string) (string, error) {
	path := fs.PathJoin(dir, tokenFile)
	token, err := readSecret(fs, path)
	if errors.Is(err, os.ErrNotExist) {
		raw := make([]byte, tokenBytes)
		_, _ = rand.Read(raw) // never fails
		token = hex.EncodeToString(raw)
		return token, writeSecret(fs, dir, tokenFile, token+"\n")
	}
	if err != nil {
		return "", fmt.Errorf("api token: %w", err)
	}
	if raw, err := hex.DecodeString(token); err != nil || len(raw) != tokenBytes {
		return "", fmt.Errorf("api token %s is damaged: want %d hex digits; remove the file and the node makes a new one", path, 2*tokenBytes)
	}
	return token, nil
}

// readSecret returns a short file's text without white space around it.
func readSecret(fs vfs.FS, path string) (string, error) {
	f, err := fs.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSecretBytes))
	if err != nil {
		return "", fmt.Errorf("read %s: %w", path, err)
	}
	return strings.TrimSpace(string(text)), nil
}

// writeSecret writes a file so that either all of it is there or nothing; on a
// real disk only its owner may read it.
func writeSecret(fs vfs.FS, dir, name, text string) error {
	path := fs.PathJoin(dir, name)
	tmp := path + ".tmp"
	f, err := fs.Create(tmp, vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("create %s: %w", path, err)
	}
	if fs == vfs.Default {
		err = os.Chmod(tmp, 0o600)
	}
	if err == nil {
		_, err = io.WriteString(f, text)
	}
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = fs.Rename(tmp, path)
	}
	if err == nil {
		err = syncDir(fs, dir)
	}
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

func syncDir(fs vfs.FS, dir string) error {
	d, err := fs.OpenDir(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
