package ledger

import (
	"context"
	"log/slog"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

// Stage is a part of the way of a block through the ledger.
type Stage string

// The stages, in their order.
const (
	StageScreen  Stage = "screen"  // clock and header rules, policy
	StageVerify  Stage = "verify"  // signatures
	StageWait    Stage = "wait"    // for the ledger, and the header rules again
	StageExecute Stage = "execute" // transactions, on the state they meet
	StageCommit  Stage = "commit"  // to disk, and what follows from a new tip
)

// way is what one AddBlocks meets: it measures how long the stages take, and
// knows whom to tell when others may hear of the block. One call owns it.
type way struct {
	ledger      *Ledger
	pass        func()
	single      bool
	began, last time.Time
	stages      []any // name and duration, for the log
}

func (l *Ledger) setOut(blocks int, pass func()) *way {
	now := time.Now()
	return &way{ledger: l, pass: pass, single: blocks == 1, began: now, last: now}
}

// passed notes that a stage is over.
func (w *way) passed(s Stage) {
	now := time.Now()
	took := now.Sub(w.last)
	w.last = now
	w.stages = append(w.stages, string(s), took)
	if observe := w.ledger.observe; observe != nil && w.single {
		observe(s, took)
	}
}

// end tells of the whole way, at level debug.
func (w *way) end(src chain.Source, blocks []*chain.Block, taken int, err error) {
	if len(blocks) == 0 || !w.ledger.log.Enabled(context.Background(), slog.LevelDebug) {
		return
	}
	last := blocks[len(blocks)-1]
	attrs := []any{"height", last.Height, "hash", last.Hash, "via", src.Via, "blocks", len(blocks), "taken", taken}
	if src.Peer != "" {
		attrs = append(attrs, "peer", src.Peer)
	}
	attrs = append(append(attrs, w.stages...), "total", time.Since(w.began))
	if err != nil {
		attrs = append(attrs, "error", err)
	}
	w.ledger.log.Debug("block through the ledger", attrs...)
}
