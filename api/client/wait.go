package client

import (
	"context"
	"fmt"

	"github.com/lp2pnode/lp2pnode/chain"
)

// LostError says that a transaction will not come into a block.
type LostError struct{ Status *TxStatus }

func (e *LostError) Error() string {
	s := e.Status
	text := fmt.Sprintf("transaction %s has left the pool", s.ID)
	switch {
	case s.ReplacedBy != (chain.Hash{}):
		text = fmt.Sprintf("transaction %s was replaced by %s", s.ID, s.ReplacedBy)
	case s.State == StateReplaced:
		text = fmt.Sprintf("transaction %s was replaced", s.ID)
	}
	if s.Detail != "" {
		text += ": " + s.Detail
	}
	return text
}

// WaitFor waits until a transaction has a number of confirmations, its own
// block being the first, and returns how it stands then. It calls progress, if
// there is one, whenever that may have changed. A reorganisation may set it
// back; one that was replaced or has left the pool is a *LostError at once. It
// waits for one that the node does not know, which may come from elsewhere. Its
// other errors are those of Events.
func (c *Client) WaitFor(ctx context.Context, id chain.Hash, confirmations uint64, progress func(*TxStatus)) (*TxStatus, error) {
	if progress == nil {
		progress = func(*TxStatus) {}
	}
	status, err := c.Status(ctx) // the place first: what comes after it is told
	if err != nil {
		return nil, err
	}
	s, done, err := c.look(ctx, id, confirmations, progress)
	if done || err != nil {
		return s, err
	}
	for e, err := range c.follow(ctx, chain.Cursor{Height: status.Height, Hash: status.Tip}) {
		if err != nil {
			return s, err
		}
		switch e.Kind {
		case EventPeer:
			continue
		case EventTransaction: // it may push one out that is pending
			if s.State != StatePending && e.Transaction.ID() != id {
				continue
			}
		}
		if s, done, err = c.look(ctx, id, confirmations, progress); done || err != nil {
			return s, err
		}
	}
	return s, ctx.Err()
}

func (c *Client) look(ctx context.Context, id chain.Hash, confirmations uint64, progress func(*TxStatus)) (s *TxStatus, done bool, err error) {
	if s, err = c.Transaction(ctx, id); err != nil {
		return nil, false, err
	}
	progress(s)
	switch s.State {
	case StateReplaced, StateExpired:
		return s, true, &LostError{s}
	case StateIncluded:
		return s, s.Included != nil && s.Included.Confirmations >= confirmations, nil
	}
	return s, false, nil
}
