package chain

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"

	"github.com/lp2pnode/lp2pnode/chain/canonical"
)

const (
	// MinTransactionBytes is the size of the shortest transaction (protocol §1).
	MinTransactionBytes = 253
	// blockOverhead is what a block has around its transactions at most (protocol §5).
	blockOverhead = 2100
)

// Transaction moves units, records data, or both (protocol §5). It is not
// changed after NewTransaction or a decoder returned it.
type Transaction struct {
	Amount    uint64    `json:"amount"`
	Data      string    `json:"data"`
	Fee       uint64    `json:"fee"`
	From      Address   `json:"from"`
	Nonce     uint64    `json:"nonce"`
	Signature Signature `json:"signature"`
	To        Address   `json:"to"`

	raw      []byte
	id       Hash
	verified bool // the signature holds on the chain it was decoded for; owned by whoever holds the block or pool entry
}

// NewTransaction returns t with its bytes and id worked out, ready for use.
func NewTransaction(t Transaction) *Transaction {
	t.raw = t.appendJSON(nil, nil)
	t.id = sha256.Sum256(t.raw)
	t.verified = false
	return &t
}

// Raw returns the canonical JSON; the caller must not change it.
func (t *Transaction) Raw() []byte { return t.raw }

// ID returns SHA-256 of the canonical JSON.
func (t *Transaction) ID() Hash { return t.id }

// Verified reports whether VerifyTransactions has found that the signature
// holds. Who does not own t may ask only if t is the pool's.
func (t *Transaction) Verified() bool { return t.verified }

// SignedBytes returns what the signature is over: the transaction without
// signature, with the genesis hash of its chain.
func (t *Transaction) SignedBytes(genesis Hash) []byte { return t.appendJSON(nil, &genesis) }

// appendJSON appends the canonical form, or with a genesis hash the signed form.
func (t *Transaction) appendJSON(b []byte, genesis *Hash) []byte {
	b = canonical.AppendInteger(append(b, `{"amount":`...), t.Amount)
	if genesis != nil {
		b = append(hex.AppendEncode(append(b, `,"chain":"`...), genesis[:]), '"')
	}
	b = canonical.AppendString(append(b, `,"data":`...), t.Data)
	b = canonical.AppendInteger(append(b, `,"fee":`...), t.Fee)
	b = canonical.AppendString(append(b, `,"from":`...), string(t.From))
	b = canonical.AppendInteger(append(b, `,"nonce":`...), t.Nonce)
	if genesis == nil {
		b = append(hex.AppendEncode(append(b, `,"signature":"`...), t.Signature[:]), '"')
	}
	b = canonical.AppendString(append(b, `,"to":`...), string(t.To))
	return append(b, '}')
}

// scan reads one canonical transaction but for its bytes and its id.
func (t *Transaction) scan(s *canonical.Scanner) {
	s.Literal(`{"amount":`)
	t.Amount = s.Integer()
	s.Literal(`,"data":`)
	t.Data = s.Text()
	s.Literal(`,"fee":`)
	t.Fee = s.Integer()
	s.Literal(`,"from":`)
	t.From = scanAddress(s)
	s.Literal(`,"nonce":`)
	t.Nonce = s.Integer()
	s.Literal(`,"signature":`)
	s.Hex(t.Signature[:])
	s.Literal(`,"to":`)
	t.To = scanAddress(s)
	s.Literal(`}`)
}

// check looks at the limits of a transaction that was scanned, not at its
// signature.
func (r *Rules) check(t *Transaction) error {
	switch size, most := uint64(len(t.raw)), r.Params.MaxBlockBytes-blockOverhead; {
	case size > most:
		return Invalid(RuleSize, fmt.Sprintf("a transaction of at most %d bytes", most), size)
	case t.From == "":
		return Invalid(RuleForm, "an address in from", `""`)
	case t.To == "" && t.Amount != 0:
		return Invalid(RuleForm, "an address in to, or amount 0", fmt.Sprintf("amount %d to nobody", t.Amount))
	case uint64(len(t.Data)) > r.Params.MaxDataBytes:
		return Invalid(RuleData, fmt.Sprintf("at most %d bytes of data", r.Params.MaxDataBytes), len(t.Data))
	}
	return nil
}

// decodeTransaction reads one canonical transaction and checks its form and
// limits, not its signature. It keeps raw.
func (r *Rules) decodeTransaction(raw []byte) (*Transaction, error) {
	if size, most := uint64(len(raw)), r.Params.MaxBlockBytes-blockOverhead; size > most {
		return nil, Invalid(RuleSize, fmt.Sprintf("a transaction of at most %d bytes", most), size)
	}
	t, s := &Transaction{raw: raw, id: sha256.Sum256(raw)}, canonical.NewScanner(raw)
	t.scan(s)
	s.End()
	if err := s.Err(); err != nil {
		return nil, Invalid(RuleForm, "a canonical transaction", err)
	}
	return t, r.check(t)
}

// DecodeTransaction reads one canonical transaction and checks all that needs
// no state, the signature included (protocol §5). Its errors match ErrInvalid.
// It keeps raw.
func (r *Rules) DecodeTransaction(raw []byte) (*Transaction, error) {
	t, err := r.decodeTransaction(raw)
	if err != nil {
		return nil, err
	}
	return t, r.VerifyTransactions([]*Transaction{t})
}
