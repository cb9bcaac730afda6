package chain

import (
	"fmt"

	"github.com/lp2pnode/lp2pnode/chain/merkle"
)

// Mark is what an engine needs of an earlier header.
type Mark struct {
	Timestamp  uint64
	Difficulty uint64
}

// State is what the header rules need to know of a chain that ends in Tip. It
// is a value: Extend leaves the old one usable.
type State struct {
	Tip  Header
	Work Work // of all blocks up to Tip, genesis included

	rules   *Rules
	history merkle.Frontier // over the hashes of blocks 0 … Tip.Height
	recent  []Mark          // of the last RecentHeaders headers up to Tip, oldest first; never changed in place
}

// RecentHeaders returns how many of the last headers a State keeps: the window
// of the difficulty rule and the block before it (protocol §6).
func (r *Rules) RecentHeaders() uint64 { return r.Params.RetargetWindow + 1 }

// RestoreState rebuilds a State from what a store keeps: the tip, the work up
// to it, the frontier over all hashes up to it, and the marks of the last
// min(RecentHeaders, height+1) headers, oldest first.
func (r *Rules) RestoreState(tip Header, work Work, history merkle.Frontier, recent []Mark) (State, error) {
	if want := min(r.RecentHeaders(), tip.Height+1); uint64(len(recent)) != want {
		return State{}, fmt.Errorf("state at height %d: want %d recent headers, got %d", tip.Height, want, len(recent))
	}
	if history.Size() != tip.Height+1 {
		return State{}, fmt.Errorf("state at height %d: want a history of %d blocks, got %d", tip.Height, tip.Height+1, history.Size())
	}
	return State{Tip: tip, Work: work, rules: r, history: history, recent: recent}, nil
}

// Rules returns the rules that the state obeys.
func (s *State) Rules() *Rules { return s.rules }

// Recent returns the marks of the last headers up to the tip, oldest first;
// the caller must not change them.
func (s *State) Recent() []Mark { return s.recent }

// History returns the frontier of the history tree, the tip's hash included.
func (s *State) History() merkle.Frontier { return s.history }

// Check applies the header rules to a child of the tip that DecodeHeader has
// accepted (protocol §4, §6). Its errors match ErrInvalid. Clocks are the
// ledger's business (protocol §7).
func (s *State) Check(h *Header) error {
	switch {
	case h.PrevHash != s.Tip.Hash:
		return Invalid(RulePrevHash, s.Tip.Hash, h.PrevHash)
	case h.Height != s.Tip.Height+1:
		return Invalid(RuleHeight, s.Tip.Height+1, h.Height)
	case h.Timestamp <= s.Tip.Timestamp:
		return Invalid(RuleTimestamp, fmt.Sprintf("more than the parent's %d", s.Tip.Timestamp), h.Timestamp)
	}
	if want := Hash(s.history.Root()); h.HistoryRoot != want {
		return Invalid(RuleHistoryRoot, want, h.HistoryRoot)
	}
	return s.rules.Engine.Verify(s, h)
}

// Extend returns the state after a header that Check has accepted.
func (s State) Extend(h *Header) State {
	history, _ := s.history.Append(h.Hash[:])
	keep := s.recent[max(0, len(s.recent)+1-int(s.rules.RecentHeaders())):]
	recent := append(make([]Mark, 0, len(keep)+1), keep...)
	return State{
		Tip:     *h,
		Work:    s.Work.Add(s.rules.Engine.Work(h)),
		rules:   s.rules,
		history: history,
		recent:  append(recent, Mark{h.Timestamp, h.Difficulty}),
	}
}

// Child returns the header of an empty block on the tip, as far as the rules
// prescribe it: all but the transactions' summary and the proof.
func (s *State) Child(miner Address, data string, timestamp uint64) Header {
	h := Header{
		Data:        data,
		Height:      s.Tip.Height + 1,
		HistoryRoot: s.history.Root(),
		Miner:       miner,
		PrevHash:    s.Tip.Hash,
		Timestamp:   timestamp,
		TxRoot:      emptyRoot,
		Version:     Version,
	}
	s.rules.Engine.Prepare(s, &h)
	return h
}
