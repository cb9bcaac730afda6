package keys_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/node/keys"
)

func newStore(t testing.TB) *keys.Store {
	t.Helper()
	return cheap(filepath.Join(t.TempDir(), "data", "keys"))
}

func mustNew(t testing.TB, s *keys.Store, name, words string) keys.Entry {
	t.Helper()
	var p keys.Passphrase
	if words != "" {
		p = passphrase(t, words)
	}
	entry, err := s.New(name, p)
	if err != nil {
		t.Fatal(err)
	}
	return entry
}

func TestEncryptedKeyOpensWithItsPassphraseOnly(t *testing.T) {
	s := newStore(t)
	want := mustNew(t, s, "alice", "secret")
	for _, id := range []string{"alice", string(want.Address)} {
		k, err := s.Unlock(id, passphrase(t, "secret"))
		if err != nil || k.Address() != want.Address {
			t.Errorf("%s: want the key of %s, got %v, %v", id, want.Address, k, err)
		}
		if _, err := s.Unlock(id, passphrase(t, "Secret")); !errors.Is(err, keys.ErrWrongPassphrase) || err.Error() != "key alice: wrong passphrase" {
			t.Errorf("%s: want %v, got %v", id, keys.ErrWrongPassphrase, err)
		}
		if _, err := s.Unlock(id, keys.Passphrase{}); !errors.Is(err, keys.ErrLocked) {
			t.Errorf("%s: want %v, got %v", id, keys.ErrLocked, err)
		}
	}
	k, err := s.Unlock("alice", passphrase(t, "secret"))
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(want.File)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(raw, []byte(k.Text())) || !bytes.Contains(raw, []byte(want.Address)) {
		t.Errorf("want the address in clear and the key not, got %s", raw)
	}
}

func TestKeyWithoutPassphraseOpensWithAny(t *testing.T) {
	s := newStore(t)
	want := mustNew(t, s, "bob", "")
	for _, p := range []keys.Passphrase{{}, passphrase(t, "whatever")} {
		if k, err := s.Unlock("bob", p); err != nil || k.Address() != want.Address {
			t.Errorf("want the key of %s, got %v, %v", want.Address, k, err)
		}
	}
	if _, err := s.Export("bob"); !errors.Is(err, keys.ErrNotEncrypted) {
		t.Errorf("want %v, got %v", keys.ErrNotEncrypted, err)
	}
}

func TestListAndGetTellTheSame(t *testing.T) {
	s := newStore(t)
	if entries, errs := s.List(); entries != nil || errs != nil {
		t.Errorf("no directory: want nothing, got %v, %v", entries, errs)
	}
	want := []keys.Entry{mustNew(t, s, "alice", "secret"), mustNew(t, s, "bob-2", ""), mustNew(t, s, "c_3", "secret")}
	entries, errs := s.List()
	if fmt.Sprint(entries) != fmt.Sprint(want) || errs != nil {
		t.Errorf("want %v, got %v, %v", want, entries, errs)
	}
	for i, e := range want {
		if e.Encrypted != (i != 1) || e.File != filepath.Join(s.Dir(), e.Name+".json") {
			t.Errorf("unexpected %+v", e)
		}
		for _, id := range []string{e.Name, string(e.Address)} {
			if got, err := s.Get(id); err != nil || got != e {
				t.Errorf("%s: want %v, got %v, %v", id, e, got, err)
			}
		}
	}
	stranger := chain.AddressOf(make([]byte, 32))
	for _, id := range []string{"nobody", string(stranger)} {
		if _, err := s.Get(id); !errors.Is(err, keys.ErrNotFound) || !strings.Contains(err.Error(), id) {
			t.Errorf("want %v that names %s, got %v", keys.ErrNotFound, id, err)
		}
	}
}

func TestOnlyTheOwnerMayLook(t *testing.T) {
	s := newStore(t)
	entry := mustNew(t, s, "alice", "")
	for path, want := range map[string]os.FileMode{entry.File: 0o600, s.Dir(): 0o700, filepath.Dir(s.Dir()): 0o700} {
		info, err := os.Stat(path)
		if err != nil || info.Mode().Perm() != want {
			t.Errorf("%s: want mode %o, got %v, %v", path, want, info.Mode(), err)
		}
	}
	left, err := os.ReadDir(s.Dir())
	if err != nil || len(left) != 1 {
		t.Errorf("want one file, got %v, %v", left, err)
	}
}

func TestRightsForOthersAreRefusedWithTheCure(t *testing.T) {
	for _, row := range []struct {
		dir  bool
		mode os.FileMode
		cure string
	}{{false, 0o640, "chmod 600"}, {false, 0o602, "chmod 600"}, {true, 0o750, "chmod 700"}, {true, 0o701, "chmod 700"}} {
		s := newStore(t)
		entry := mustNew(t, s, "alice", "secret")
		path := entry.File
		if row.dir {
			path = s.Dir()
		}
		if err := os.Chmod(path, row.mode); err != nil {
			t.Fatal(err)
		}
		_, get := s.Get("alice")
		_, find := s.Get(string(entry.Address))
		_, unlock := s.Unlock("alice", passphrase(t, "secret"))
		_, export := s.Export("alice")
		entries, list := s.List()
		for name, err := range map[string]error{"get": get, "find": find, "unlock": unlock, "export": export, "list": errors.Join(list...)} {
			if !errors.Is(err, keys.ErrRights) || !strings.Contains(err.Error(), row.cure+" "+path) {
				t.Errorf("%s, mode %o: want %v and %q, got %v", name, row.mode, keys.ErrRights, row.cure, err)
			}
		}
		if len(entries) != 0 {
			t.Errorf("mode %o: want nothing listed, got %v", row.mode, entries)
		}
		if _, err := s.New("bob", keys.Passphrase{}); row.dir != errors.Is(err, keys.ErrRights) {
			t.Errorf("mode %o: a new key there: %v", row.mode, err)
		}
	}
}

func TestDamageIsToldByFile(t *testing.T) {
	s := newStore(t)
	good := mustNew(t, s, "good", "")
	alice, bob := mustNew(t, s, "alice", "secret"), mustNew(t, s, "bob", "")
	swap := func(path, old, new string) {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, bytes.Replace(raw, []byte(old), []byte(new), 1), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	swap(alice.File, "BEGIN AGE", "BEGIN")
	swap(bob.File, string(bob.Address), string(good.Address))
	for name, raw := range map[string]string{"empty": "", "cut": `{"address":`, "Not A Name": "{}", ".hidden": "no key of ours"} {
		if err := os.WriteFile(filepath.Join(s.Dir(), name+".json"), []byte(raw), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, says := range map[string]string{"bob": "belongs to another", "empty": "not JSON", "cut": "not JSON"} {
		_, err := s.Get(name)
		if !errors.Is(err, keys.ErrDamaged) || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: want %v in one line that says %q, got %v", name, keys.ErrDamaged, says, err)
		}
	}
	if _, err := s.Unlock("alice", passphrase(t, "secret")); !errors.Is(err, keys.ErrDamaged) || !strings.Contains(err.Error(), alice.File) {
		t.Errorf("want %v that names the file, got %v", keys.ErrDamaged, err)
	}
	entries, errs := s.List()
	if fmt.Sprint(entries) != fmt.Sprint([]keys.Entry{{Name: "alice", Address: alice.Address, Encrypted: true, File: alice.File}, good}) {
		t.Errorf("want what can be read, got %v", entries)
	}
	if len(errs) != 4 {
		t.Errorf("want four errors, got %v", errs)
	}
	for _, err := range errs {
		if !errors.Is(err, keys.ErrDamaged) {
			t.Errorf("want %v, got %v", keys.ErrDamaged, err)
		}
	}
}

// TestExchangedAddressIsFoundOut: who can write the file can make it show
// another address, to be paid instead, but it does not survive an unlocking.
func TestExchangedAddressIsFoundOut(t *testing.T) {
	s := newStore(t)
	alice, mallory := mustNew(t, s, "alice", "secret"), mustNew(t, s, "mallory", "")
	raw, err := os.ReadFile(alice.File)
	if err != nil {
		t.Fatal(err)
	}
	raw = bytes.Replace(raw, []byte(alice.Address), []byte(mallory.Address), 1)
	if err := os.WriteFile(alice.File, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Unlock("alice", passphrase(t, "secret")); !errors.Is(err, keys.ErrDamaged) {
		t.Errorf("want %v, got %v", keys.ErrDamaged, err)
	}
}

func TestNoKeyIsEverReplaced(t *testing.T) {
	s := newStore(t)
	alice := mustNew(t, s, "alice", "")
	before, err := os.ReadFile(alice.File)
	if err != nil {
		t.Fatal(err)
	}
	_, again := s.New("alice", keys.Passphrase{})
	_, imported := s.Import("alice", []byte(strings.Repeat("5c", 32)), keys.Passphrase{}, keys.Passphrase{})
	_, twice := s.Import("twin", before, keys.Passphrase{}, keys.Passphrase{})
	for name, err := range map[string]error{"new": again, "import": imported, "another name": twice, "free": s.Free("alice"), "write": keys.WriteNew(alice.File, []byte("x"))} {
		if !errors.Is(err, keys.ErrExists) || !strings.Contains(err.Error(), "alice") {
			t.Errorf("%s: want %v that names alice, got %v", name, keys.ErrExists, err)
		}
	}
	after, err := os.ReadFile(alice.File)
	if err != nil || !bytes.Equal(before, after) {
		t.Errorf("the key was changed: %v", err)
	}
	if left, err := os.ReadDir(s.Dir()); err != nil || len(left) != 1 {
		t.Errorf("want one file, got %v, %v", left, err)
	}
}

func TestOneOfManyMakersWins(t *testing.T) {
	s := newStore(t)
	made := make([]error, 8)
	addresses := make([]chain.Address, len(made))
	var all sync.WaitGroup
	for i := range made {
		all.Go(func() {
			var entry keys.Entry
			entry, made[i] = s.New("alice", keys.Passphrase{})
			addresses[i] = entry.Address
		})
	}
	all.Wait()
	kept, err := s.Get("alice")
	if err != nil {
		t.Fatal(err)
	}
	winners := 0
	for i, err := range made {
		if err == nil {
			winners++
			if addresses[i] != kept.Address {
				t.Errorf("was told %s, kept is %s", addresses[i], kept.Address)
			}
		} else if !errors.Is(err, keys.ErrExists) {
			t.Errorf("want %v, got %v", keys.ErrExists, err)
		}
	}
	if winners != 1 {
		t.Errorf("want one winner, got %d", winners)
	}
}

func TestNamesCannotLeaveTheDirectory(t *testing.T) {
	s := newStore(t)
	for _, name := range []string{"", ".", "..", "../x", "a/b", "a.b", "-x", "_x", "A", "ä", "a b", "a\x00", strings.Repeat("a", 65)} {
		_, made := s.New(name, keys.Passphrase{})
		_, got := s.Get(name)
		for _, err := range []error{made, got} {
			if !errors.Is(err, keys.ErrName) || strings.Contains(err.Error(), "\x00") {
				t.Errorf("%q: want %v, got %v", name, keys.ErrName, err)
			}
		}
	}
	for _, name := range []string{"a", "0", "a-_9", strings.Repeat("a", 64)} {
		mustNew(t, s, name, "")
	}
}

func TestPassphraseFileIsOneLineOfItsOwner(t *testing.T) {
	path := filepath.Join(t.TempDir(), "passphrase")
	for text, want := range map[string]string{"secret": "secret", "secret\n": "secret", " se cret \r\n": " se cret ", strings.Repeat("x", 1024) + "\r\n": strings.Repeat("x", 1024)} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if p, err := keys.ReadPassphrase(path); err != nil || !p.Equal(passphrase(t, want)) {
			t.Errorf("%q: want %q, got another, or %v", text, want, err)
		}
	}
	for text, says := range map[string]string{"": "empty", "\n": "empty", "a\nb\n": "one line", strings.Repeat("x", 1025): "at most", strings.Repeat("x", 4096): "at most"} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if _, err := keys.ReadPassphrase(path); err == nil || !strings.Contains(err.Error(), says) || !strings.Contains(err.Error(), path) {
			t.Errorf("%d bytes: want an error with the path that says %q, got %v", len(text), says, err)
		}
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := keys.ReadPassphrase(path); !errors.Is(err, keys.ErrRights) || !strings.Contains(err.Error(), "chmod 600 "+path) {
		t.Errorf("want %v with the cure, got %v", keys.ErrRights, err)
	}
}
