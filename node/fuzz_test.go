package node

import (
	"encoding/base64"
	"io"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/libp2p/go-libp2p/core/crypto"
)

// FuzzSecretFiles: a key or token file that somebody else wrote is read, or
// refused by its name and left as it is.
func FuzzSecretFiles(f *testing.F) {
	key, _, err := crypto.GenerateEd25519Key(strings.NewReader(strings.Repeat("seed", 16)))
	if err != nil {
		f.Fatal(err)
	}
	raw, err := crypto.MarshalPrivateKey(key)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(base64.StdEncoding.EncodeToString(raw) + "\n")
	f.Add(base64.StdEncoding.EncodeToString([]byte{8, 0, 18, 1, 0}))
	f.Add(strings.Repeat("0f", 32))
	f.Fuzz(func(t *testing.T, text string) {
		for name, load := range map[string]func(vfs.FS, string) (string, error){
			keyFile: func(fs vfs.FS, dir string) (string, error) {
				key, err := loadKey(fs, dir)
				if err != nil {
					return "", err
				}
				raw, err := crypto.MarshalPrivateKey(key)
				return string(raw), err
			},
			tokenFile: loadToken,
		} {
			fs := vfs.NewMem()
			if err := writeSecret(fs, "", name, text); err != nil {
				t.Fatal(err)
			}
			got, err := load(fs, "")
			if err != nil && !strings.Contains(err.Error(), name) || err == nil && got == "" {
				t.Errorf("%s %q gives %q, %v", name, text, got, err)
			}
			file, err := fs.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			if after, err := io.ReadAll(file); err != nil || string(after) != text {
				t.Errorf("%s %q was changed to %q (%v)", name, text, after, err)
			}
		}
	})
}
