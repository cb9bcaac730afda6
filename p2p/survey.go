package p2p

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/lp2pnode/lp2pnode/chain"
)

// maxRestarts is how often a peer may change its chain under one survey.
const maxRestarts = 3

// survey judges the headers of one peer's chain in memory, from where it
// leaves ours. Until their work is more than ours it keeps only the running
// state and how many there were (protocol §8), so endless cheap headers cost
// no memory; from there on it keeps hashes. It is owned by one goroutine at a
// time, and outlives a turn: a deep fork is surveyed in several.
type survey struct {
	peer    peer.ID
	claim   chain.Work   // what the peer's status said when the survey began
	locator []chain.Hash // of our chain then
	turns   int          // how often others had to come first

	begun    bool
	fork     chain.Hash  // the last block that both chains have
	state    chain.State // after the last header judged
	restarts int

	light   int          // headers between fork and joint, judged and forgotten
	crossed bool         // the work is more than ours
	joint   chain.Hash   // the parent of the first header kept
	kept    []chain.Hash // headers after joint, in order
	beyond  bool         // what comes now in the chain is not here
	ended   bool         // the peer has no more, or all that it claimed is here
}

// newSurvey starts at our present tip.
func (n *Network) newSurvey(p Peer) (*survey, error) {
	locator, err := n.ledger.Locator()
	if err != nil {
		return nil, fmt.Errorf("locator: %w", err)
	}
	return &survey{peer: p.ID, claim: p.Work, locator: locator}, nil
}

// step asks for one answer of headers and judges them.
func (n *Network) step(ctx context.Context, sv *survey) error {
	locator := sv.locator
	if sv.begun && sv.state.Tip.Hash != sv.fork {
		locator = slices.Concat([]chain.Hash{sv.state.Tip.Hash}, sv.locator)
		if len(locator) > maxLocator { // keep genesis
			locator = slices.Delete(locator, maxLocator-1, len(locator)-1)
		}
	}
	count := 0
	err := n.askHeaders(ctx, sv.peer, locator, func(h *chain.Header) error {
		count++
		return n.judgeHeader(sv, h, count == 1)
	})
	if err != nil {
		return err
	}
	sv.ended = count == 0 || sv.state.Work.Cmp(sv.claim) >= 0
	if sv.ended && !sv.crossed {
		return n.disappointed(sv)
	}
	return nil
}

// disappointed judges a peer whose headers ended without more work than ours:
// it claimed more than it has, unless we have caught up with its claim.
func (n *Network) disappointed(sv *survey) error {
	if sv.begun && sv.state.Work.Cmp(sv.claim) >= 0 || n.ledger.Tip().Work.Cmp(sv.claim) >= 0 {
		return errOutrun
	}
	return blame(ReasonFalseWork, "its headers end with less work than the %s that it claimed", sv.claim)
}

// errOutrun: our own chain has grown past what was surveyed.
var errOutrun = errors.New("our chain has caught up meanwhile")

// judgeHeader checks one header and moves on to it.
func (n *Network) judgeHeader(sv *survey, h *chain.Header, first bool) error {
	if !sv.begun || h.PrevHash != sv.state.Tip.Hash {
		if err := n.beginAt(sv, h.PrevHash, first); err != nil {
			return err
		}
	}
	if now := n.now().UnixMilli(); now < 0 || h.Timestamp > uint64(now)+n.rules.Params.MaxAheadMS() {
		return blame(ReasonAhead, "header %s at height %d: %w", h.Hash, h.Height, chain.ErrFuture)
	}
	if err := sv.state.Check(h); err != nil {
		return blame(ReasonBadHeaders, "header %s at height %d: %w", h.Hash, h.Height, err)
	}
	sv.state = sv.state.Extend(h)
	if !sv.crossed && sv.state.Work.Cmp(n.ledger.Tip().Work) > 0 {
		sv.crossed, sv.joint = true, h.PrevHash
	}
	if sv.crossed {
		sv.kept = append(sv.kept, h.Hash)
	} else {
		sv.light++
	}
	return nil
}

// beginAt starts at a block of ours. A peer that reorganises while it is asked
// makes us start anew, which the first header of an answer may do a few times.
func (n *Network) beginAt(sv *survey, hash chain.Hash, first bool) error {
	if !first || !slices.Contains(sv.locator, hash) {
		return blame(ReasonBadHeaders, "a header on %s joins nothing that was asked for", hash)
	}
	if sv.begun {
		if sv.crossed {
			return blame(ReasonBadHeaders, "its chain changed while it was fetched")
		}
		if sv.restarts++; sv.restarts > maxRestarts {
			return blame(ReasonBadHeaders, "its chain changed %d times while it was asked", sv.restarts)
		}
	}
	state, err := n.ledger.StateAt(hash)
	if err != nil {
		return fmt.Errorf("state after %s: %w", hash, errors.Join(errOwn, err))
	}
	sv.begun, sv.fork, sv.state, sv.light = true, hash, state, 0
	return nil
}

// errOwn marks faults of our ledger, for which no peer is left.
var errOwn = errors.New("own fault")

// recall asks again for the headers that were judged and forgotten, between
// the fork and the joint, and returns their hashes. Since each names its
// parent, arriving at the joint proves that they are the same.
func (n *Network) recall(ctx context.Context, sv *survey) ([]chain.Hash, error) {
	hashes := make([]chain.Hash, 0, sv.light)
	last := sv.fork
	for pace := n.newPace(); len(hashes) < sv.light; {
		count := 0
		locator := slices.Concat([]chain.Hash{last}, sv.locator[min(1, len(sv.locator)):])
		err := n.askHeaders(ctx, sv.peer, locator, func(h *chain.Header) error {
			if count++; h.PrevHash != last {
				return blame(ReasonBadHeaders, "its headers changed when asked for again")
			}
			if len(hashes) < sv.light {
				hashes, last = append(hashes, h.Hash), h.Hash
				return nil
			}
			last = h.Hash // beyond the joint: only the order is checked
			return nil
		})
		if err != nil {
			return nil, err
		}
		if count == 0 {
			return nil, blame(ReasonBadHeaders, "its headers are not there when asked for again")
		}
		if err := pace.brought(count); err != nil && len(hashes) < sv.light {
			return nil, err
		}
	}
	if hashes[len(hashes)-1] != sv.joint {
		return nil, blame(ReasonBadHeaders, "its headers led elsewhere when asked for again")
	}
	return hashes, nil
}

// pace finds out a peer that holds up sync with a few headers at a time, while
// nobody else is asked: in each turn it has to bring as many as one answer
// holds. Who has them brings them in its first.
type pace struct {
	turn    time.Duration
	end     time.Time
	headers int // in this turn
}

func (n *Network) newPace() *pace {
	return &pace{turn: n.timing.turn, end: time.Now().Add(n.timing.turn)}
}

// brought counts an answer that did not bring all there is.
func (p *pace) brought(headers int) error {
	p.headers += headers
	now := time.Now()
	if now.Before(p.end) {
		return nil
	}
	if p.headers < maxHeaders {
		return blame(ReasonStalled, "it brought %d headers in %s, and has more", p.headers, p.turn)
	}
	p.headers, p.end = 0, now.Add(p.turn)
	return nil
}
