package node

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
)

func TestSecretsStayTheSameAndAreTheOwnersOnly(t *testing.T) {
	for name, fs := range map[string]vfs.FS{"real disk": vfs.Default, "simulated disk": vfs.NewMem()} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			if err := fs.MkdirAll(dir, 0o700); err != nil {
				t.Fatal(err)
			}
			key, err := loadKey(fs, dir)
			if err != nil {
				t.Fatal(err)
			}
			token, err := loadToken(fs, dir)
			if err != nil {
				t.Fatal(err)
			}
			if again, err := loadKey(fs, dir); err != nil || !again.Equals(key) {
				t.Errorf("want the same key at the second start, got %v, %v", again, err)
			}
			if again, err := loadToken(fs, dir); err != nil || again != token {
				t.Errorf("want token %s at the second start, got %s, %v", token, again, err)
			}
			if fs != vfs.Default || runtime.GOOS == "windows" {
				return
			}
			for _, file := range []string{keyFile, tokenFile} {
				info, err := os.Stat(filepath.Join(dir, file))
				if err != nil || info.Mode().Perm() != 0o600 {
					t.Errorf("%s: want mode 0600, got %v, %v", file, info, err)
				}
			}
		})
	}
}

func TestDamagedSecretsAreNamedWithTheCure(t *testing.T) {
	for name, text := range map[string]string{
		"empty":           "",
		"not in its form": "no key !",
		"cut short":       "CAESQA==",
	} {
		t.Run(name, func(t *testing.T) {
			fs := vfs.NewMem()
			for _, file := range []string{keyFile, tokenFile} {
				if err := writeSecret(fs, "/", file, text); err != nil {
					t.Fatal(err)
				}
			}
			_, keyErr := loadKey(fs, "/")
			_, tokenErr := loadToken(fs, "/")
			for file, err := range map[string]error{keyFile: keyErr, tokenFile: tokenErr} {
				if err == nil || !strings.Contains(err.Error(), "/"+file) || !strings.Contains(err.Error(), "remove the file") || strings.Contains(err.Error(), "\n") {
					t.Errorf("%s: want one line with the file and what to do, got %v", file, err)
				}
			}
		})
	}
}
