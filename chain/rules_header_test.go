package chain_test

import (
	"strings"

	"github.com/lp2pnode/lp2pnode/chain"
)

var headerBreaches = []breach{
	{chain.RuleVersion, invalid, "of the future", func(s scene) error {
		return s.header(func(h *chain.Header) { h.Version = 2 })
	}},
	{chain.RuleVersion, invalid, "zero", func(s scene) error {
		return s.header(func(h *chain.Header) { h.Version = 0 })
	}},
	{chain.RuleData, invalid, "a note of 257 bytes", func(s scene) error {
		return s.header(func(h *chain.Header) { h.Data = strings.Repeat("x", 257) })
	}},
	{chain.RuleData, invalid, "a note of 129 letters in 258 bytes", func(s scene) error {
		return s.header(func(h *chain.Header) { h.Data = strings.Repeat("é", 129) })
	}},
	{chain.RuleMiner, invalid, "none", func(s scene) error {
		return s.header(func(h *chain.Header) { h.Miner = "" })
	}},
	{chain.RuleForm, invalid, "a miner that is no address", func(s scene) error {
		return s.header(func(h *chain.Header) { h.Miner = "QmYyQSo1c1Ym7orWxLYvCrM2EmxFTANf8wXmmE7DWjhx5N" })
	}},
	{chain.RuleForm, invalid, "a height above MaxInteger", func(s scene) error {
		return s.header(func(h *chain.Header) { h.Height = maxInteger + 1 })
	}},
	{chain.RuleForm, invalid, "a nonce above MaxInteger", func(s scene) error {
		return s.header(func(h *chain.Header) { h.Nonce = maxInteger + 1 })
	}},
	{chain.RuleHash, invalid, "another nonce", func(s scene) error {
		return s.spoilt(func(h *chain.Header) { h.Nonce++ })
	}},
	{chain.RuleHash, invalid, "another note", func(s scene) error {
		return s.spoilt(func(h *chain.Header) { h.Data = "!" })
	}},
	{chain.RuleHash, invalid, "another hash", func(s scene) error {
		return s.spoilt(func(h *chain.Header) { h.Hash[31]++ })
	}},
	{chain.RuleWork, invalid, "a hash above the target", func(s scene) error {
		return s.spoilt(func(h *chain.Header) { h.Difficulty = maxInteger; h.Hash = h.ComputeHash() })
	}},
	{chain.RuleDifficulty, invalid, "zero", func(s scene) error {
		return s.header(func(h *chain.Header) { h.Difficulty = 0 })
	}},
	{chain.RuleDifficulty, invalid, "more than prescribed", func(s scene) error {
		return s.header(func(h *chain.Header) { h.Difficulty = 2 })
	}},
	{chain.RulePrevHash, invalid, "of the grandparent", func(s scene) error {
		return s.header(func(h *chain.Header) { h.PrevHash = s.rules.Genesis().Hash })
	}},
	{chain.RuleHeight, invalid, "the parent's", func(s scene) error {
		return s.header(func(h *chain.Header) { h.Height-- })
	}},
	{chain.RuleHeight, invalid, "one left out", func(s scene) error {
		return s.header(func(h *chain.Header) { h.Height++ })
	}},
	{chain.RuleHeight, invalid, "another genesis", func(s scene) error {
		return s.header(func(h *chain.Header) { h.Height = 0 })
	}},
	{chain.RuleTimestamp, invalid, "the parent's", func(s scene) error {
		return s.header(func(h *chain.Header) { h.Timestamp = s.state.Tip.Timestamp })
	}},
	{chain.RuleTimestamp, invalid, "before the parent's", func(s scene) error {
		return s.header(func(h *chain.Header) { h.Timestamp = s.state.Tip.Timestamp - 1 })
	}},
	{chain.RuleHistoryRoot, invalid, "the parent's", func(s scene) error {
		return s.header(func(h *chain.Header) { h.HistoryRoot = s.state.Tip.HistoryRoot })
	}},
	{chain.RuleTxRoot, invalid, "not of no transactions", func(s scene) error {
		return s.header(func(h *chain.Header) { h.TxRoot[0]++ })
	}},
	{chain.RuleTxCount, invalid, "more than there are", func(s scene) error {
		return s.header(func(h *chain.Header) { h.TxCount = 1 })
	}},
	{chain.RuleTxCount, invalid, "fewer than there are", func(s scene) error {
		tx := s.rules.Sign(chain.Transaction{Nonce: 3}, alice.seed)
		return s.judge(child(s.state, []*chain.Transaction{tx}, func(h *chain.Header) { h.TxCount = 0 }).Raw())
	}},
	{chain.RuleTxRoot, invalid, "transactions in another order", func(s scene) error {
		a := s.rules.Sign(chain.Transaction{Nonce: 3}, alice.seed)
		b := s.rules.Sign(chain.Transaction{Nonce: 0}, bob.seed)
		h := child(s.state, []*chain.Transaction{a, b}, nil).Header
		return s.judge(chain.NewBlock(h, []*chain.Transaction{b, a}).Raw())
	}},
}
