package keys_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/pow"
	"github.com/lp2pnode/lp2pnode/node/keys"
)

// vectorKey is a key that the protocol's test vectors name.
type vectorKey struct{ Seed, Address string }

func vectorKeys(t testing.TB) []vectorKey {
	t.Helper()
	raw, err := os.ReadFile("../../chain/testdata/vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var v struct{ Keys []vectorKey }
	if err := json.Unmarshal(raw, &v); err != nil {
		t.Fatal(err)
	}
	if len(v.Keys) == 0 {
		t.Fatal("no keys among the vectors")
	}
	return v.Keys
}

func fromHex(t testing.TB, s string) keys.Key {
	t.Helper()
	k, err := keys.Decode([]byte(s), keys.Passphrase{})
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func passphrase(t testing.TB, s string) keys.Passphrase {
	t.Helper()
	p, err := keys.NewPassphrase(s)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// spellings returns a secret as fmt, logs and JSON might spell it.
func spellings(secret []byte) []string {
	list := strings.Trim(fmt.Sprint(secret), "[]")
	return []string{
		string(secret), hex.EncodeToString(secret), strings.ToUpper(hex.EncodeToString(secret)),
		base64.StdEncoding.EncodeToString(secret), list, strings.ReplaceAll(list, " ", ","),
		strings.Trim(fmt.Sprintf("%#v", secret), "[]byte{}"), fmt.Sprintf("% x", secret),
	}
}

func TestSecretsNeverPrint(t *testing.T) {
	seed := bytes.Repeat([]byte{0xa7, 0x31}, keys.SeedBytes/2)
	const words = "correct horse battery staple"
	k, p := fromHex(t, hex.EncodeToString(seed)), passphrase(t, words)
	type holder struct {
		Key    keys.Key
		Pass   keys.Passphrase
		hidden keys.Key
		secret keys.Passphrase
		Ptr    *keys.Key
	}
	var said strings.Builder
	for _, v := range []any{k, &k, p, &p, holder{k, p, k, p, &k}, &holder{k, p, k, p, &k}, []any{k, p}, map[string]any{"k": k, "p": p}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%o", "%b", "%c", "%U", "%t", "%e", "%p"} {
			fmt.Fprintf(&said, verb+"\n", v)
		}
		for _, h := range []slog.Handler{slog.NewTextHandler(&said, nil), slog.NewJSONHandler(&said, nil)} {
			slog.New(h).Info("event", "value", v, slog.Group("group", "value", v))
		}
		if err := json.NewEncoder(&said).Encode(v); err != nil {
			t.Fatal(err)
		}
		fmt.Fprintln(&said, fmt.Errorf("because of %v", v))
	}
	for _, secret := range [][]byte{seed, []byte(words)} {
		for _, spelling := range spellings(secret) {
			if strings.Contains(said.String(), spelling) {
				t.Errorf("a secret came out, spelled %q", spelling)
			}
		}
	}
	if strings.Contains(said.String(), k.Text()) {
		t.Error("a key came out as libp2p writes it")
	}
	if got, want := fmt.Sprint(k), "redacted key of "+string(k.Address()); got != want {
		t.Errorf("want %q, got %q", want, got)
	}
}

func TestAddressIsPeerIDOfVectors(t *testing.T) {
	for _, v := range vectorKeys(t) {
		k := fromHex(t, v.Seed)
		if string(k.Address()) != v.Address {
			t.Errorf("seed %s: want address %s, got %s", v.Seed, v.Address, k.Address())
		}
		raw, err := base64.StdEncoding.DecodeString(k.Text())
		if err != nil {
			t.Fatal(err)
		}
		private, err := crypto.UnmarshalPrivateKey(raw)
		if err != nil {
			t.Fatalf("libp2p does not read our text: %v", err)
		}
		id, err := peer.IDFromPrivateKey(private)
		if err != nil || id.String() != v.Address {
			t.Errorf("want peer id %s, got %s, %v", v.Address, id, err)
		}
	}
}

func TestSignedTransactionHolds(t *testing.T) {
	rules, err := chain.NewRules(chain.Params{
		BlockIntervalMS: 1000, ChainID: "test", Consensus: "pow", InitialDifficulty: 1,
		MaxBlockBytes: 100_000, MaxDataBytes: 1000, Allocations: map[chain.Address]uint64{},
	}, pow.Engine{})
	if err != nil {
		t.Fatal(err)
	}
	k, err := keys.Generate()
	if err != nil {
		t.Fatal(err)
	}
	tx := k.Sign(rules, chain.Transaction{Data: "hello"})
	if tx.From != k.Address() {
		t.Errorf("want a transaction of %s, got %s", k.Address(), tx.From)
	}
	if _, err := rules.DecodeTransaction(tx.Raw()); err != nil {
		t.Errorf("the chain refuses it: %v", err)
	}
}

func TestPassphraseHasBounds(t *testing.T) {
	for s, ok := range map[string]bool{"": false, "x": true, strings.Repeat("x", 1024): true, strings.Repeat("x", 1025): false} {
		if p, err := keys.NewPassphrase(s); (err == nil) != ok || p.IsZero() == ok {
			t.Errorf("%d bytes: want taken %v, got %v", len(s), ok, err)
		}
	}
	a, b := passphrase(t, "a"), passphrase(t, "b")
	if !a.Equal(passphrase(t, "a")) || a.Equal(b) || a.Equal(keys.Passphrase{}) || !(keys.Passphrase{}).Equal(keys.Passphrase{}) {
		t.Error("passphrases are equal if and only if their texts are")
	}
}
