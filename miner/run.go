package miner

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

// Run mines until ctx ends, then returns nil: nothing else stops it. What
// fails is logged and tried again, ever more slowly.
func (m *Miner) Run(ctx context.Context) error {
	defer m.set(false, "stopped")
	retry := firstRetry
	for ctx.Err() == nil {
		err := m.round(ctx)
		if err == nil || ctx.Err() != nil {
			retry = firstRetry
			continue
		}
		m.set(false, err.Error())
		m.cfg.Logger.Error("mining failed", "error", err, "retry_in", retry)
		sleep(ctx, retry)
		retry = min(2*retry, lastRetry)
	}
	return nil
}

// round takes one template as far as it goes: to a block, to its end, or only
// to the wait for something to mine.
func (m *Miner) round(ctx context.Context) error {
	gate, ok := m.pass(ctx)
	if !ok {
		return nil
	}
	block, stale, err := m.ledger.Template(m.cfg.Address, m.cfg.Note)
	if err != nil {
		return fmt.Errorf("make a template: %w", err)
	}
	if !m.cfg.Empty && len(block.Transactions) == 0 {
		m.set(false, "waiting for transactions")
		await(ctx, stale, gate)
		return nil
	}
	if m.parent != block.PrevHash {
		m.parent, m.started = block.PrevHash, m.cfg.Now()
	}
	m.set(true, "")
	sealed, found, err := m.seal(ctx, block.Header, stale, gate)
	if err != nil || !found {
		return err
	}
	return m.hand(ctx, chain.NewBlock(sealed, block.Transactions))
}

// pass waits until the gate lets mine and returns the channel that says when
// to ask it again; false if ctx ended first.
func (m *Miner) pass(ctx context.Context) (<-chan struct{}, bool) {
	for held := false; ctx.Err() == nil; held = true {
		reason, changed := m.cfg.Gate.Hold()
		if reason == "" {
			if held {
				m.cfg.Logger.Info("mining resumed")
			}
			return changed, true
		}
		if m.set(false, reason) {
			m.cfg.Logger.Info("mining paused", "reason", reason)
		}
		await(ctx, changed, nil)
	}
	return nil, false
}

// seal works on one header until its proof is found, or until it is stale, a
// second old or the gate shuts.
func (m *Miner) seal(ctx context.Context, h chain.Header, stale, gate <-chan struct{}) (sealed chain.Header, found bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, renewAfter)
	var watch sync.WaitGroup
	defer watch.Wait()
	defer cancel()
	watch.Go(func() {
		defer cancel()
		m.watch(ctx, stale, gate)
	})

	m.rate.mark(m.cfg.Now(), m.hashes())
	sealed, err = m.cfg.Sealer.Seal(ctx, h)
	m.rate.mark(m.cfg.Now(), m.hashes())
	switch {
	case err == nil:
		return sealed, true, nil
	case ctx.Err() != nil:
		return h, false, nil
	}
	return h, false, fmt.Errorf("seal block %d: %w", h.Height, err)
}

// watch returns when a template is not to be mined on any more.
func (m *Miner) watch(ctx context.Context, stale, gate <-chan struct{}) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-stale:
			return
		case <-gate:
		}
		var reason string
		if reason, gate = m.cfg.Gate.Hold(); reason != "" {
			return
		}
	}
}

// hand submits what was found, even if the template is stale by now: our own
// ledger judges as every other one will.
func (m *Miner) hand(ctx context.Context, b *chain.Block) error {
	took := m.cfg.Now().Sub(m.started).Round(time.Millisecond)
	switch err := m.submit(ctx, b); {
	case err == nil:
		m.mu.Lock()
		m.state.Blocks++
		m.mu.Unlock()
		m.cfg.Logger.Info("mined", "height", b.Height, "hash", b.Hash, "nonce", b.Nonce,
			"difficulty", b.Difficulty, "transactions", len(b.Transactions), "took", took)
	case lost(err):
		m.cfg.Logger.Debug("mined too late", "height", b.Height, "hash", b.Hash, "took", took, "error", err)
	default:
		return fmt.Errorf("submit mined block %d, %s: %w", b.Height, b.Hash, err)
	}
	return nil
}

// lost tells the errors of a block that others were faster than from those
// that are our own fault.
func lost(err error) bool {
	return errors.Is(err, chain.ErrKnown) || errors.Is(err, chain.ErrUnknownParent) || errors.Is(err, chain.ErrUnwanted)
}

// await returns when ctx ends or one of the channels closes.
func await(ctx context.Context, a, b <-chan struct{}) {
	select {
	case <-ctx.Done():
	case <-a:
	case <-b:
	}
}

// sleep returns after d or when ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
