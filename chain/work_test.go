package chain_test

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/lp2pnode/lp2pnode/chain"
)

var drawWork = rapid.Custom(func(t *rapid.T) *big.Int {
	hi := new(big.Int).SetUint64(rapid.Uint64().Draw(t, "hi"))
	return hi.Lsh(hi, 64).Or(hi, new(big.Int).SetUint64(rapid.Uint64().Draw(t, "lo")))
})

// TestWorkIsAnInteger compares Work with math/big.
func TestWorkIsAnInteger(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawWork.Draw(t, "a"), drawWork.Draw(t, "b")
		wa, err := chain.ParseWork(a.String())
		if err != nil {
			t.Fatal(err)
		}
		wb, err := chain.ParseWork(b.String())
		if err != nil {
			t.Fatal(err)
		}
		if got := wa.String(); got != a.String() {
			t.Fatalf("%s is printed as %s", a, got)
		}
		if got, want := wa.Cmp(wb), a.Cmp(b); got != want {
			t.Fatalf("compare %s with %s: %d, want %d", a, b, got, want)
		}
		bytes := wa.Bytes()
		if got := new(big.Int).SetBytes(bytes[:]); got.Cmp(a) != 0 || chain.WorkFromBytes(bytes) != wa {
			t.Fatalf("%s has the bytes %x", a, bytes)
		}
		n := rapid.Uint64().Draw(t, "n")
		sum := new(big.Int).Add(a, new(big.Int).SetUint64(n))
		if sum.BitLen() <= 128 && wa.Add(n).String() != sum.String() {
			t.Fatalf("%s + %d = %s, want %s", a, n, wa.Add(n), sum)
		}
	})
}

func TestWorkHasOneText(t *testing.T) {
	most := new(big.Int).Lsh(big.NewInt(1), 128)
	for _, bad := range []string{
		"", "-0", "-1", "+1", "00", "01", " 1", "1 ", "1_000", "0x1", "1e3", "1.0", "١",
		most.String(), strings.Repeat("9", 40), strings.Repeat("9", 1<<20), strings.Repeat("0", 41),
	} {
		if w, err := chain.ParseWork(bad); err == nil || len(err.Error()) > 200 {
			t.Errorf("%.50q is parsed as %s (%v)", bad, w, err)
		}
	}
	for _, good := range []string{"0", "1", "18446744073709551616", most.Sub(most, big.NewInt(1)).String()} {
		raw, err := json.Marshal(good)
		if err != nil {
			t.Fatal(err)
		}
		var w chain.Work
		if err := json.Unmarshal(raw, &w); err != nil || w.String() != good {
			t.Errorf("%s is parsed as %s (%v)", good, w, err)
		}
	}
}

func TestHashHasOneText(t *testing.T) {
	good := strings.Repeat("0123456789abcdef", 4)
	h, err := chain.ParseHash(good)
	if err != nil || h.String() != good || h.Short() != good[:12] {
		t.Errorf("%s is parsed as %s (%v)", good, h, err)
	}
	for _, bad := range []string{"", good[1:], good + "0", strings.ToUpper(good), " " + good[1:], "0x" + good[2:], strings.Repeat("g", 64)} {
		if _, err := chain.ParseHash(bad); err == nil {
			t.Errorf("%q is parsed as a hash", bad)
		}
	}
}

func TestAddressHasOneText(t *testing.T) {
	good := string(alice.address)
	for _, bad := range []string{
		"", good[1:], good + "1", " " + good[1:], good[:51] + " ", strings.ToLower(good), strings.Repeat("1", 52), strings.Repeat("z", 52),
		strings.Replace(good, "12D3", "12D4", 1), good[:51] + "0", good[:50] + "é",
		"QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N",                    // the hash of an RSA key
		"16Uiu2HAm3U4bRQQiLAhPAHr4fpVfqcQhXpKwGzHvSqxqxPHXPT9r",             // secp256k1
		"bafzaajaiaejcbzdibmxyzdjbbehgvizh6g5tikvy47mshdy6gwbruvgwvd24seje", // the same kind of key as a CID
	} {
		if a, err := chain.ParseAddress(bad); err == nil {
			t.Errorf("%q is parsed as the address %s", bad, a)
		}
	}
	if _, err := chain.Address("").Key(); err == nil {
		t.Error("nobody has a key")
	}
	rapid.Check(t, func(t *rapid.T) {
		public := rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key")
		a, err := chain.ParseAddress(string(chain.AddressOf(public)))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := a.Key(); err != nil || string(got) != string(public) {
			t.Fatalf("%s has the key %x (%v), want %x", a, got, err, public)
		}
	})
}
