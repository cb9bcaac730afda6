package chain_test

import (
	"crypto/ed25519"
	"encoding/hex"
	"fmt"
	"math/big"
	"slices"
	"testing"

	lru "github.com/hashicorp/golang-lru/v2"
	voi "github.com/oasisprotocol/curve25519-voi/primitives/ed25519"

	"github.com/lp2pnode/lp2pnode/chain"
)

// The field's prime and the group's order (RFC 8032 §5.1), both odd.
func edwards() (p, order *big.Int) {
	p = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	order, _ = new(big.Int).SetString("27742317777372353535851937790883648493", 10)
	return p, order.Add(order, new(big.Int).Lsh(big.NewInt(1), 252))
}

// littleEndian returns n in 32 bytes, with the sign bit of an encoded point.
func littleEndian(n *big.Int, sign byte) []byte {
	b := n.FillBytes(make([]byte, 32))
	slices.Reverse(b)
	b[31] |= sign << 7
	return b
}

// warm returns rules that remember the keys of senders.
func warm(t testing.TB, r *chain.Rules) *chain.Rules {
	t.Helper()
	keys, err := lru.New[chain.Address, *voi.ExpandedPublicKey](2000)
	if err != nil {
		t.Fatal(err)
	}
	with := *r
	with.Keys = keys
	return &with
}

// agree fails unless a transaction gets this verdict alone, among good ones,
// and through DecodeTransaction, by rules that know no keys and by those that
// meet this one, expand it and have it.
func agree(t *testing.T, r *chain.Rules, what string, tx *chain.Transaction, good bool) {
	t.Helper()
	agreeOnce(t, r, what, tx, good)
	remembering := warm(t, r)
	for _, how := range []string{", met and expanded", ", expanded", ", expanded and all others"} {
		agreeOnce(t, remembering, what+how, tx, good)
	}
}

func agreeOnce(t *testing.T, r *chain.Rules, what string, tx *chain.Transaction, good bool) {
	t.Helper()
	copied := func() *chain.Transaction { return chain.NewTransaction(*tx) }
	alone := r.VerifyTransactions([]*chain.Transaction{copied()})
	batch := fresh(strangers(r, 40))
	amid := r.VerifyTransactions(slices.Insert(batch, 17, copied()))
	_, decoded := r.DecodeTransaction(tx.Raw())
	for how, err := range map[string]error{"alone": alone, "in a batch": amid, "decoded": decoded} {
		if good && err != nil {
			t.Errorf("%s, %s: %v", what, how, err)
		} else if !good {
			wantRule(t, err, chain.RuleSignature, chain.ErrInvalid)
		}
	}
}

// TestBrokenSignaturesAreJudgedAlikeAloneAndInBatches goes through the ways in
// which signatures are wrong, or right in more than one form.
func TestBrokenSignaturesAreJudgedAlikeAloneAndInBatches(t *testing.T) {
	r := easy(t, nil)
	p, order := edwards()
	good := r.Sign(chain.Transaction{Nonce: 7, Data: "x"}, alice.seed)
	key, err := good.From.Key()
	if err != nil {
		t.Fatal(err)
	}
	commitment, s := good.Signature[:32], slices.Clone(good.Signature[32:])
	slices.Reverse(s)
	scalar := new(big.Int).SetBytes(s)
	with := func(change func(*chain.Transaction)) *chain.Transaction {
		tx := *good
		change(&tx)
		return chain.NewTransaction(tx)
	}
	signature := func(r, s []byte) *chain.Transaction {
		return with(func(tx *chain.Transaction) { tx.Signature = chain.Signature(append(slices.Clone(r), s...)) })
	}
	flip := func(at int) *chain.Transaction {
		return with(func(tx *chain.Transaction) { tx.Signature[at/8] ^= 1 << (at % 8) })
	}
	other := ed25519.Sign(ed25519.NewKeyFromSeed(bob.seed), good.SignedBytes(r.Genesis().Hash))
	unsigned := ed25519.Sign(ed25519.NewKeyFromSeed(alice.seed), good.Raw())
	nowhere := append([]byte{2}, make([]byte, 31)...) // y = 2 is on no point
	agree(t, r, "as signed", good, true)
	for _, row := range []struct {
		what string
		tx   *chain.Transaction
	}{
		{"S + L", signature(commitment, littleEndian(new(big.Int).Add(scalar, order), 0))},
		{"S = L", signature(commitment, littleEndian(order, 0))},
		{"−S", signature(commitment, littleEndian(new(big.Int).Sub(order, scalar), 0))},
		{"S with its top bit", signature(commitment, littleEndian(scalar, 1))},
		{"S = 0", signature(commitment, make([]byte, 32))},
		{"R on no point", signature(nowhere, littleEndian(scalar, 0))},
		{"R = y of p, S as it was", signature(littleEndian(p, 0), littleEndian(scalar, 0))},
		{"all zero", signature(make([]byte, 32), make([]byte, 32))},
		{"all ones", with(func(tx *chain.Transaction) {
			for i := range tx.Signature {
				tx.Signature[i] = 0xff
			}
		})},
		{"halves changed over", signature(good.Signature[32:], commitment)},
		{"of another key", with(func(tx *chain.Transaction) { tx.Signature = chain.Signature(other) })},
		{"over other bytes", with(func(tx *chain.Transaction) { tx.Signature = chain.Signature(unsigned) })},
		{"over another nonce", with(func(tx *chain.Transaction) { tx.Nonce++ })},
		{"over other data", with(func(tx *chain.Transaction) { tx.Data = "y" })},
		{"key on no point", with(func(tx *chain.Transaction) { tx.From = chain.AddressOf(nowhere) })},
		{"key with the other sign", with(func(tx *chain.Transaction) {
			other := slices.Clone(key)
			other[31] ^= 0x80
			tx.From = chain.AddressOf(other)
		})},
		{"first bit of R", flip(0)},
		{"sign of R", flip(255)},
		{"first bit of S", flip(256)},
		{"bit 252 of S", flip(256 + 252)},
	} {
		t.Run(row.what, func(t *testing.T) { agree(t, r, row.what, row.tx, false) })
	}
	for bit := 3; bit < 512; bit += 37 {
		agree(t, r, fmt.Sprint("bit ", bit, " of ", hex.EncodeToString(good.Signature[:])), flip(bit), false)
	}
}
