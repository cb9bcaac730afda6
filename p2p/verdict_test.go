package p2p

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	pubsub "github.com/libp2p/go-libp2p-pubsub"

	"github.com/lp2pnode/lp2pnode/chain"
)

func TestOnlyWhatTheSenderCouldKnowIsRejected(t *testing.T) {
	for _, row := range []struct {
		err  error
		want pubsub.ValidationResult
		ours bool
	}{
		{nil, pubsub.ValidationAccept, false},
		{chain.ErrInvalid, pubsub.ValidationReject, false},
		{chain.Invalid(chain.RuleTxRoot, "a", "b"), pubsub.ValidationReject, false},
		{chain.ErrUnfit, pubsub.ValidationIgnore, false},
		{chain.Unfit(chain.RuleNonce, 1, 2), pubsub.ValidationIgnore, false},
		{chain.ErrUnknownParent, pubsub.ValidationIgnore, false},
		{chain.ErrFuture, pubsub.ValidationIgnore, false},
		{chain.ErrWaiting, pubsub.ValidationIgnore, false},
		{chain.ErrKnown, pubsub.ValidationIgnore, false},
		{chain.ErrUnwanted, pubsub.ValidationIgnore, false},
		{errUnmet, pubsub.ValidationIgnore, false},
		{errOverRate, pubsub.ValidationIgnore, false},
		{errPanic, pubsub.ValidationIgnore, true},
		{errors.New("disk full"), pubsub.ValidationIgnore, true},
		{fmt.Errorf("read: %w", fs.ErrPermission), pubsub.ValidationIgnore, true},
	} {
		wrapped := row.err
		if wrapped != nil {
			wrapped = fmt.Errorf("add block: %w", row.err)
		}
		for _, err := range []error{row.err, wrapped} {
			if got := verdict(err); got != row.want {
				t.Errorf("%v: %s, want %s", err, verdictName(got), verdictName(row.want))
			}
			if got := ours(err); got != row.ours {
				t.Errorf("%v: our own fault %t, want %t", err, got, row.ours)
			}
		}
	}
}

// TestEveryVerdictHasARule: what is ignored or rejected is counted under a name
// of a few, and what strangers write is never one.
func TestEveryVerdictHasARule(t *testing.T) {
	for _, row := range []struct {
		err  error
		want string
	}{
		{nil, ""},
		{chain.Invalid(chain.RuleTxRoot, "a", "b"), "tx_root"},
		{chain.Unfit(chain.RuleNonce, 1, 2), "nonce"},
		{chain.ErrInvalid, "form"},
		{chain.ErrUnfit, "unfit"},
		{chain.ErrUnknownParent, "unknown parent"},
		{chain.ErrFuture, "future"},
		{chain.ErrWaiting, "waiting"},
		{chain.ErrKnown, "known"},
		{chain.ErrUnwanted, "policy"},
		{chain.ErrHeld, "held"},
		{errUnmet, "unmet"},
		{errOverRate, "rate"},
		{errors.New("anything at all"), "own fault"},
	} {
		wrapped := row.err
		if wrapped != nil {
			wrapped = fmt.Errorf("add block: %w", row.err)
		}
		for _, err := range []error{row.err, wrapped} {
			if got := ruleOf(err); got != row.want {
				t.Errorf("%v: want rule %q, got %q", err, row.want, got)
			}
		}
	}
}
