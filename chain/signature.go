package chain

import (
	"crypto/rand"
	"fmt"

	"github.com/oasisprotocol/curve25519-voi/primitives/ed25519"
)

// zip215 makes single and batch checks agree on every input (protocol §5).
var zip215 = &ed25519.Options{Verify: ed25519.VerifyOptionsZIP_215}

// Keys remembers the public keys of recent senders as points of the curve, with
// multiples of them, so that their next signatures cost less; nil stands for a
// sender that was met once. Implementations bound their memory, some 1.7 KB a
// sender, and are safe for concurrent use.
type Keys interface {
	Get(Address) (key *ed25519.ExpandedPublicKey, met bool)
	Add(Address, *ed25519.ExpandedPublicKey) (evicted bool)
}

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
	for _, t := range txs {
		if !t.verified {
			open = append(open, t)
		}
	}
	if len(open) == 0 {
		return nil
	}
	batch := ed25519.NewBatchVerifierWithCapacity(len(open))
	var signed []byte
	for _, t := range open {
		signed = t.appendJSON(signed[:0], &r.genesis.Hash)
		if err := r.enter(batch, t, signed); err != nil {
			return fmt.Errorf("transaction %s: %w", t.id, Invalid(RuleForm, "an address in from", err))
		}
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

// enter adds a signature over signed to a batch.
func (r *Rules) enter(batch *ed25519.BatchVerifier, t *Transaction, signed []byte) error {
	expanded, err := r.expanded(t.From)
	if err != nil {
		return err
	}
	if expanded != nil {
		batch.AddExpandedWithOptions(expanded, signed, t.Signature[:], zip215)
		return nil
	}
	key, err := t.From.Key()
	if err != nil {
		return err
	}
	batch.AddWithOptions(key, signed, t.Signature[:], zip215)
	return nil
}

// expanded returns a sender's key from Keys, or nil. Expanding costs more than
// one signature gains, so it is done at the second.
func (r *Rules) expanded(from Address) (*ed25519.ExpandedPublicKey, error) {
	if r.Keys == nil {
		return nil, nil
	}
	expanded, met := r.Keys.Get(from)
	if expanded != nil {
		return expanded, nil
	}
	if met {
		key, err := from.Key()
		if err != nil {
			return nil, err
		}
		if expanded, err = ed25519.NewExpandedPublicKey(key); err != nil {
			return nil, nil // no point of the curve: the signature will not hold
		}
	}
	r.Keys.Add(from, expanded)
	return expanded, nil
}
