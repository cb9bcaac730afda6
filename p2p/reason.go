package p2p

import (
	"context"
	"errors"
	"fmt"
	"net"
)

// Reason says why a peer left, was refused, or is left alone by sync.
type Reason string

// The reasons. The first group ends a connection, or keeps it from beginning;
// the second keeps sync from asking that peer for a while; of the third the
// peer hears nothing. Those that the table of offences has may lead to a ban.
const (
	ReasonClosed       Reason = "closed"        // the peer, or the network between, ended the connection
	ReasonOtherGenesis Reason = "other genesis" // it is on another chain
	ReasonNoAnswer     Reason = "no answer"     // two status exchanges in a row failed
	ReasonBadStatus    Reason = "bad status"    // its status was malformed, twice in a row
	ReasonTrimmed      Reason = "trimmed"       // more connections than the node keeps; nobody is to blame
	ReasonFlooding     Reason = "flooding"      // far more requests than the rates allow, for long
	ReasonBanned       Reason = "banned"        // by this node: the detail says what for
	ReasonByHand       Reason = "by hand"       // of a ban: the operator's

	ReasonStalled    Reason = "stalled"     // it was silent, or far too slow
	ReasonBroken     Reason = "broken off"  // a stream failed
	ReasonBusy       Reason = "busy"        // it has too many requests, ours or others'; nobody is to blame
	ReasonRefused    Reason = "refused"     // it answered with an error line
	ReasonBadAnswer  Reason = "bad answer"  // an answer was malformed, too long, or not what was asked for
	ReasonBadHeaders Reason = "bad headers" // a header broke a rule, or the headers changed when asked again
	ReasonFalseWork  Reason = "false work"  // it claimed more work than its headers carry
	ReasonAhead      Reason = "ahead"       // its next header is ahead of our clock; nobody is to blame
	ReasonNoBodies   Reason = "no bodies"   // headers without their blocks
	ReasonBadBlocks  Reason = "bad blocks"  // a block broke a rule or could not be executed

	ReasonBadBlock       Reason = "bad block"         // gossip broke a rule that anybody can check
	ReasonBadTransaction Reason = "bad transaction"   // so did a transaction
	ReasonBadRequest     Reason = "bad request"       // a request longer than any can be
	ReasonTooMany        Reason = "too many requests" // more than the rates allow
)

// fault is an error of a peer, with the reason to leave it alone.
type fault struct {
	reason Reason
	err    error
}

func (f *fault) Error() string { return fmt.Sprintf("%s: %v", f.reason, f.err) }
func (f *fault) Unwrap() error { return f.err }

func blame(reason Reason, format string, args ...any) error {
	return &fault{reason, fmt.Errorf(format, args...)}
}

// reasonOf returns why a peer whose request failed is left alone. Errors that
// nobody judged are of the stream.
func reasonOf(err error) Reason {
	var f *fault
	var timeout net.Error
	switch {
	case errors.As(err, &f):
		return f.reason
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return ReasonStalled
	case errors.Is(err, errLongLine):
		return ReasonBadAnswer
	}
	return ReasonBroken
}
