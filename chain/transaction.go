package chain

import (
	"bytes"
	"crypto/sha256"
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

// SignedBytes returns what the signature is over: the transaction without
// signature, with the genesis hash of its chain.
func (t *Transaction) SignedBytes(genesis Hash) []byte { return t.appendJSON(nil, &genesis) }

// appendJSON appends the canonical form, or with a genesis hash the signed form.
func (t *Transaction) appendJSON(b []byte, genesis *Hash) []byte {
	b = canonical.AppendInteger(append(b, `{"amount":`...), t.Amount)
	if genesis != nil {
		b = append(append(append(b, `,"chain":"`...), genesis.String()...), '"')
	}
	b = canonical.AppendString(append(b, `,"data":`...), t.Data)
	b = canonical.AppendInteger(append(b, `,"fee":`...), t.Fee)
	b = canonical.AppendString(append(b, `,"from":`...), string(t.From))
	b = canonical.AppendInteger(append(b, `,"nonce":`...), t.Nonce)
	if genesis == nil {
		b = append(append(append(b, `,"signature":"`...), t.Signature.String()...), '"')
	}
	b = canonical.AppendString(append(b, `,"to":`...), string(t.To))
	return append(b, '}')
}

// mostlyData tells without parsing whether nothing but data is long in raw, as
// in every canonical transaction: a parser takes twenty bytes of memory to
// refuse one of a long name or number.
func mostlyData(raw []byte) bool {
	const most = 2 * MinTransactionBytes // of what stands before data, or after it
	_, rest, found := bytes.Cut(raw, []byte(`,"data":"`))
	if !found || len(raw)-len(rest) > most {
		return false
	}
	for {
		i := bytes.IndexAny(rest, `"\`)
		if i < 0 || rest[i] == '"' {
			return i >= 0 && len(rest)-i <= most
		}
		rest = rest[min(i+2, len(rest)):]
	}
}

// decodeTransaction reads one canonical transaction and checks its form and
// limits, not its signature. It keeps raw.
func (r *Rules) decodeTransaction(raw []byte) (*Transaction, error) {
	if size, most := uint64(len(raw)), r.Params.MaxBlockBytes-blockOverhead; size > most {
		return nil, Invalid(RuleSize, fmt.Sprintf("a transaction of at most %d bytes", most), size)
	}
	if len(raw) < MinTransactionBytes {
		return nil, Invalid(RuleForm, fmt.Sprintf("a transaction of at least %d bytes", MinTransactionBytes), len(raw))
	}
	if !mostlyData(raw) {
		return nil, Invalid(RuleForm, "a canonical transaction", fmt.Sprintf("%q…", raw[:min(len(raw), 60)]))
	}
	t := &Transaction{}
	if err := canonical.Read(raw, t); err != nil {
		return nil, Invalid(RuleForm, "a canonical transaction", err)
	}
	if err := canonical.Same(raw, t.appendJSON(make([]byte, 0, len(raw)), nil)); err != nil {
		return nil, Invalid(RuleForm, "a canonical transaction", err)
	}
	switch {
	case t.From == "":
		return nil, Invalid(RuleForm, "an address in from", `""`)
	case t.To == "" && t.Amount != 0:
		return nil, Invalid(RuleForm, "an address in to, or amount 0", fmt.Sprintf("amount %d to nobody", t.Amount))
	case uint64(len(t.Data)) > r.Params.MaxDataBytes:
		return nil, Invalid(RuleData, fmt.Sprintf("at most %d bytes of data", r.Params.MaxDataBytes), len(t.Data))
	}
	t.raw, t.id = raw, sha256.Sum256(raw)
	return t, nil
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
