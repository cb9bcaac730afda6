package chain

import (
	"fmt"

	"github.com/lp2pnode/lp2pnode/chain/canonical"
	"github.com/lp2pnode/lp2pnode/chain/merkle"
)

// MaxReceiptBytes bounds a receipt: the largest transaction of any chain and
// generous room for headers and proofs.
const MaxReceiptBytes = 8_388_608 + 65_536

// Receipt proves to a third party who trusts one block hash, Tip's, that a
// transaction stands in the chain (protocol §9).
type Receipt struct {
	Header       Header      `json:"header"`
	HistoryProof []Hash      `json:"history_proof"`
	HistorySize  uint64      `json:"history_size"`
	Tip          Header      `json:"tip"`
	Transaction  Transaction `json:"transaction"`
	TxCount      uint64      `json:"tx_count"`
	TxIndex      uint64      `json:"tx_index"`
	TxProof      []Hash      `json:"tx_proof"`
}

// Canonical returns the receipt's canonical JSON.
func (r *Receipt) Canonical() []byte {
	raw, err := canonical.Marshal(r)
	if err != nil {
		panic(fmt.Sprintf("chain: receipt not checked: %v", err))
	}
	return raw
}

// DecodeReceipt reads and verifies a canonical receipt; engine checks the work
// that its headers carry. The error says what does not hold and matches
// ErrInvalid. The caller compares Tip.Hash with a hash that it trusts.
func DecodeReceipt(raw []byte, engine Engine) (*Receipt, error) {
	if len(raw) > MaxReceiptBytes {
		return nil, Invalid(RuleSize, fmt.Sprintf("a receipt of at most %d bytes", MaxReceiptBytes), len(raw))
	}
	r := &Receipt{}
	if err := canonical.Unmarshal(raw, r); err != nil {
		return nil, Invalid(RuleForm, "a canonical receipt", err)
	}
	return r, r.verify(engine)
}

func (r *Receipt) verify(engine Engine) error {
	for _, h := range []*Header{&r.Header, &r.Tip} {
		if _, err := decodeHeader(h.Canonical()); err != nil {
			return fmt.Errorf("header of height %d: %w", h.Height, err)
		}
		if err := engine.Sealed(h); err != nil {
			return fmt.Errorf("header of height %d: %w", h.Height, err)
		}
	}
	switch {
	case r.HistorySize != r.Tip.Height:
		return Invalid(RuleProof, fmt.Sprintf("history_size = tip.height = %d", r.Tip.Height), r.HistorySize)
	case r.Tip.Height <= r.Header.Height:
		return Invalid(RuleProof, fmt.Sprintf("a tip above height %d", r.Header.Height), r.Tip.Height)
	case r.TxCount != r.Header.TxCount:
		return Invalid(RuleProof, fmt.Sprintf("tx_count = header.tx_count = %d", r.Header.TxCount), r.TxCount)
	case r.TxIndex >= r.TxCount:
		return Invalid(RuleProof, fmt.Sprintf("a tx_index below %d", r.TxCount), r.TxIndex)
	}
	tx := NewTransaction(r.Transaction)
	if err := merkle.Verify(tx.raw, r.TxIndex, r.TxCount, proofPath(r.TxProof), r.Header.TxRoot); err != nil {
		return Invalid(RuleProof, "a tx_proof from the transaction to header.tx_root", err)
	}
	if err := merkle.Verify(r.Header.Hash[:], r.Header.Height, r.HistorySize, proofPath(r.HistoryProof), r.Tip.HistoryRoot); err != nil {
		return Invalid(RuleProof, "a history_proof from header.hash to tip.history_root", err)
	}
	return nil
}

func proofPath(hashes []Hash) []merkle.Hash {
	path := make([]merkle.Hash, len(hashes))
	for i, h := range hashes {
		path[i] = h
	}
	return path
}

// NewReceipt returns the receipt of transaction index of block b against tip,
// given the inclusion proof of b's hash in tip's history.
func NewReceipt(b *Block, index uint64, tip Header, history []merkle.Hash) (*Receipt, error) {
	path, err := merkle.EntryProof(rawTransactions(b.Transactions), index)
	if err != nil {
		return nil, fmt.Errorf("receipt of transaction %d of block %s: %w", index, b.Hash, err)
	}
	return &Receipt{
		Header:       b.Header,
		HistoryProof: proofHashes(history),
		HistorySize:  tip.Height,
		Tip:          tip,
		Transaction:  *b.Transactions[index],
		TxCount:      b.TxCount,
		TxIndex:      index,
		TxProof:      proofHashes(path),
	}, nil
}

func proofHashes(path []merkle.Hash) []Hash {
	hashes := make([]Hash, len(path))
	for i, h := range path {
		hashes[i] = h
	}
	return hashes
}
