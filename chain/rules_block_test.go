package chain_test

import (
	"bytes"
	"strings"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/pow"
)

var blockBreaches = []breach{
	{chain.RuleSize, invalid, "one byte more than max_block_bytes", func(s scene) error {
		return s.judge(make([]byte, s.rules.Params.MaxBlockBytes+1))
	}},
	{chain.RuleSize, invalid, "a header over 4096 bytes", func(s scene) error {
		return s.header(func(h *chain.Header) { h.Data = strings.Repeat("x", 4096) })
	}},
	{chain.RuleForm, invalid, "nothing", func(s scene) error { return s.judge(nil) }},
	{chain.RuleForm, invalid, "an object without fields", func(s scene) error { return s.judge([]byte("{}")) }},
	{chain.RuleForm, invalid, "a header alone", func(s scene) error {
		b := child(s.state, nil, nil)
		return s.judge(b.Canonical())
	}},
	{chain.RuleForm, invalid, "the fields' marks in the wrong order", func(s scene) error {
		return s.judge([]byte(`{"a":0,"tx_count":0,"transactions":[]}`))
	}},
	{chain.RuleForm, invalid, "the fields' marks overlapping", func(s scene) error {
		return s.judge([]byte(`,"transactions":,"tx_count":`))
	}},
	{chain.RuleForm, invalid, "transactions before other fields", func(s scene) error {
		header := child(s.state, nil, nil)
		raw := header.Canonical()
		return s.judge(append([]byte(`{"a":0,"transactions":[]`), bytes.Replace(raw, []byte("{"), []byte(","), 1)...))
	}},
	{chain.RuleForm, invalid, "transactions twice", func(s scene) error { return s.list(0, `[],"transactions":[]`) }},
	{chain.RuleForm, invalid, "a line end after it", func(s scene) error {
		return s.judge(append(child(s.state, nil, nil).Raw(), '\n'))
	}},
	{chain.RuleForm, invalid, "a byte before it", func(s scene) error {
		return s.judge(append([]byte{' '}, child(s.state, nil, nil).Raw()...))
	}},
	{chain.RuleForm, invalid, "transactions null", func(s scene) error { return s.list(0, `null`) }},
	{chain.RuleForm, invalid, "transactions missing", func(s scene) error { return s.list(0, ``) }},
	{chain.RuleForm, invalid, "transactions an object", func(s scene) error { return s.list(0, `{}`) }},
	{chain.RuleForm, invalid, "transactions not closed", func(s scene) error { return s.list(0, `[`) }},
	{chain.RuleForm, invalid, "transactions closed twice", func(s scene) error { return s.list(0, `[]]`) }},
	{chain.RuleForm, invalid, "white space in the list", func(s scene) error { return s.list(0, `[ ]`) }},
	{chain.RuleForm, invalid, "two lists", func(s scene) error { return s.list(0, `[][]`) }},
	{chain.RuleForm, invalid, "a comma alone", func(s scene) error { return s.list(0, `[,]`) }},
	{chain.RuleForm, invalid, "an empty transaction", func(s scene) error { return s.list(1, `[{}]`) }},
	{chain.RuleForm, invalid, "lists in lists", func(s scene) error {
		return s.list(1, strings.Repeat("[", 20_000)+strings.Repeat("]", 20_000))
	}},
	{chain.RuleForm, invalid, "white space between transactions", func(s scene) error {
		raw := string(s.rules.Sign(chain.Transaction{Nonce: 3}, alice.seed).Raw())
		return s.list(2, "["+raw+", "+raw+"]")
	}},
	{chain.RuleForm, invalid, "a comma after the last transaction", func(s scene) error {
		raw := string(s.rules.Sign(chain.Transaction{Nonce: 3}, alice.seed).Raw())
		return s.list(1, "["+raw+",]")
	}},
}

var transactionBreaches = []breach{
	{chain.RuleSize, invalid, "a transaction too large for a block's overhead", func(s scene) error {
		return s.txs(alice, chain.Transaction{Nonce: 3, Data: strings.Repeat("\x01", 16_300)})
	}},
	{chain.RuleData, invalid, "a record over max_data_bytes", func(s scene) error {
		return s.txs(alice, chain.Transaction{Nonce: 3, Data: strings.Repeat("x", 97_001)})
	}},
	{chain.RuleForm, invalid, "units for nobody", func(s scene) error {
		return s.txs(alice, chain.Transaction{Nonce: 3, Amount: 1})
	}},
	{chain.RuleForm, invalid, "from nobody", func(s scene) error {
		tx := chain.NewTransaction(chain.Transaction{Data: strings.Repeat("x", 52)})
		return s.judge(child(s.state, []*chain.Transaction{tx}, nil).Raw())
	}},
	{chain.RuleForm, invalid, "a fee above MaxInteger", func(s scene) error {
		return s.txs(alice, chain.Transaction{Nonce: 3, Fee: maxInteger + 1})
	}},
	{chain.RuleSignature, invalid, "for another chain", func(s scene) error {
		other := s
		p := s.rules.Params
		p.ChainID = "other"
		other.rules, _ = chain.NewRules(p, pow.Engine{})
		return s.judge(child(s.state, []*chain.Transaction{other.rules.Sign(chain.Transaction{Nonce: 3}, alice.seed)}, nil).Raw())
	}},
	{chain.RuleSignature, invalid, "one bad among good ones", func(s scene) error {
		var txs []*chain.Transaction
		for n := range uint64(5) {
			txs = append(txs, s.rules.Sign(chain.Transaction{Nonce: 3 + n}, alice.seed))
		}
		bad := *txs[3]
		bad.Signature[40] ^= 1
		txs[3] = chain.NewTransaction(bad)
		return s.judge(child(s.state, txs, nil).Raw())
	}},
	{chain.RuleNonce, unfit, "used before", func(s scene) error { return s.txs(alice, chain.Transaction{Nonce: 2}) }},
	{chain.RuleNonce, unfit, "after a gap", func(s scene) error { return s.txs(alice, chain.Transaction{Nonce: 4}) }},
	{chain.RuleNonce, unfit, "twice in a block", func(s scene) error {
		return s.txs(alice, chain.Transaction{Nonce: 3}, chain.Transaction{Nonce: 3, Data: "again"})
	}},
	{chain.RuleBalance, unfit, "amount", func(s scene) error {
		return s.txs(bob, chain.Transaction{To: alice.address, Amount: 11})
	}},
	{chain.RuleBalance, unfit, "amount and fee", func(s scene) error {
		return s.txs(bob, chain.Transaction{To: alice.address, Amount: 10, Fee: 1})
	}},
	{chain.RuleBalance, unfit, "to itself", func(s scene) error {
		return s.txs(bob, chain.Transaction{To: bob.address, Amount: 11})
	}},
	{chain.RuleBalance, unfit, "amount and fee of which no integer holds the sum", func(s scene) error {
		return s.txs(dave, chain.Transaction{To: alice.address, Amount: maxInteger, Fee: maxInteger})
	}},
	{chain.RuleOverflow, unfit, "a balance", func(s scene) error {
		return s.txs(alice, chain.Transaction{Nonce: 3, To: dave.address, Amount: 6})
	}},
	{chain.RuleOverflow, unfit, "a nonce", func(s scene) error {
		return s.txs(erin, chain.Transaction{Nonce: maxInteger})
	}},
	{chain.RuleOverflow, unfit, "the miner's reward", func(s scene) error {
		return s.header(func(h *chain.Header) { h.Miner = dave.address })
	}},
	{chain.RuleOverflow, unfit, "the miner's fees", func(s scene) error {
		tx := s.rules.Sign(chain.Transaction{Nonce: 0, Fee: maxInteger - 5}, dave.seed)
		return s.judge(child(s.state, []*chain.Transaction{tx}, nil).Raw())
	}},
	{chain.RuleOverflow, unfit, "the sum of fees", func(s scene) error {
		s.accounts[alice.address] = chain.Account{Balance: 6}
		a := s.rules.Sign(chain.Transaction{Fee: 6}, alice.seed)
		d := s.rules.Sign(chain.Transaction{Fee: maxInteger - 5}, dave.seed)
		return s.judge(child(s.state, []*chain.Transaction{d, a}, nil).Raw())
	}},
}
