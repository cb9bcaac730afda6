package main

import (
	"context"
	"fmt"
	"time"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain"
)

// unknownGrace is what a transaction gets to come from elsewhere while the node
// that is asked does not know it.
const unknownGrace = 30 * time.Second

// patience is how long a transaction is waited for.
type patience struct {
	unknown time.Duration // while the node does not know it, at a stretch
	whole   time.Duration // 0: for ever
}

// wait waits for confirmations, telling on stderr how far they are: on a
// terminal in one line, elsewhere with a line for each new state.
func (a *asker) wait(ctx context.Context, c *client.Client, id chain.Hash, confirmations uint64, p patience) error {
	line := a.t.progress()
	defer line.end()
	var told client.TxState
	return p.wait(ctx, c, id, confirmations, func(s *client.TxStatus) {
		if s.State == client.StateReplaced || s.State == client.StateExpired {
			return // the error says what became of it
		}
		text := fmt.Sprintf("%s: %s", id.Short(), txText(s))
		if s.Included == nil || s.Included.Confirmations < confirmations {
			text += "; waiting for " + count(int(confirmations), "confirmation")
		}
		if line.shown() {
			line.show(text)
		} else if told != s.State {
			fmt.Fprintln(a.t.err, printable(text))
		}
		told = s.State
	})
}

// wait is Client.WaitFor, ended by an error when patience is.
func (p patience) wait(ctx context.Context, c *client.Client, id chain.Hash, confirmations uint64, progress func(*client.TxStatus)) error {
	waiting, end := context.WithCancelCause(ctx)
	defer end(nil)
	if p.whole > 0 {
		over := time.AfterFunc(p.whole, func() {
			end(fmt.Errorf("transaction %s has not %s within %s", id, count(int(confirmations), "confirmation"), p.whole))
		})
		defer over.Stop()
	}
	stranger := time.AfterFunc(p.unknown, func() {
		end(fmt.Errorf("transaction %s is unknown to the node at %s, still after %s: was it handed in to a node of the same chain?", id, c.URL(), p.unknown))
	})
	stranger.Stop()
	defer stranger.Stop()
	known := true
	_, err := c.WaitFor(waiting, id, confirmations, func(s *client.TxStatus) {
		switch unknown := s.State == client.StateUnknown; {
		case unknown && known:
			stranger.Reset(p.unknown)
		case !unknown:
			stranger.Stop()
		}
		known = s.State != client.StateUnknown
		progress(s)
	})
	if err != nil && waiting.Err() != nil && ctx.Err() == nil {
		return context.Cause(waiting)
	}
	return err
}
