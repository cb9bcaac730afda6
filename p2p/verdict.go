package p2p

import (
	"errors"

	pubsub "github.com/libp2p/go-libp2p-pubsub"

	"github.com/lp2pnode/lp2pnode/chain"
)

// verdict is the whole policy of blame for gossip (protocol §8): what a
// decoder or the ledger said becomes what pubsub does with the message and its
// sender. Only what breaks a rule for ever is rejected; what is unlisted is
// our own fault and blames nobody.
func verdict(err error) pubsub.ValidationResult {
	switch {
	case err == nil:
		return pubsub.ValidationAccept
	case ours(err):
		return pubsub.ValidationIgnore
	case errors.Is(err, chain.ErrInvalid):
		return pubsub.ValidationReject
	}
	return pubsub.ValidationIgnore
}

// ours tells whether an error is this node's own fault.
func ours(err error) bool {
	if err == nil {
		return false
	}
	for _, listed := range []error{
		chain.ErrInvalid, chain.ErrUnfit, chain.ErrUnknownParent,
		chain.ErrFuture, chain.ErrWaiting, chain.ErrKnown, chain.ErrUnwanted, chain.ErrHeld,
	} {
		if errors.Is(err, listed) {
			return false
		}
	}
	return true
}

// verdictName is the verdict in counters and logs.
func verdictName(v pubsub.ValidationResult) string {
	switch v {
	case pubsub.ValidationAccept:
		return "accept"
	case pubsub.ValidationReject:
		return "reject"
	}
	return "ignore"
}

// What ruleOf says where no rule of the chain package was broken.
const (
	ruleParent = "unknown parent"
	ruleFuture = "future"
	ruleGap    = "waiting" // for the sender's earlier transactions
	ruleKnown  = "known"
	rulePolicy = "policy"
	ruleUnfit  = "unfit" // it stands on what broke a rule
	ruleUnmet  = "unmet" // its sender's status has not shown our genesis
	ruleRate   = "rate"  // more than a peer may send
	ruleHeld   = "held"  // nothing is written for now
	ruleOwn    = "own fault"
)

// ruleOf names, for counters, what a message broke or met; "" is nothing. There
// are only as many names as there are rules.
func ruleOf(err error) string {
	var broken *chain.RuleError
	if errors.As(err, &broken) {
		return string(broken.Rule)
	}
	for _, row := range []struct {
		err  error
		name string
	}{
		{errUnmet, ruleUnmet},
		{errOverRate, ruleRate},
		{chain.ErrUnknownParent, ruleParent},
		{chain.ErrFuture, ruleFuture},
		{chain.ErrWaiting, ruleGap},
		{chain.ErrKnown, ruleKnown},
		{chain.ErrUnwanted, rulePolicy},
		{chain.ErrHeld, ruleHeld},
		{chain.ErrUnfit, ruleUnfit},
		{chain.ErrInvalid, string(chain.RuleForm)},
	} {
		if errors.Is(err, row.err) {
			return row.name
		}
	}
	if err != nil {
		return ruleOwn
	}
	return ""
}
