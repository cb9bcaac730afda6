// Package pow is the proof-of-work engine: the target rule of protocol §4 and
// the difficulty rule of §6. It implements chain.Engine, is pure, and knows
// nothing of mining, which is the miner's business.
package pow

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/canonical"
)

// maxHalvings bounds k of protocol §6.
const maxHalvings = 20

// Engine is chain.Engine for consensus "pow". The zero value is ready.
type Engine struct{}

// Target returns floor((2^256 − 1) / difficulty), big-endian (protocol §4).
// difficulty must not be 0.
func Target(difficulty uint64) chain.Hash {
	var target chain.Hash
	var word, rest uint64
	for i := 0; i < len(target); i += 8 {
		word, rest = bits.Div64(rest, math.MaxUint64, difficulty)
		binary.BigEndian.PutUint64(target[i:], word)
	}
	return target
}

// Sealed checks that the hash of h is within the target of its difficulty.
func (Engine) Sealed(h *chain.Header) error {
	if h.Difficulty == 0 {
		return chain.Invalid(chain.RuleDifficulty, "at least 1", 0)
	}
	if target := Target(h.Difficulty); bytes.Compare(h.Hash[:], target[:]) > 0 {
		return chain.Invalid(chain.RuleWork, fmt.Sprintf("a hash of at most %s", target), h.Hash)
	}
	return nil
}

// Prepare sets the difficulty of a block on s with h's timestamp.
func (Engine) Prepare(s *chain.State, h *chain.Header) {
	h.Difficulty = Difficulty(s.Rules().Params, s.Tip.Height, s.Recent(), h.Timestamp)
}

// Verify checks the difficulty of a block on s.
func (Engine) Verify(s *chain.State, h *chain.Header) error {
	if want := Difficulty(s.Rules().Params, s.Tip.Height, s.Recent(), h.Timestamp); h.Difficulty != want {
		return chain.Invalid(chain.RuleDifficulty, want, h.Difficulty)
	}
	return nil
}

// Work returns the expected number of hashes behind h: its difficulty.
func (Engine) Work(h *chain.Header) uint64 { return h.Difficulty }

// Difficulty returns what protocol §6 prescribes for a block with timestamp t
// (Unix ms) on the block of height parent. recent are the marks of the last
// min(retarget_window, parent) + 1 blocks or more, the parent's last. t must
// be greater than the parent's timestamp.
func Difficulty(p chain.Params, parent uint64, recent []chain.Mark, t uint64) uint64 {
	if p.RetargetWindow == 0 || parent == 0 {
		return p.InitialDifficulty
	}
	n := min(p.RetargetWindow, parent)
	window := recent[uint64(len(recent))-n-1:]
	interval := p.BlockIntervalMS

	var weighted, sum uint64 // < 2^50, < 2^63
	for i := uint64(1); i <= n; i++ {
		solve := min(window[i].Timestamp-window[i-1].Timestamp, 12*interval)
		if i == 1 && parent == n { // height 1: genesis was not mined
			solve = interval
		}
		weighted += i * solve
		sum += window[i].Difficulty
	}
	l := max(weighted, n*n*interval/20)

	base := uint64(canonical.MaxInteger)
	if hi, lo := bits.Mul64(sum, interval*(n+1)); hi < 2*l {
		next, _ := bits.Div64(hi, lo, 2*l)
		base = min(max(next, 1), canonical.MaxInteger)
	}
	halvings := min((t-recent[len(recent)-1].Timestamp)/(4*p.MaxAheadMS()), maxHalvings)
	return max(base>>halvings, 1)
}
