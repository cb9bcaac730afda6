package keys

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"github.com/lp2pnode/lp2pnode/chain"
)

// keyFile is what a file of a Store holds: the address, and one of the others.
type keyFile struct {
	Address chain.Address `json:"address"`
	Age     string        `json:"age,omitempty"` // armored
	Key     string        `json:"key,omitempty"` // in clear, as Key.Text
}

// sealed returns k as it is kept: encrypted, or in clear without a passphrase.
func sealed(k Key, seals Passphrase, work int) (keyFile, error) {
	if seals.IsZero() {
		return keyFile{Address: k.address, Key: k.Text()}, nil
	}
	text, err := encrypt(k, seals, work)
	if err != nil {
		return keyFile{}, fmt.Errorf("encrypt key: %w", err)
	}
	return keyFile{Address: k.address, Age: text}, nil
}

// parseFile reads a keyFile. Its errors quote nothing.
func parseFile(raw []byte) (keyFile, error) {
	var f keyFile
	if json.Unmarshal(raw, &f, json.RejectUnknownMembers(true)) != nil {
		return keyFile{}, errors.New("it is not JSON of an address and a key")
	}
	if f.Address == "" || (f.Age == "") == (f.Key == "") {
		return keyFile{}, errors.New("want an address and one of age and key")
	}
	return f, nil
}

// open returns the key itself. The address in clear must be the key's own, or
// somebody exchanged it.
func (f keyFile) open(opens Passphrase, most int) (Key, error) {
	var k Key
	var err error
	if f.Age != "" {
		k, err = decrypt([]byte(strings.TrimSpace(f.Age)), opens, most)
	} else {
		k, err = decodeClear([]byte(f.Key))
	}
	if err != nil {
		return Key{}, err
	}
	if k.address != f.Address {
		return Key{}, fmt.Errorf("%w: the address %s beside it belongs to another", ErrNotKey, f.Address)
	}
	return k, nil
}

// writeNew writes the file of a new key so that either all of it is there or
// nothing. A file that is there already stays, whoever else is writing.
func (f keyFile) writeNew(path string) error {
	text, err := json.Marshal(f, jsontext.WithIndent("  "))
	if err != nil {
		return err
	}
	return WriteNew(path, append(text, '\n'))
}

// WriteNew writes a file that only its owner may read, so that after a crash
// too either all of it is there or nothing. Its error matches ErrExists, and
// the file stays as it is, if there is one already.
func WriteNew(path string, raw []byte) error {
	dir := filepath.Dir(path)
	tmp, err := os.CreateTemp(dir, ".*.tmp") // 0600
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name())
	_, err = tmp.Write(raw)
	if err = errors.Join(err, tmp.Sync(), tmp.Close()); err != nil {
		return err
	}
	// A rename would replace what is there; a link does not.
	if err := os.Link(tmp.Name(), path); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists: %w", path, ErrExists)
	} else if err != nil {
		return err
	}
	return syncDir(dir)
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	err = d.Sync()
	return errors.Join(err, d.Close())
}

// readPrivate reads a file of at most limit bytes, which nobody but its owner
// may read or change.
func readPrivate(path string, limit int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if err := checkRights(path, info); err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(f, limit+1))
	if err != nil {
		return nil, err
	}
	if int64(len(raw)) > limit {
		return nil, fmt.Errorf("read %s: want at most %d bytes", path, limit)
	}
	return raw, nil
}

// checkRights refuses a file or directory that is open to others. Pipes and
// the like are nobody's file, and Windows has no such rights.
func checkRights(path string, info fs.FileInfo) error {
	const others = 0o077
	mode := info.Mode()
	if runtime.GOOS == "windows" || mode.Perm()&others == 0 || (!mode.IsRegular() && !mode.IsDir()) {
		return nil
	}
	cure := "chmod 600"
	if mode.IsDir() {
		cure = "chmod 700"
	}
	return fmt.Errorf("%s: %w (mode %04o); cure: %s %[1]s", path, ErrRights, mode.Perm(), cure)
}

// ReadPassphrase reads a passphrase from a file of one line, which nobody but
// its owner may read, or from a pipe.
func ReadPassphrase(path string) (Passphrase, error) {
	raw, err := readPrivate(path, maxPassphraseBytes+2)
	if err != nil {
		return Passphrase{}, err
	}
	line := strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r")
	if strings.ContainsAny(line, "\n\r") {
		return Passphrase{}, fmt.Errorf("%s: want the passphrase in one line, got several", path)
	}
	p, err := NewPassphrase(line)
	if err != nil {
		return Passphrase{}, fmt.Errorf("%s: %w", path, err)
	}
	return p, nil
}
