package chain

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"

	"github.com/lp2pnode/lp2pnode/chain/canonical"
	"github.com/lp2pnode/lp2pnode/chain/merkle"
)

// Block is a header and its transactions in order of execution (protocol §4).
// It is not changed after NewBlock or a decoder returned it, but for what is
// remembered of its signatures.
type Block struct {
	Header
	Transactions []*Transaction

	raw []byte
}

// NewBlock returns a block with its canonical bytes worked out. It fills in no
// field of the header: TxRoot and TxCount come from TxSummary.
func NewBlock(h Header, txs []*Transaction) *Block {
	size := len("[]")
	for _, t := range txs {
		size += len(t.raw) + len(",")
	}
	list := append(make([]byte, 0, size), '[')
	for i, t := range txs {
		if i > 0 {
			list = append(list, ',')
		}
		list = append(list, t.raw...)
	}
	return &Block{Header: h, Transactions: txs, raw: JoinBlock(h.Canonical(), append(list, ']'))}
}

// Raw returns the canonical JSON; the caller must not change it.
func (b *Block) Raw() []byte { return b.raw }

// TxSummary returns the tx_count and tx_root of a list of transactions.
func TxSummary(txs []*Transaction) (uint64, Hash) {
	return uint64(len(txs)), merkle.Root(rawTransactions(txs))
}

func rawTransactions(txs []*Transaction) [][]byte {
	entries := make([][]byte, len(txs))
	for i, t := range txs {
		entries[i] = t.raw
	}
	return entries
}

// A canonical block is its canonical header with one field more. No string can
// hold these marks, because a quote inside a string is escaped.
var (
	beforeList = []byte(`,"transactions":`)
	afterList  = []byte(`,"tx_count":`)
)

// SplitBlock takes a block's bytes apart into those of its header and those of
// the array of its transactions. It shares memory with raw where it can. What
// it returns for bytes that are not a canonical block is not one either.
func SplitBlock(raw []byte) (header, txs []byte, err error) {
	from := bytes.Index(raw, beforeList)
	to := bytes.LastIndex(raw, afterList)
	if from < 0 || to < from+len(beforeList) {
		return nil, nil, errors.New(`no "transactions" before "tx_count"`)
	}
	header = make([]byte, 0, from+len(raw)-to)
	header = append(append(header, raw[:from]...), raw[to:]...)
	return header, raw[from+len(beforeList) : to], nil
}

// JoinBlock is the inverse of SplitBlock for canonical bytes.
func JoinBlock(header, txs []byte) []byte {
	at := bytes.LastIndex(header, afterList)
	raw := make([]byte, 0, len(header)+len(beforeList)+len(txs))
	raw = append(append(raw, header[:at]...), beforeList...)
	return append(append(raw, txs...), header[at:]...)
}

// DecodeBlock reads one canonical block and checks what needs neither state
// nor signatures, cheapest first: size, form, hash, work, transactions' form,
// tx_count, tx_root (protocol §4). Signatures are left to VerifyTransactions,
// after the parent is known (protocol §8). Its errors match ErrInvalid. It
// keeps raw.
func (r *Rules) DecodeBlock(raw []byte) (*Block, error) {
	return r.DecodeBlockKnowing(raw, nothing)
}

// nothing knows no transaction.
func nothing(Hash) *Transaction { return nil }

// DecodeBlockKnowing is DecodeBlock for whoever holds many of the block's
// transactions already: known returns the one with an id, which
// DecodeTransaction has accepted, or nil, and it takes its place in the block
// without being read anew.
func (r *Rules) DecodeBlockKnowing(raw []byte, known func(id Hash) *Transaction) (*Block, error) {
	if uint64(len(raw)) > r.Params.MaxBlockBytes {
		return nil, Invalid(RuleSize, fmt.Sprintf("a block of at most %d bytes", r.Params.MaxBlockBytes), len(raw))
	}
	rawHeader, rawTxs, err := SplitBlock(raw)
	if err != nil {
		return nil, Invalid(RuleForm, "a canonical block", err)
	}
	h, err := r.DecodeHeader(rawHeader)
	if err != nil {
		return nil, err
	}
	txs, err := r.decodeList(rawTxs, h.TxCount, known)
	if err != nil {
		return nil, err
	}
	if want := Hash(merkle.Root(rawTransactions(txs))); h.TxRoot != want {
		return nil, Invalid(RuleTxRoot, want, h.TxRoot)
	}
	return &Block{Header: h, Transactions: txs, raw: raw}, nil
}

// decodeList reads a canonical array of want transactions and stops at the
// first element that is none, so that junk costs nothing (protocol §1).
func (r *Rules) decodeList(raw []byte, want uint64, known func(Hash) *Transaction) ([]*Transaction, error) {
	s := canonical.NewScanner(raw)
	s.Literal("[")
	var txs []*Transaction
	for s.Err() == nil && !s.Try("]") {
		if len(txs) > 0 {
			s.Literal(",")
		}
		t, err := r.decodeNext(s, raw, known)
		if err != nil {
			return nil, fmt.Errorf("transaction %d: %w", len(txs), err)
		}
		if uint64(len(txs)) >= want {
			return nil, Invalid(RuleTxCount, want, "more")
		}
		txs = append(txs, t)
	}
	s.End()
	if err := s.Err(); err != nil {
		return nil, Invalid(RuleForm, "an array of transactions", err)
	}
	if got := uint64(len(txs)); got != want {
		return nil, Invalid(RuleTxCount, want, got)
	}
	return txs, nil
}

// betweenTransactions stands between two elements of the array and, like the
// marks above, in no string.
var betweenTransactions = []byte(`},{"amount":`)

// decodeNext reads the transaction that comes next in an array: by its id if
// that is known, and else by its fields.
func (r *Rules) decodeNext(s *canonical.Scanner, raw []byte, known func(Hash) *Transaction) (*Transaction, error) {
	rest := raw[s.Offset():]
	size := bytes.Index(rest, betweenTransactions) + 1
	if size == 0 {
		size = max(len(rest)-1, 0) // all but the end of the array
	}
	id := Hash(sha256.Sum256(rest[:size]))
	if t := known(id); t != nil && s.Err() == nil {
		s.Skip(size)
		return t, nil
	}
	t := &Transaction{}
	t.scan(s)
	if err := s.Err(); err != nil {
		return nil, Invalid(RuleForm, "a canonical transaction", err)
	}
	t.raw = rest[:s.Offset()-(len(raw)-len(rest))]
	if t.id = id; len(t.raw) != size {
		t.id = sha256.Sum256(t.raw)
	}
	return t, r.check(t)
}
