package p2p

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/lp2pnode/lp2pnode/chain"
)

// maxSurveys is how many peers are asked for their headers at a time.
const maxSurveys = 4

// syncLoop catches up whenever a peer shows more work, and when one that was
// left alone may be asked again.
func (n *Network) syncLoop(ctx context.Context) {
	for ctx.Err() == nil {
		next := n.catchUp(ctx)
		var due <-chan time.Time
		if !next.IsZero() {
			due = time.After(max(next.Sub(n.now()), n.timing.retry/10))
		}
		select {
		case <-n.wake:
		case <-due:
		case <-ctx.Done():
		}
	}
}

// catchUp follows the heaviest peers until nobody is heavier, and returns when
// to look again (zero: when woken).
func (n *Network) catchUp(ctx context.Context) (next time.Time) {
	for ctx.Err() == nil {
		if n.ledger.Held() != nil {
			return n.now().Add(n.timing.ahead) // what is fetched could not be kept
		}
		tip := n.ledger.Tip()
		ahead, next := n.heavier(tip.Work)
		n.forgetSurveys()
		if len(ahead) == 0 {
			n.settle()
			return next
		}
		won, err := n.race(ctx)
		if err == nil && won != nil {
			err = n.fetch(ctx, won)
			if now := n.ledger.Tip(); now.Tip.Hash != tip.Tip.Hash {
				n.kickAll() // so that the news hops on
			}
		}
		if err != nil && ctx.Err() == nil {
			if !errors.Is(err, chain.ErrHeld) {
				n.log.Error("cannot catch up", "error", err)
			}
			return n.now().Add(n.timing.ahead)
		}
	}
	return time.Time{}
}

// forgetSurveys drops those of peers that left.
func (n *Network) forgetSurveys() {
	n.mu.Lock()
	defer n.mu.Unlock()
	maps.DeleteFunc(n.surveys, func(id peer.ID, _ *survey) bool { return n.remotes[id] == nil })
}

// race surveys one peer's headers, after a while without outcome also another
// one's, and so on, and returns the first survey that has found more work than
// ours; nil if nobody is ahead any more. So a peer that stalls or streams cheap
// headers without end holds up nobody, and peers that come meanwhile take part.
// The error is a fault of ours.
func (n *Network) race(ctx context.Context) (*survey, error) {
	racing, cancel := context.WithCancel(ctx)
	type outcome struct {
		sv  *survey
		err error
	}
	outcomes := make(chan outcome)
	running := map[peer.ID]bool{}
	defer func() {
		cancel()
		for range running {
			o := <-outcomes
			o.sv.turns++
			if o.sv.crossed {
				delete(n.surveys, o.sv.peer) // soon out of date
			}
		}
	}()
	var due time.Time
	for asked := 0; ; {
		changed := n.Changed()
		p, ok := n.nextSurvey(running, asked)
		if !ok && len(running) == 0 {
			return nil, ctx.Err()
		}
		var next <-chan time.Time
		switch {
		case ok && len(running) == 0:
			next = time.After(0)
		case ok:
			next = time.After(time.Until(due))
		}
		select {
		case <-next:
			sv, err := n.resume(p)
			if err != nil {
				return nil, err
			}
			asked, due, running[p.ID] = asked+1, time.Now().Add(n.timing.stagger), true
			go func() { outcomes <- outcome{sv, n.survey(racing, sv)} }()
		case <-changed:
		case o := <-outcomes:
			delete(running, o.sv.peer)
			if o.err == nil {
				delete(n.surveys, o.sv.peer)
				return o.sv, nil
			}
			if err := n.lost(ctx, o.sv, o.err); err != nil {
				return nil, err
			}
		}
	}
}

// nextSurvey returns whose headers to ask for next, if any: beyond maxSurveys
// only those of peers that we dialled, and as many again.
func (n *Network) nextSurvey(running map[peer.ID]bool, asked int) (Peer, bool) {
	n.forgetSurveys()
	ahead, _ := n.heavier(n.ledger.Tip().Work)
	if len(running) >= maxSurveys {
		ahead = slices.DeleteFunc(ahead, func(p Peer) bool { return p.Direction != outbound })
	}
	if len(running) >= 2*maxSurveys {
		return Peer{}, false
	}
	return choose(ahead, running, asked, n.turnsOf)
}

func (n *Network) turnsOf(id peer.ID) int {
	if sv := n.surveys[id]; sv != nil {
		return sv.turns
	}
	return 0
}

// resume returns the peer's survey, a new one if there is none.
func (n *Network) resume(p Peer) (*survey, error) {
	if sv := n.surveys[p.ID]; sv != nil {
		return sv, nil
	}
	sv, err := n.newSurvey(p)
	if err != nil {
		return nil, err
	}
	n.surveys[p.ID] = sv
	return sv, nil
}

// errTurn ends a turn of a survey that goes on later.
var errTurn = errors.New("others come first")

// survey asks for headers until they carry more work than ours, or a turn is
// over.
func (n *Network) survey(ctx context.Context, sv *survey) error {
	end := time.Now().Add(n.timing.turn)
	for {
		if err := n.step(ctx, sv); err != nil {
			return err
		}
		if sv.crossed {
			return nil
		}
		if time.Now().After(end) {
			return errTurn
		}
	}
}

// lost deals with a survey that found nothing. The error is a fault of ours.
func (n *Network) lost(ctx context.Context, sv *survey, err error) error {
	switch {
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, errTurn):
		sv.turns++
		return nil
	case errors.Is(err, errOwn), errors.Is(err, errPanic):
		delete(n.surveys, sv.peer)
		return err
	case errors.Is(err, errOutrun):
		delete(n.surveys, sv.peer)
		return nil
	}
	reason := reasonOf(err)
	if reason == ReasonBusy {
		sv.turns++ // and goes on where it is
	} else {
		delete(n.surveys, sv.peer)
	}
	n.pause(sv.peer, reason, err)
	return nil
}

// beginFetch says whose chain is being fetched. Its blocks are waited for, unless
// the last fetch was in vain: headers are cheaper than they look, for whoever
// withholds their blocks needs no more than one branch to show again and again.
func (n *Network) beginFetch(id peer.ID) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.syncing = id
	if n.brought = n.now(); n.barren {
		n.brought = time.Time{}
	}
	n.barren = true
	n.notify()
}

// progress notes that blocks came.
func (n *Network) progress() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.brought, n.barren = n.now(), false
	n.began = n.brought
	n.notify()
}

// endFetch says that nobody's chain is being fetched.
func (n *Network) endFetch() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.syncing = ""
	n.notify()
}

// settle notes that nobody is ahead, if there is anybody.
func (n *Network) settle() {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, r := range n.remotes {
		if r.Met && !n.level {
			n.level = true
			n.notify()
		}
	}
}

// source is where blocks of a peer come from.
func source(id peer.ID) chain.Source {
	return chain.Source{Via: chain.ViaSync, Peer: id.String()}
}
