package chain

import (
	"compress/gzip"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	lru "github.com/hashicorp/golang-lru/v2"
	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
)

// vectorFile decodes one of the vectors that come with the curve's module.
func vectorFile(t *testing.T, name string, v any) {
	t.Helper()
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/oasisprotocol/curve25519-voi").Output()
	if err != nil {
		t.Skipf("the vectors of the curve's module: go list: %v", err)
	}
	f, err := os.Open(filepath.Join(strings.TrimSpace(string(dir)), "primitives", "ed25519", "testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(z).Decode(v); err != nil {
		t.Fatal(err)
	}
}

func unhex(t *testing.T, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(s)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// verdicts are what is said of a signature over a message: by the library's
// check of one, by a batch of it alone, by one that has good signatures beside
// it, and by rules that remember keys, thrice.
func verdicts(t *testing.T, key, message, signature []byte) map[string]bool {
	t.Helper()
	all := map[string]bool{"by itself": ed25519.VerifyWithOptions(key, message, signature, zip215)}
	keys, err := lru.New[Address, *ed25519.ExpandedPublicKey](8)
	if err != nil {
		t.Fatal(err)
	}
	cold, warm := &Rules{}, &Rules{Keys: keys}
	tx := &Transaction{From: AddressOf(key), Signature: Signature(signature)}
	judge := func(how string, r *Rules, beside int) {
		batch := ed25519.NewBatchVerifier()
		for range beside {
			public, private, err := ed25519.GenerateKey(rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			batch.AddWithOptions(public, message, ed25519.Sign(private, message), zip215)
		}
		if err := r.enter(batch, tx, message); err != nil {
			t.Fatal(err)
		}
		_, each := batch.Verify(rand.Reader)
		for i, good := range each[:beside] {
			if !good {
				t.Fatalf("%s: the good signature %d is refused", how, i)
			}
		}
		all[how] = each[beside]
	}
	judge("in a batch alone", cold, 0)
	judge("in a batch", cold, 5)
	judge("met", warm, 5)
	judge("expanded", warm, 0)
	judge("expanded, in a batch", warm, 5)
	return all
}

func wantVerdict(t *testing.T, key, message, signature []byte, want bool) {
	t.Helper()
	for how, got := range verdicts(t, key, message, signature) {
		if got != want {
			t.Errorf("key %x, signature %x, %s: want %v, got %v", key, signature, how, want, got)
		}
	}
}

// TestSignaturesAreJudgedAsZIP215 goes through keys and commitments of small
// order in all their encodings (protocol §5), every one of which is good.
func TestSignaturesAreJudgedAsZIP215(t *testing.T) {
	var vectors [][2]string
	vectorFile(t, "zip215.json.gz", &vectors)
	if len(vectors) != 196 {
		t.Fatalf("want 196 vectors, got %d", len(vectors))
	}
	for _, v := range vectors {
		wantVerdict(t, unhex(t, v[0]), []byte("Zcash"), unhex(t, v[1]), true)
	}
}

func TestSignaturesAreJudgedAsByWycheproof(t *testing.T) {
	var file struct {
		Groups []struct {
			Key   struct{ PK string }
			Tests []struct {
				ID               int `json:"tcId"`
				Comment          string
				Msg, Sig, Result string
			}
		} `json:"testGroups"`
	}
	vectorFile(t, "eddsa_test.json.gz", &file)
	judged := 0
	for _, g := range file.Groups {
		for _, v := range g.Tests {
			signature := unhex(t, v.Sig)
			if len(signature) != ed25519.SignatureSize {
				continue // a transaction cannot hold it: RuleForm
			}
			judged++
			t.Logf("%d %s", v.ID, v.Comment)
			wantVerdict(t, unhex(t, g.Key.PK), unhex(t, v.Msg), signature, v.Result == "valid")
		}
	}
	if judged < 100 {
		t.Errorf("want at least 100 signatures judged, got %d", judged)
	}
}
