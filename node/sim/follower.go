package sim

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/ledger"
)

// follower is a program on top of a node: it pulls what happened to the best
// chain and keeps a list of its own, over the node's restarts too. It is safe
// for concurrent use.
type follower struct {
	mu       sync.Mutex
	hashes   []chain.Hash               // by height; guarded by mu
	accounts map[chain.Address]struct{} // that occurred in a block; guarded by mu
	reverted int                        // blocks; guarded by mu
	deepest  int                        // reorganisation, in blocks; guarded by mu
	row      int                        // of reverts; guarded by mu
	err      error                      // guarded by mu
}

func newFollower() *follower {
	return &follower{accounts: map[chain.Address]struct{}{}}
}

// follow pulls until ctx ends, and closes the channel then.
func (f *follower) follow(ctx context.Context, l *ledger.Ledger) <-chan struct{} {
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			changed := l.Changed()
			f.pull(l)
			select {
			case <-changed:
			case <-ctx.Done():
			}
		}
	}()
	return done
}

// pull takes in all that is new.
func (f *follower) pull(l *ledger.Ledger) {
	const atOnce = 64
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.hashes) == 0 {
		f.hashes = []chain.Hash{l.Rules().Genesis().Hash}
	}
	for f.err == nil {
		top := uint64(len(f.hashes) - 1)
		steps, next, err := l.Since(chain.Cursor{Height: top, Hash: f.hashes[top]}, atOnce)
		if err != nil {
			f.err = fmt.Errorf("pull from %d: %w", top, err)
			return
		}
		for _, step := range steps {
			f.take(step)
		}
		if top := len(f.hashes) - 1; f.err == nil && (next.Height != uint64(top) || next.Hash != f.hashes[top]) {
			f.err = fmt.Errorf("want the cursor at %d after the steps, got %d", top, next.Height)
		}
		if len(steps) < atOnce {
			return
		}
	}
}

func (f *follower) take(step chain.Step) {
	top := len(f.hashes) - 1
	switch b := step.Block; {
	case step.Revert && b.Hash == f.hashes[top]:
		f.hashes = f.hashes[:top]
		f.reverted++
		f.row++
		f.deepest = max(f.deepest, f.row)
	case !step.Revert && b.PrevHash == f.hashes[top] && b.Height == uint64(top)+1:
		f.row = 0
		f.hashes = append(f.hashes, b.Hash)
		f.accounts[b.Miner] = struct{}{}
		for _, tx := range b.Transactions {
			f.accounts[tx.From] = struct{}{}
			if tx.To != "" {
				f.accounts[tx.To] = struct{}{}
			}
		}
	default:
		f.err = errors.Join(f.err, fmt.Errorf("step (revert %v) to block %d %s does not fit on %d %s", step.Revert, b.Height, b.Hash.Short(), top, f.hashes[top].Short()))
	}
}

// most returns how many blocks the deepest reorganisation reverted.
func (f *follower) most() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.deepest
}
