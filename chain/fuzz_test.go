package chain_test

import (
	"bytes"
	"errors"
	"testing"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/pow"
)

// What a decoder accepts has one form of bytes: encoded again it is the same.
// What it refuses it refuses with an error that says whose fault it is.

// wantRefusal fails unless err puts the blame on the input.
func wantRefusal(t *testing.T, err error) {
	t.Helper()
	broken, ok := errors.AsType[*chain.RuleError](err)
	if !ok {
		t.Fatalf("refused without a rule: %v", err)
	}
	wantRule(t, err, broken.Rule, chain.ErrInvalid)
}

func FuzzDecodeBlock(f *testing.F) {
	v := readVectors(f)
	rules := v.rules(f)
	for _, b := range v.Blocks {
		f.Add([]byte(b.Canonical))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		given := bytes.Clone(raw)
		b, err := rules.DecodeBlock(raw)
		if !bytes.Equal(raw, given) {
			t.Fatal("the input was changed")
		}
		if err != nil {
			wantRefusal(t, err)
			return
		}
		if again := chain.NewBlock(b.Header, b.Transactions).Raw(); !bytes.Equal(again, raw) || !bytes.Equal(b.Raw(), raw) {
			t.Fatalf("encoded again\n%s\nwas\n%s", again, raw)
		}
	})
}

// FuzzDecodeTransactions puts any bytes in the place of a block's transactions,
// behind a header whose hash and work hold, where other junk does not come.
func FuzzDecodeTransactions(f *testing.F) {
	v := readVectors(f)
	rules := easy(f, nil)
	for _, b := range v.Blocks {
		_, list, err := chain.SplitBlock([]byte(b.Canonical))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(list, uint64(bytes.Count(list, []byte(`"fee"`))))
	}
	for _, not := range v.NotTransactions {
		f.Add([]byte("["+not.Bytes+"]"), uint64(1))
	}
	empty := child(rules.GenesisState(), nil, nil).Header
	f.Fuzz(func(t *testing.T, list []byte, count uint64) {
		h := empty
		h.TxCount = count % (maxInteger + 1)
		seal(&h)
		b, err := rules.DecodeBlock(chain.JoinBlock(h.Canonical(), list))
		if err == nil {
			if !bytes.Equal(list, []byte("[]")) || len(b.Transactions) != 0 {
				t.Fatalf("accepted under the root of no transactions: %s", list)
			}
			return
		}
		wantRefusal(t, err)
		if checkRule(err, chain.RuleTxRoot, chain.ErrInvalid) != nil {
			return
		}
		// All but the root was good, so under the right one it is accepted.
		var values []jsontext.Value
		decode(t, list, &values)
		txs := make([]*chain.Transaction, len(values))
		for i, value := range values {
			txs[i] = unverified(t, value)
		}
		good := child(rules.GenesisState(), txs, nil)
		if _, got, err := chain.SplitBlock(good.Raw()); err != nil || !bytes.Equal(got, list) {
			t.Fatalf("encoded again\n%s\nwas\n%s", got, list)
		}
		if _, err := rules.DecodeBlock(good.Raw()); err != nil {
			t.Fatal(err)
		}
	})
}

func FuzzDecodeHeader(f *testing.F) {
	v := readVectors(f)
	rules := v.rules(f)
	for _, b := range v.Blocks {
		header, _, err := chain.SplitBlock([]byte(b.Canonical))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		h, err := rules.DecodeHeader(raw)
		if err != nil {
			wantRefusal(t, err)
			return
		}
		if !bytes.Equal(h.Canonical(), raw) || h.ComputeHash() != h.Hash {
			t.Fatalf("encoded again\n%s\nwas\n%s", h.Canonical(), raw)
		}
	})
}

func FuzzDecodeTransaction(f *testing.F) {
	v := readVectors(f)
	rules := v.rules(f)
	for _, tx := range v.Transactions {
		f.Add([]byte(tx.Canonical))
	}
	for _, not := range v.NotTransactions {
		f.Add([]byte(not.Bytes))
	}
	f.Add([]byte(v.SmallOrder.Canonical))
	f.Fuzz(func(t *testing.T, raw []byte) {
		tx, err := rules.DecodeTransaction(raw)
		if err != nil {
			wantRefusal(t, err)
			return
		}
		if again := chain.NewTransaction(*tx).Raw(); !bytes.Equal(again, raw) {
			t.Fatalf("encoded again\n%s\nwas\n%s", again, raw)
		}
	})
}

func FuzzDecodeReceipt(f *testing.F) {
	v := readVectors(f)
	for i := range v.Receipts {
		f.Add(v.receipt(f, i))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		r, err := chain.DecodeReceipt(raw, pow.Engine{})
		if err != nil {
			wantRefusal(t, err)
			return
		}
		compact := jsontext.Value(raw).Clone()
		if err := compact.Compact(); err != nil || !bytes.Equal(r.Canonical(), compact) {
			t.Fatalf("encoded again\n%s\nwas (%v)\n%s", r.Canonical(), err, raw)
		}
	})
}

func FuzzParseParams(f *testing.F) {
	v := readVectors(f)
	f.Add([]byte(v.Genesis.Parameters))
	f.Add([]byte(v.Genesis.Canonical))
	f.Add(easy(f, nil).Params.Canonical())
	f.Fuzz(func(t *testing.T, raw []byte) {
		p, err := chain.ParseParams(raw)
		if err != nil {
			return
		}
		canonical := jsontext.Value(raw).Clone()
		if err := canonical.Canonicalize(); err != nil || !bytes.Equal(p.Canonical(), canonical) {
			t.Fatalf("encoded again\n%s\nwas (%v)\n%s", p.Canonical(), err, raw)
		}
		if again, err := chain.ParseParams(p.Canonical()); err != nil || !bytes.Equal(again.Canonical(), p.Canonical()) {
			t.Fatalf("its canonical form is refused: %v", err)
		}
	})
}

func FuzzParseAddress(f *testing.F) {
	for _, k := range readVectors(f).Keys {
		f.Add(k.Address)
	}
	f.Add("QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N")
	f.Fuzz(func(t *testing.T, s string) {
		a, err := chain.ParseAddress(s)
		if err != nil {
			return
		}
		public, err := a.Key()
		if err != nil || string(chain.AddressOf(public)) != s {
			t.Fatalf("%q is the address %s of %x (%v)", s, chain.AddressOf(public), public, err)
		}
	})
}

func FuzzParseWork(f *testing.F) {
	for _, s := range []string{"0", "1038", "18446744073709551616", "340282366920938463463374607431768211456", "-1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if w, err := chain.ParseWork(s); err == nil && (w.String() != s || chain.WorkFromBytes(w.Bytes()) != w) {
			t.Fatalf("%q is the work %s", s, w)
		}
	})
}

func FuzzParseHash(f *testing.F) {
	f.Add(readVectors(f).Genesis.Hash)
	f.Fuzz(func(t *testing.T, s string) {
		if h, err := chain.ParseHash(s); err == nil && h.String() != s {
			t.Fatalf("%q is the hash %s", s, h)
		}
	})
}
