package chain

import (
	"errors"
	"fmt"
)

// The errors of the ledger, by what the caller shall do about them. Anything
// else that comes back from a rule or a store is this node's own fault.
var (
	// ErrInvalid: it breaks a rule for ever, and whoever sent it could know.
	ErrInvalid = errors.New("invalid")
	// ErrUnfit: it is well formed but cannot be executed on the state it meets
	// (nonce, balance, overflow), or stands on a block that could not.
	ErrUnfit = errors.New("does not fit the state")
	// ErrUnknownParent: it may be judged once its parent is here.
	ErrUnknownParent = errors.New("unknown parent")
	// ErrFuture: it may be judged once the clock has come near its timestamp.
	ErrFuture = errors.New("ahead of the clock")
	// ErrWaiting: a transaction was kept, but an earlier one of its sender is
	// missing; it is not passed on before that is here.
	ErrWaiting = errors.New("kept until the sender's earlier transactions are here")
	// ErrKnown: it was here before.
	ErrKnown = errors.New("already known")
	// ErrHeld: this node writes nothing for now, its disk being full or unwell;
	// nobody is to blame, and the same may be offered again later.
	ErrHeld = errors.New("nothing is written for now")
	// ErrUnwanted: local policy refuses it; nobody is to blame.
	ErrUnwanted = errors.New("refused by local policy")
)

// Rule names a rule that a block, header, transaction or receipt can break.
type Rule string

// The rules, in the order in which a block meets them.
const (
	RuleSize        Rule = "size"         // canonical size, §3 and §5
	RuleForm        Rule = "form"         // canonical form, fields, addresses, §1, §2, §5
	RuleVersion     Rule = "version"      // §4
	RuleData        Rule = "data"         // length of a note or record, §4, §5
	RuleMiner       Rule = "miner"        // every block but genesis names its miner, §4
	RuleHash        Rule = "hash"         // §4
	RuleWork        Rule = "work"         // proof of work, §4
	RuleTxCount     Rule = "tx_count"     // §4
	RuleTxRoot      Rule = "tx_root"      // §4
	RulePrevHash    Rule = "prev_hash"    // §4
	RuleHeight      Rule = "height"       // §4
	RuleTimestamp   Rule = "timestamp"    // §4
	RuleHistoryRoot Rule = "history_root" // §4
	RuleDifficulty  Rule = "difficulty"   // §6
	RuleSignature   Rule = "signature"    // §5
	RuleNonce       Rule = "nonce"        // §5
	RuleBalance     Rule = "balance"      // §5
	RuleOverflow    Rule = "overflow"     // §5
	RuleProof       Rule = "proof"        // a receipt's inclusion proofs, §9
)

// RuleError says which rule was broken, what it wanted and what was found. It
// matches ErrInvalid or ErrUnfit.
type RuleError struct {
	Rule Rule
	Want string
	Got  string
	kind error
}

func (e *RuleError) Error() string {
	return fmt.Sprintf("rule %s: want %s, got %s", e.Rule, e.Want, e.Got)
}

func (e *RuleError) Unwrap() error { return e.kind }

// Invalid returns a RuleError that matches ErrInvalid. Engines use it.
func Invalid(rule Rule, want, got any) error {
	return &RuleError{Rule: rule, Want: text(want), Got: text(got), kind: ErrInvalid}
}

// Unfit returns a RuleError that matches ErrUnfit.
func Unfit(rule Rule, want, got any) error {
	return &RuleError{Rule: rule, Want: text(want), Got: text(got), kind: ErrUnfit}
}

// text bounds what strangers can make us say.
func text(v any) string { return fmt.Sprintf("%.200s", fmt.Sprint(v)) }
