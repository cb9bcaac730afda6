package chain

import (
	"bytes"
	"errors"
	"fmt"

	"github.com/lp2pnode/lp2pnode/chain/merkle"
)

// Finding is what one rule says of a block or transaction.
type Finding struct {
	Rule Rule   `json:"rule"`
	OK   bool   `json:"ok"`
	Want string `json:"want"`
	Got  string `json:"got"`
}

// findings grow in the order in which a block meets the rules.
type findings []Finding

func (f *findings) add(rule Rule, ok bool, want, got any) {
	*f = append(*f, Finding{rule, ok, text(want), text(got)})
}

// judge adds what a rule's error says, or that the rule holds. It returns an
// error that is no rule's.
func (f *findings) judge(err error, rule Rule, want, got any) error {
	broken := new(RuleError)
	switch {
	case err == nil:
		f.add(rule, true, want, got)
	case errors.As(err, &broken):
		f.add(broken.Rule, false, broken.Want, broken.Got)
	default:
		return err
	}
	return nil
}

// Ground returns what a block of this header stands on: the state of its
// parent, and the accounts there. The error matches ErrUnknownParent if the
// parent is not known.
type Ground func(h *Header) (State, Accounts, error)

// ExplainBlock runs every rule on the bytes of a block, also after one is
// broken, as far as what is left makes sense. The first finding that is not OK
// is what DecodeBlock, Check, VerifyTransactions or Execute would say. The
// error is ground's. Clocks are the ledger's business (protocol §7).
func (r *Rules) ExplainBlock(raw []byte, ground Ground) ([]Finding, error) {
	var f findings
	most := r.Params.MaxBlockBytes
	f.add(RuleSize, uint64(len(raw)) <= most, fmt.Sprintf("a block of at most %d bytes", most), len(raw))
	rawHeader, rawTxs, err := SplitBlock(raw)
	if err != nil {
		f.add(RuleForm, false, "a canonical block", err)
		return f, nil
	}
	var h Header
	_, err = h.scan(rawHeader)
	if err != nil {
		f.add(RuleForm, false, "a canonical header", err)
		return f, nil
	}
	f.add(RuleForm, true, "a canonical header", fmt.Sprintf("one of %d bytes", len(rawHeader)))
	if bytes.Equal(raw, r.Genesis().Raw()) {
		f.add(RuleHash, true, "the genesis block, which needs no more", h.Hash)
		return f, nil
	}
	f.header(r, &h, len(rawHeader))
	txs, listed := f.list(r, rawTxs, &h)
	state, accounts, err := ground(&h)
	if errors.Is(err, ErrUnknownParent) {
		f.add(RulePrevHash, false, "a block that is known here", h.PrevHash)
		return f, nil
	}
	if err != nil {
		return f, err
	}
	f.parent(&state, &h)
	if !listed || h.Miner == "" { // nobody could be paid
		return f, nil
	}
	return f, f.execution(r, &Block{Header: h, Transactions: txs, raw: raw}, accounts)
}

// header are the rules that a header meets by itself.
func (f *findings) header(r *Rules, h *Header, size int) {
	f.add(RuleSize, size <= MaxHeaderBytes, fmt.Sprintf("a header of at most %d bytes", MaxHeaderBytes), size)
	f.add(RuleVersion, h.Version == Version, Version, h.Version)
	f.add(RuleData, len(h.Data) <= MaxNoteBytes, fmt.Sprintf("at most %d bytes of data", MaxNoteBytes), len(h.Data))
	f.add(RuleDifficulty, h.Difficulty > 0, "at least 1", h.Difficulty)
	hash := h.ComputeHash()
	f.add(RuleHash, h.Hash == hash, hash, h.Hash)
	f.add(RuleHeight, h.Height > 0, "at least 1", h.Height)
	f.add(RuleMiner, h.Miner != "", "an address", fmt.Sprintf("%q", h.Miner))
	if h.Difficulty == 0 {
		return // there is no such target
	}
	_ = f.judge(r.Engine.Sealed(h), RuleWork, fmt.Sprintf("a hash that proves a difficulty of %d", h.Difficulty), h.Hash) // its errors are a rule's
}

// list are the rules that a block's transactions meet by themselves.
func (f *findings) list(r *Rules, raw []byte, h *Header) ([]*Transaction, bool) {
	txs, err := r.decodeList(raw, h.TxCount, nothing)
	if err != nil {
		_ = f.judge(err, RuleTxCount, h.TxCount, len(txs)) // its errors are a rule's
		return nil, false
	}
	f.add(RuleTxCount, true, h.TxCount, len(txs))
	root := Hash(merkle.Root(rawTransactions(txs)))
	f.add(RuleTxRoot, h.TxRoot == root, root, h.TxRoot)
	return txs, true
}

// parent are the rules that a header meets on its parent (State.Check).
func (f *findings) parent(s *State, h *Header) {
	f.add(RulePrevHash, h.PrevHash == s.Tip.Hash, s.Tip.Hash, h.PrevHash)
	f.add(RuleHeight, h.Height == s.Tip.Height+1, s.Tip.Height+1, h.Height)
	later := h.Timestamp > s.Tip.Timestamp
	f.add(RuleTimestamp, later, fmt.Sprintf("more than the parent's %d", s.Tip.Timestamp), h.Timestamp)
	root := Hash(s.history.Root())
	f.add(RuleHistoryRoot, h.HistoryRoot == root, root, h.HistoryRoot)
	if later { // the difficulty depends on it
		prescribed := *h
		s.rules.Engine.Prepare(s, &prescribed)
		_ = f.judge(s.rules.Engine.Verify(s, h), RuleDifficulty, prescribed.Difficulty, h.Difficulty) // its errors are a rule's
	}
}

// execution are the rules of signatures and accounts.
func (f *findings) execution(r *Rules, b *Block, accounts Accounts) error {
	all := fmt.Sprintf("%d transactions", len(b.Transactions))
	if err := f.judge(r.VerifyTransactions(b.Transactions), RuleSignature, "a signature of each sender", all); err != nil {
		return err
	}
	_, err := r.Execute(b, accounts)
	if err == nil {
		f.add(RuleNonce, true, "each sender's next", all)
		f.add(RuleBalance, true, "each amount + fee", all)
		f.add(RuleOverflow, true, "no sum above 2^53-1", all)
		return nil
	}
	return f.judge(err, RuleNonce, "", "")
}

// ExplainTransaction is ExplainBlock for a transaction on these accounts.
func (r *Rules) ExplainTransaction(raw []byte, accounts Accounts) ([]Finding, error) {
	var f findings
	most := r.Params.MaxBlockBytes - blockOverhead
	f.add(RuleSize, uint64(len(raw)) <= most, fmt.Sprintf("a transaction of at most %d bytes", most), len(raw))
	t, err := r.decodeTransaction(raw)
	if err != nil {
		if uint64(len(raw)) <= most {
			err = f.judge(err, RuleForm, "", "")
		} else {
			err = nil // said
		}
		return f, err
	}
	f.add(RuleForm, true, "a canonical transaction", t.id)
	f.add(RuleData, true, fmt.Sprintf("at most %d bytes of data", r.Params.MaxDataBytes), len(t.Data))
	if err := f.judge(r.VerifyTransactions([]*Transaction{t}), RuleSignature, "a signature of "+string(t.From), t.Signature); err != nil {
		return f, err
	}
	from, err := accounts(t.From)
	if err != nil {
		return f, err
	}
	f.add(RuleNonce, t.Nonce == from.Nonce, from.Nonce, t.Nonce)
	err = NewDraft(accounts).Apply(t)
	if broken := new(RuleError); errors.As(err, &broken) && broken.Rule == RuleNonce {
		return f, nil // said
	}
	if err == nil {
		f.add(RuleBalance, true, fmt.Sprintf("amount %d + fee %d", t.Amount, t.Fee), from.Balance)
		f.add(RuleOverflow, true, "no sum above 2^53-1", "none")
		return f, nil
	}
	return f, f.judge(err, RuleBalance, "", "")
}
