package chain_test

import (
	"bytes"
	"errors"
	"fmt"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/canonical"
)

// sameVerdict fails unless the decoder of a type finds raw canonical exactly
// when reading it by reflection and writing it again does.
func sameVerdict[T any](t *testing.T, raw []byte, decode func([]byte) error) {
	t.Helper()
	err := decode(raw)
	broken, _ := errors.AsType[*chain.RuleError](err)
	refused := broken != nil && broken.Rule == chain.RuleForm && bytes.HasPrefix([]byte(broken.Want), []byte("a canonical "))
	if slow := canonical.Unmarshal(raw, new(T)); refused != (slow != nil) {
		t.Fatalf("%q\ndecoded: %v\nread and written again: %v", raw, err, slow)
	}
}

func decoders(t testing.TB) (transaction, header func([]byte) error) {
	r := easy(t, nil)
	transaction = func(raw []byte) error {
		_, err := r.DecodeTransaction(raw)
		return err
	}
	header = func(raw []byte) error {
		_, err := r.DecodeHeader(raw)
		return err
	}
	return transaction, header
}

// TestOneByteFromCanonicalIsJudgedAlike takes canonical objects and changes,
// drops and doubles each of their bytes.
func TestOneByteFromCanonicalIsJudgedAlike(t *testing.T) {
	v := readVectors(t)
	transaction, header := decoders(t)
	each := func(raw []byte, judge func([]byte)) {
		judge(raw)
		for i := range raw {
			for _, c := range []byte(" \"\\0aAe1,:}\x00\x1f\x7f\x80\xc3") {
				changed := bytes.Clone(raw)
				changed[i] = c
				judge(changed)
			}
			judge(append(bytes.Clone(raw[:i]), raw[i+1:]...))
			judge(append(bytes.Clone(raw[:i+1]), raw[i:]...))
		}
	}
	for _, tx := range v.Transactions {
		if len(tx.Canonical) > 1000 {
			continue
		}
		each([]byte(tx.Canonical), func(raw []byte) { sameVerdict[chain.Transaction](t, raw, transaction) })
	}
	for _, not := range v.NotTransactions {
		sameVerdict[chain.Transaction](t, []byte(not.Bytes), transaction)
	}
	raw, _, err := chain.SplitBlock([]byte(v.Blocks[1].Canonical))
	if err != nil {
		t.Fatal(err)
	}
	each(raw, func(raw []byte) { sameVerdict[chain.Header](t, raw, header) })
}

func FuzzScannersAgreeWithReflection(f *testing.F) {
	v := readVectors(f)
	for _, tx := range v.Transactions {
		f.Add([]byte(tx.Canonical))
	}
	for _, not := range v.NotTransactions {
		f.Add([]byte(not.Bytes))
	}
	for _, b := range v.Blocks {
		raw, _, err := chain.SplitBlock([]byte(b.Canonical))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(raw)
	}
	transaction, header := decoders(f)
	f.Fuzz(func(t *testing.T, raw []byte) {
		if len(raw) > chain.MaxHeaderBytes {
			return
		}
		sameVerdict[chain.Transaction](t, raw, transaction)
		sameVerdict[chain.Header](t, raw, header)
	})
}

// TestKnownTransactionsAreTakenAndChangeNoVerdict changes, drops and doubles
// each byte of a block of which every other transaction is known.
func TestKnownTransactionsAreTakenAndChangeNoVerdict(t *testing.T) {
	r := easy(t, nil)
	var txs []*chain.Transaction
	ids := map[chain.Hash]*chain.Transaction{}
	for i, data := range []string{`},{"amount":`, "", `\`, `[{"amount":0`} {
		tx := r.Sign(chain.Transaction{Nonce: uint64(i), Data: data}, alice.seed)
		if txs = append(txs, tx); i%2 == 0 {
			ids[tx.ID()] = tx
		}
	}
	known := func(id chain.Hash) *chain.Transaction { return ids[id] }
	good := child(r.GenesisState(), txs, nil).Raw()
	block, err := r.DecodeBlockKnowing(good, known)
	if err != nil {
		t.Fatal(err)
	}
	for i, tx := range block.Transactions {
		if taken := tx == txs[i]; taken != (i%2 == 0) || tx.ID() != txs[i].ID() || !bytes.Equal(tx.Raw(), txs[i].Raw()) {
			t.Errorf("transaction %d: taken %t, id %s for %s", i, taken, tx.ID(), txs[i].ID())
		}
	}
	same := func(raw []byte) {
		_, err := r.DecodeBlock(raw)
		if _, knowing := r.DecodeBlockKnowing(raw, known); fmt.Sprint(knowing) != fmt.Sprint(err) {
			t.Fatalf("%q\ndecoded: %v\nknowing: %v", raw, err, knowing)
		}
	}
	from := bytes.Index(good, []byte(`"transactions":`))
	for i := from; i < len(good); i++ {
		for _, c := range []byte(" \"\\0a,:{}[]\x00") {
			changed := bytes.Clone(good)
			changed[i] = c
			same(changed)
		}
		same(append(bytes.Clone(good[:i]), good[i+1:]...))
		same(append(bytes.Clone(good[:i+1]), good[i:]...))
	}
}
