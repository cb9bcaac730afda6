package keys_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"
	"filippo.io/age/armor"
	"github.com/libp2p/go-libp2p/core/crypto"
	"pgregory.net/rapid"

	"github.com/lp2pnode/lp2pnode/node/keys"
)

// cheap is a store whose scrypt takes no time.
func cheap(dir string) *keys.Store {
	s := keys.Open(dir)
	s.WorkFactor = 2
	return s
}

func TestKeyIsOneInEveryForm(t *testing.T) {
	root := t.TempDir()
	rapid.Check(t, func(rt *rapid.T) {
		seed := rapid.SliceOfN(rapid.Byte(), keys.SeedBytes, keys.SeedBytes).Draw(rt, "seed")
		words := rapid.StringN(1, 40, 1024).Draw(rt, "passphrase")
		p := passphrase(t, words)
		dir, err := os.MkdirTemp(root, "")
		if err != nil {
			rt.Fatal(err)
		}
		want := fromHex(t, hex.EncodeToString(seed))
		s := cheap(filepath.Join(dir, "keys"))
		kept, err := s.Import("sealed", []byte(want.Text()), keys.Passphrase{}, p)
		if err != nil {
			rt.Fatal(err)
		}
		text, err := s.Export("sealed")
		if err != nil {
			rt.Fatal(err)
		}
		file, err := os.ReadFile(kept.File)
		if err != nil {
			rt.Fatal(err)
		}
		forms := map[string]string{
			"hex": hex.EncodeToString(seed), "HEX": strings.ToUpper(hex.EncodeToString(seed)), "libp2p": want.Text(),
			"age": text, "file": string(file),
		}
		for name, form := range forms {
			got, err := keys.Decode([]byte("\n "+form+" \r\n"), p)
			if err != nil || got.Text() != want.Text() || got.Address() != want.Address() {
				rt.Fatalf("%s: want %v, got %v, %v", name, want, got, err)
			}
			if encrypted := name == "age" || name == "file"; keys.Encrypted([]byte(form)) != encrypted {
				rt.Fatalf("%s: want encrypted %v", name, encrypted)
			}
		}
	})
}

// TestExportOpensWithAge: whoever has age needs no lp2pnode.
func TestExportOpensWithAge(t *testing.T) {
	s := cheap(t.TempDir() + "/keys")
	if _, err := s.New("alice", passphrase(t, "secret")); err != nil {
		t.Fatal(err)
	}
	text, err := s.Export("alice")
	if err != nil {
		t.Fatal(err)
	}
	identity, err := age.NewScryptIdentity("secret")
	if err != nil {
		t.Fatal(err)
	}
	r, err := age.Decrypt(armor.NewReader(strings.NewReader(text)), identity)
	if err != nil {
		t.Fatal(err)
	}
	got, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	k, err := s.Unlock("alice", passphrase(t, "secret"))
	if err != nil || string(got) != k.Text()+"\n" {
		t.Errorf("age read another key (%v)", err)
	}
}

// libp2pText returns a key of any type as libp2p writes it, in base64.
func libp2pText(t testing.TB, kind int) string {
	t.Helper()
	private, _, err := crypto.GenerateKeyPairWithReader(kind, 2048, rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	raw, err := crypto.MarshalPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	return base64.StdEncoding.EncodeToString(raw)
}

// halves returns a key of one seed with the public half of another.
func halves(t testing.TB) string {
	t.Helper()
	raws := [2][]byte{}
	for i := range raws {
		raw, err := base64.StdEncoding.DecodeString(libp2pText(t, crypto.Ed25519))
		if err != nil {
			t.Fatal(err)
		}
		raws[i] = raw
	}
	return base64.StdEncoding.EncodeToString(append(raws[0][:len(raws[0])-32], raws[1][len(raws[1])-32:]...))
}

// sealFor returns age text of secret for a recipient.
func sealFor(t testing.TB, secret string, to age.Recipient) string {
	t.Helper()
	var b strings.Builder
	armored := armor.NewWriter(&b)
	w, err := age.Encrypt(armored, to)
	if err != nil {
		t.Fatal(err)
	}
	_, err = io.WriteString(w, secret)
	if err := errors.Join(err, w.Close(), armored.Close()); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func scrypt(t testing.TB, words string, work int) age.Recipient {
	t.Helper()
	r, err := age.NewScryptRecipient(words)
	if err != nil {
		t.Fatal(err)
	}
	r.SetWorkFactor(work)
	return r
}

func TestForeignKeysAreRefusedByKind(t *testing.T) {
	x25519, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	good := fromHex(t, strings.Repeat("5c", 32))
	other := fromHex(t, strings.Repeat("5d", 32))
	text := sealFor(t, good.Text(), scrypt(t, "secret", 2))
	broken := strings.Replace(text, "\n", "\nAAAA", 1)
	for name, row := range map[string]struct {
		raw  string
		want error
		says string
	}{
		"RSA":               {libp2pText(t, crypto.RSA), keys.ErrNotKey, "want Ed25519, got RSA"},
		"secp256k1":         {libp2pText(t, crypto.Secp256k1), keys.ErrNotKey, "want Ed25519, got Secp256k1"},
		"ECDSA":             {libp2pText(t, crypto.ECDSA), keys.ErrNotKey, "want Ed25519, got ECDSA"},
		"two halves":        {halves(t), keys.ErrNotKey, "its public half belongs to another key"},
		"nothing":           {" \n", keys.ErrNotKey, "want age text, base64"},
		"short hex":         {strings.Repeat("5c", 31), keys.ErrNotKey, "not a private key"},
		"address":           {string(good.Address()), keys.ErrNotKey, "not a private key"},
		"too long":          {strings.Repeat("5c", keys.MaxBytes), keys.ErrNotKey, "at most 8192 bytes"},
		"no key inside age": {sealFor(t, "hello", scrypt(t, "secret", 2)), keys.ErrNotKey, "want age text, base64"},
		"for a recipient":   {sealFor(t, good.Text(), x25519.Recipient()), keys.ErrNotKey, "not with a passphrase"},
		"other passphrase":  {sealFor(t, good.Text(), scrypt(t, "sesame", 2)), keys.ErrWrongPassphrase, "wrong passphrase"},
		"too much work":     {sealFor(t, good.Text(), scrypt(t, "secret", 7)), keys.ErrNotKey, "work factor too large"},
		"broken armor":      {broken, keys.ErrNotKey, "its age text is damaged"},
		"cut armor":         {text[:len(text)/2], keys.ErrNotKey, "its age text is damaged"},
		"file, two keys":    {`{"address":"` + string(good.Address()) + `","age":"x","key":"y"}`, keys.ErrNotKey, "one of age and key"},
		"file, no key":      {`{"address":"` + string(good.Address()) + `"}`, keys.ErrNotKey, "one of age and key"},
		"file, no address":  {`{"key":"` + good.Text() + `"}`, keys.ErrNotKey, "want an address"},
		"file, other's":     {`{"address":"` + string(other.Address()) + `","key":"` + good.Text() + `"}`, keys.ErrNotKey, "belongs to another"},
		"file, more":        {`{"address":"` + string(good.Address()) + `","key":"` + good.Text() + `","x":1}`, keys.ErrNotKey, "not JSON"},
		"file, misplaced":   {`{"address":"` + good.Text() + `","key":"x"}`, keys.ErrNotKey, "not JSON"},
	} {
		_, err := keys.DecodeCheap([]byte(row.raw), passphrase(t, "secret"))
		if !errors.Is(err, row.want) || !strings.Contains(err.Error(), row.says) {
			t.Errorf("%s: want %v that says %q, got %v", name, row.want, row.says, err)
		}
		if err != nil && (strings.Contains(err.Error(), "\n") || strings.Contains(err.Error(), good.Text()[20:40])) {
			t.Errorf("%s: want one line without the key, got %q", name, err)
		}
	}
	if _, err := keys.Decode([]byte(text), keys.Passphrase{}); !errors.Is(err, keys.ErrLocked) {
		t.Errorf("want %v, got %v", keys.ErrLocked, err)
	}
}

// FuzzDecode: whatever is imported, the answer comes soon, is a key that means
// the same when written out, or an error of one line that quotes nothing.
func FuzzDecode(f *testing.F) {
	k := fromHex(f, strings.Repeat("5c", 32))
	text := sealFor(f, k.Text(), scrypt(f, "secret", 2))
	f.Add([]byte(strings.Repeat("5c", 32)))
	f.Add([]byte(k.Text()))
	f.Add([]byte(text))
	f.Add([]byte(libp2pText(f, crypto.Secp256k1)))
	f.Add([]byte(libp2pText(f, crypto.ECDSA)))
	f.Add([]byte(`{"address":"` + string(k.Address()) + `","key":"` + k.Text() + `"}`))
	f.Add([]byte(`{"address":"` + string(k.Address()) + `","age":"` + strings.ReplaceAll(text, "\n", `\n`) + `"}`))
	opens := passphrase(f, "secret")
	f.Fuzz(func(t *testing.T, raw []byte) {
		keys.Encrypted(raw)
		got, err := keys.DecodeCheap(raw, opens)
		if err != nil {
			if !errors.Is(err, keys.ErrNotKey) && !errors.Is(err, keys.ErrWrongPassphrase) {
				t.Fatalf("want an error that callers know, got %v", err)
			}
			if secret := bytes.TrimSpace(raw); strings.Contains(err.Error(), "\n") || (len(secret) > 24 && strings.Contains(err.Error(), string(secret))) {
				t.Fatalf("want one line that quotes nothing, got %q", err)
			}
			return
		}
		again, err := keys.Decode([]byte(got.Text()), keys.Passphrase{})
		if err != nil || again.Text() != got.Text() || again.Address() != got.Address() {
			t.Fatalf("want %v again, got %v, %v", got, again, err)
		}
	})
}
