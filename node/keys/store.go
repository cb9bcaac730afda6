package keys

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/lp2pnode/lp2pnode/chain"
)

const (
	extension = ".json"
	maxName   = 64 // characters
	dirRights = 0o700
)

// Store is a directory of keys. It is safe for concurrent use, by several
// processes too.
type Store struct {
	// WorkFactor is log2 of what encrypting costs, scrypt's N; tests lower it.
	WorkFactor int
	dir        string
}

// Entry is what everybody may know of a key.
type Entry struct {
	Name      string        `json:"name"`
	Address   chain.Address `json:"address"`
	Encrypted bool          `json:"encrypted"`
	File      string        `json:"file"`
}

// Open returns the store of a directory, which New and Import make if it is
// not there. Nothing is touched yet.
func Open(dir string) *Store { return &Store{WorkFactor: defaultWorkFactor, dir: dir} }

// Dir returns the directory.
func (s *Store) Dir() string { return s.dir }

// New makes a key and keeps it, encrypted with a passphrase or, with the zero
// one, in clear. Its errors match ErrName, ErrExists or ErrRights, or come from
// the disk.
func (s *Store) New(name string, seals Passphrase) (Entry, error) {
	if err := s.Free(name); err != nil {
		return Entry{}, err
	}
	k, err := Generate()
	if err != nil {
		return Entry{}, err
	}
	return s.put(name, k, seals)
}

// Import reads a key as Decode does, with opens, and keeps it as New does, with
// seals. Its errors are of both, and ErrExists also if the key is kept under
// another name.
func (s *Store) Import(name string, raw []byte, opens, seals Passphrase) (Entry, error) {
	if err := s.Free(name); err != nil {
		return Entry{}, err
	}
	k, err := Decode(raw, opens)
	if err != nil {
		return Entry{}, err
	}
	kept, err := s.find(k.address)
	if err == nil {
		return Entry{}, fmt.Errorf("key %s has the name %s already: %w", k.address, kept.Name, ErrExists)
	}
	if !errors.Is(err, ErrNotFound) {
		return Entry{}, err
	}
	return s.put(name, k, seals)
}

// Free returns nil if a key of this name can be made, or an error that matches
// ErrName, ErrExists or ErrRights.
func (s *Store) Free(name string) error {
	if !validName(name) {
		return fmt.Errorf("%w, got %.60q", ErrName, name)
	}
	if err := s.checkDir(); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	_, err := os.Lstat(s.path(name))
	switch {
	case err == nil:
		return fmt.Errorf("there is a key named %s in %s: %w", name, s.dir, ErrExists)
	case !errors.Is(err, fs.ErrNotExist):
		return err
	}
	return nil
}

func (s *Store) put(name string, k Key, seals Passphrase) (Entry, error) {
	f, err := sealed(k, seals, s.WorkFactor)
	if err != nil {
		return Entry{}, err
	}
	if err := s.makeDir(); err != nil {
		return Entry{}, err
	}
	if err := f.writeNew(s.path(name)); err != nil {
		return Entry{}, fmt.Errorf("write key %s: %w", name, err)
	}
	return s.entry(name, f), nil
}

// List returns all keys by name. Files that cannot be read as keys are left
// out and told, each by an error of its own, in errs.
func (s *Store) List() (entries []Entry, errs []error) {
	if err := s.checkDir(); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, []error{err}
	}
	files, err := os.ReadDir(s.dir) // sorted
	if err != nil {
		return nil, []error{err}
	}
	for _, file := range files {
		name, ours := strings.CutSuffix(file.Name(), extension)
		if !ours || strings.HasPrefix(name, ".") {
			continue
		}
		entry, _, err := s.read(name)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		entries = append(entries, entry)
	}
	return entries, errs
}

// Get returns what is known of a key by name or address. Its errors match
// ErrName, ErrNotFound, ErrDamaged or ErrRights.
func (s *Store) Get(id string) (Entry, error) {
	entry, _, err := s.get(id)
	return entry, err
}

// Unlock returns a key, by name or address, itself. A passphrase that the key
// does not need is not looked at. Errors are those of Get, ErrLocked without
// and ErrWrongPassphrase with a passphrase.
func (s *Store) Unlock(id string, opens Passphrase) (Key, error) {
	entry, f, err := s.get(id)
	if err != nil {
		return Key{}, err
	}
	k, err := f.open(opens, maxWorkFactor)
	if errors.Is(err, ErrNotKey) {
		return Key{}, damaged(entry.File, err)
	}
	if err != nil {
		return Key{}, fmt.Errorf("key %s: %w", entry.Name, err)
	}
	return k, nil
}

// Export returns a key, by name or address, as the age text under which it is
// kept, for which it needs no passphrase. Errors are those of Get, and
// ErrNotEncrypted if it lies in clear: Unlock and Key.Text show that.
func (s *Store) Export(id string) (string, error) {
	entry, f, err := s.get(id)
	if err != nil {
		return "", err
	}
	if f.Age == "" {
		return "", fmt.Errorf("key %s: %w", entry.Name, ErrNotEncrypted)
	}
	return f.Age, nil
}

func (s *Store) get(id string) (Entry, keyFile, error) {
	if validName(id) {
		if err := s.checkDir(); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return Entry{}, keyFile{}, err
		}
		return s.read(id)
	}
	address, err := chain.ParseAddress(id)
	if err != nil {
		return Entry{}, keyFile{}, fmt.Errorf("%w, got %.60q", ErrName, id)
	}
	entry, err := s.find(address)
	if err != nil {
		return Entry{}, keyFile{}, err
	}
	return s.read(entry.Name)
}

// find returns the key of an address. Of files that cannot be read, in which
// it may be, the error for want of it tells the first.
func (s *Store) find(address chain.Address) (Entry, error) {
	entries, errs := s.List()
	for _, entry := range entries {
		if entry.Address == address {
			return entry, nil
		}
	}
	err := fmt.Errorf("%w: %s in %s", ErrNotFound, address, s.dir)
	if len(errs) > 0 {
		err = fmt.Errorf("%w; but %w", err, errs[0])
	}
	return Entry{}, err
}

// read reads the file of one key. In clear, the key is looked at as well.
func (s *Store) read(name string) (Entry, keyFile, error) {
	path := s.path(name)
	if !validName(name) {
		return Entry{}, keyFile{}, damaged(path, errors.New("its name is not a key's"))
	}
	raw, err := readPrivate(path, MaxBytes)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return Entry{}, keyFile{}, fmt.Errorf("%w: %s in %s", ErrNotFound, name, s.dir)
	case err != nil:
		return Entry{}, keyFile{}, err
	}
	f, err := parseFile(raw)
	if err == nil && f.Age == "" {
		_, err = f.open(Passphrase{}, 0)
	}
	if err != nil {
		return Entry{}, keyFile{}, damaged(path, err)
	}
	return s.entry(name, f), f, nil
}

func damaged(path string, err error) error {
	return fmt.Errorf("%w %s: %w; put a copy back", ErrDamaged, path, err)
}

func (s *Store) entry(name string, f keyFile) Entry {
	return Entry{Name: name, Address: f.Address, Encrypted: f.Age != "", File: s.path(name)}
}

func (s *Store) path(name string) string { return filepath.Join(s.dir, name+extension) }

// checkDir returns what is wrong with the directory, fs.ErrNotExist included.
func (s *Store) checkDir() error {
	info, err := os.Stat(s.dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return fmt.Errorf("%s: want a directory of keys, got a file", s.dir)
	}
	return checkRights(s.dir, info)
}

// makeDir makes the directory where it is not there, to last through a crash.
func (s *Store) makeDir() error {
	if err := s.checkDir(); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(s.dir, dirRights); err != nil {
		return fmt.Errorf("make directory of keys: %w", err)
	}
	return syncDir(filepath.Dir(s.dir))
}

// validName tells whether a key may have this name: one that no file system
// and no shell reads in two ways, and that is not an address.
func validName(name string) bool {
	for i, r := range name {
		letter := (r >= 'a' && r <= 'z') || (r >= '0' && r <= '9')
		if !letter && (i == 0 || (r != '-' && r != '_')) {
			return false
		}
	}
	return name != "" && len(name) <= maxName
}
