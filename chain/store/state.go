package store

import (
	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/merkle"
)

// tipRecord returns the record of the best tip.
func (v view) tipRecord() (Record, error) {
	h, err := v.mustHash(tipKey)
	if err != nil {
		return Record{}, err
	}
	return v.promised(h)
}

func (v view) tip() (chain.State, error) {
	r, err := v.tipRecord()
	if err != nil {
		return chain.State{}, err
	}
	return v.bestState(r)
}

// stateAt walks from a block back to the best chain, and forward again.
func (v view) stateAt(h chain.Hash) (chain.State, error) {
	r, err := v.record(h)
	if err != nil {
		return chain.State{}, err
	}
	var branch []chain.Header // tip first
	for {
		on, err := v.onBest(r.Header.Height, r.Header.Hash)
		if err != nil {
			return chain.State{}, err
		}
		if on {
			break
		}
		branch = append(branch, r.Header)
		parent, err := v.promised(r.Header.PrevHash)
		if err != nil {
			return chain.State{}, err
		}
		if parent.Header.Height+1 != r.Header.Height {
			return chain.State{}, damaged(hashKey(headerRow, r.Header.Hash), "height %d on a parent of height %d", r.Header.Height, parent.Header.Height)
		}
		r = parent
	}
	state, err := v.bestState(r)
	if err != nil {
		return chain.State{}, err
	}
	for i := len(branch) - 1; i >= 0; i-- {
		state = state.Extend(&branch[i])
	}
	return state, nil
}

// bestState rebuilds the state after a block of the best chain from the nodes
// of the history tree and the last headers.
func (v view) bestState(r Record) (chain.State, error) {
	size := r.Header.Height + 1
	nodes := merkle.FrontierNodes(size)
	hashes := make([]merkle.Hash, len(nodes))
	for i, n := range nodes {
		h, err := v.node(n.Level, n.Index)
		if err != nil {
			return chain.State{}, missing(nodeKey(n.Level, n.Index), err)
		}
		hashes[i] = h
	}
	history, err := merkle.NewFrontier(size, hashes)
	if err != nil {
		return chain.State{}, err
	}
	marks := make([]chain.Mark, min(v.rules.RecentHeaders(), size))
	for i, h := len(marks)-1, r.Header; ; i-- {
		marks[i] = chain.Mark{Timestamp: h.Timestamp, Difficulty: h.Difficulty}
		if i == 0 {
			break
		}
		parent, err := v.promised(h.PrevHash)
		if err != nil {
			return chain.State{}, err
		}
		h = parent.Header
	}
	return v.rules.RestoreState(r.Header, r.Work, history, marks)
}
