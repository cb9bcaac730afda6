package chain_test

import (
	"bytes"
	"testing"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/merkle"
	"github.com/lp2pnode/lp2pnode/chain/pow"
)

// receiptBreaches spoils a good receipt of the vectors.
func receiptBreaches(t *testing.T) []breach {
	v := readVectors(t)
	spoil := func(rule chain.Rule, how string, change func(*chain.Receipt)) breach {
		return breach{rule, invalid, "receipt: " + how, func(scene) error {
			r, err := chain.DecodeReceipt(v.receipt(t, 0), pow.Engine{})
			if err != nil {
				return err
			}
			change(r)
			_, err = chain.DecodeReceipt(r.Canonical(), pow.Engine{})
			return err
		}}
	}
	reseal := func(h *chain.Header) { h.Nonce = 0; seal(h) }
	return []breach{
		{chain.RuleSize, invalid, "receipt: longer than any can be", func(scene) error {
			_, err := chain.DecodeReceipt(make([]byte, chain.MaxReceiptBytes+1), pow.Engine{})
			return err
		}},
		{chain.RuleForm, invalid, "receipt: none", func(scene) error {
			_, err := chain.DecodeReceipt(nil, pow.Engine{})
			return err
		}},
		{chain.RuleForm, invalid, "receipt: not in canonical order", func(scene) error {
			_, err := chain.DecodeReceipt(v.Receipts[0], pow.Engine{})
			return err
		}},
		{chain.RuleForm, invalid, "receipt: null for a proof", func(scene) error {
			last := v.receipt(t, 2)
			_, err := chain.DecodeReceipt(bytes.Replace(last, []byte(`"tx_proof":[]`), []byte(`"tx_proof":null`), 1), pow.Engine{})
			return err
		}},
		spoil(chain.RuleVersion, "header of another version", func(r *chain.Receipt) { r.Header.Version = 2; reseal(&r.Header) }),
		spoil(chain.RuleHash, "header does not hash to what it says", func(r *chain.Receipt) { r.Header.Data = "x" }),
		spoil(chain.RuleHash, "tip does not hash to what it says", func(r *chain.Receipt) { r.Tip.Data = "x" }),
		spoil(chain.RuleWork, "header without work", func(r *chain.Receipt) {
			r.Header.Difficulty = maxInteger
			r.Header.Hash = r.Header.ComputeHash()
		}),
		spoil(chain.RuleWork, "tip without work", func(r *chain.Receipt) {
			r.Tip.Difficulty = maxInteger
			r.Tip.Hash = r.Tip.ComputeHash()
		}),
		spoil(chain.RuleDifficulty, "tip of difficulty 0", func(r *chain.Receipt) {
			r.Tip.Difficulty = 0
			r.Tip.Hash = r.Tip.ComputeHash()
		}),
		spoil(chain.RuleProof, "history_size below the tip's height", func(r *chain.Receipt) { r.HistorySize-- }),
		spoil(chain.RuleProof, "history_size above the tip's height", func(r *chain.Receipt) { r.HistorySize++ }),
		spoil(chain.RuleProof, "in the tip itself", func(r *chain.Receipt) { r.Header = r.Tip }),
		spoil(chain.RuleProof, "tip below the header", func(r *chain.Receipt) {
			r.Header, r.Tip = r.Tip, r.Header
			r.HistorySize, r.TxCount = r.Tip.Height, r.Header.TxCount
		}),
		spoil(chain.RuleProof, "tx_count other than the header's", func(r *chain.Receipt) { r.TxCount++ }),
		spoil(chain.RuleProof, "tx_index at tx_count", func(r *chain.Receipt) { r.TxIndex = r.TxCount }),
		spoil(chain.RuleProof, "another index", func(r *chain.Receipt) { r.TxIndex-- }),
		spoil(chain.RuleProof, "another signature", func(r *chain.Receipt) { r.Transaction.Signature[0]++ }),
		spoil(chain.RuleProof, "tx_proof too short", func(r *chain.Receipt) { r.TxProof = nil }),
		spoil(chain.RuleProof, "tx_proof too long", func(r *chain.Receipt) { r.TxProof = append(r.TxProof, chain.Hash{}) }),
		spoil(chain.RuleProof, "history_proof too short", func(r *chain.Receipt) { r.HistoryProof = r.HistoryProof[1:] }),
		spoil(chain.RuleProof, "history_proof too long", func(r *chain.Receipt) { r.HistoryProof = append(r.HistoryProof, chain.Hash{}) }),
		spoil(chain.RuleProof, "header of a height it does not stand at", func(r *chain.Receipt) { r.Header.Height++; reseal(&r.Header) }),
		spoil(chain.RuleProof, "header of another chain", func(r *chain.Receipt) { r.Header.Data = "x"; reseal(&r.Header) }),
		spoil(chain.RuleProof, "tip of another history", func(r *chain.Receipt) {
			r.Tip.HistoryRoot = merkle.LeafHash(nil)
			reseal(&r.Tip)
		}),
	}
}
