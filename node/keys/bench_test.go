package keys_test

import (
	"path/filepath"
	"testing"

	"github.com/lp2pnode/lp2pnode/node/keys"
)

// BenchmarkUnlock is what each guess at a passphrase costs.
func BenchmarkUnlock(b *testing.B) {
	s := keys.Open(filepath.Join(b.TempDir(), "keys"))
	mustNew(b, s, "alice", "secret")
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Unlock("alice", passphrase(b, "secret")); err != nil {
			b.Fatal(err)
		}
	}
}
