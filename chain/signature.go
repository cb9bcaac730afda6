package chain

import (
	"crypto/rand"
	"fmt"

	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
)

// zip215 makes single and batch checks agree on every input (protocol §5).
var zip215 = &ed25519.Options{Verify: ed25519.VerifyOptionsZIP_215}

// Sign returns t signed for this chain by an Ed25519 seed of 32 bytes; from
// becomes the seed's address.
func (r *Rules) Sign(t Transaction, seed []byte) *Transaction {
	key := ed25519.NewKeyFromSeed(seed)
	t.From = AddressOf(key[ed25519.SeedSize:])
	t.Signature = Signature(ed25519.Sign(key, t.SignedBytes(r.Genesis().Hash)))
	return NewTransaction(t)
}

// VerifyTransactions checks the signatures that were not checked before, in
// one batch, and remembers those that hold. The error names the first bad one
// and matches ErrInvalid. No two calls may share a transaction at a time.
func (r *Rules) VerifyTransactions(txs []*Transaction) error {
	var open []*Transaction
	batch := ed25519.NewBatchVerifier()
	for i, t := range txs {
		if t.verified {
			continue
		}
		key, err := t.From.Key()
		if err != nil {
			return fmt.Errorf("transaction %d: %w", i, Invalid(RuleForm, "an address in from", err))
		}
		open = append(open, t)
		batch.AddWithOptions(key, t.SignedBytes(r.Genesis().Hash), t.Signature[:], zip215)
	}
	if len(open) == 0 {
		return nil
	}
	all, each := batch.Verify(rand.Reader)
	for i, t := range open {
		if !all && !each[i] {
			return fmt.Errorf("transaction %s: %w", t.id, Invalid(RuleSignature, "the signature of "+string(t.From), t.Signature))
		}
		t.verified = true
	}
	return nil
}
