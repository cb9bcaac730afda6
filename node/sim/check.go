package sim

import (
	"context"
	"errors"
	"fmt"
	"testing/synctest"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

// CheckAll re-proves every invariant of every running node: its store from
// genesis on, that it follows the most work that it knows, that all units were
// issued by the rules, and that who followed its changes has the same chain;
// and that no node logged an error or stopped by itself.
func (s *Sim) CheckAll() {
	s.t.Helper()
	s.CheckSome(len(s.Nodes))
}

// CheckSome is CheckAll for the first so many running nodes.
func (s *Sim) CheckSome(most int) {
	s.t.Helper()
	synctest.Wait()
	running := s.Running()
	for _, n := range running[:min(most, len(running))] {
		if err := n.check(s.t.Context()); err != nil {
			s.t.Errorf("%s: %v", n, err)
		}
		select {
		case err := <-n.done:
			s.t.Errorf("%s stopped by itself: %v", n, err)
			n.done <- err
		default:
		}
	}
	for _, line := range s.log.wrong() {
		s.t.Error(line)
	}
}

// RequireOnce requires that the best chain of all, which runs on for a while,
// has each of these transactions exactly once.
func (s *Sim) RequireOnce(ids []chain.Hash) {
	s.t.Helper()
	const blocks = 12
	time.Sleep(blocks * time.Duration(s.cfg.Chain.BlockIntervalMS) * time.Millisecond)
	s.RequireOneTip(lateJoin)
	times := map[chain.Hash]int{}
	for _, h := range s.Nodes[0].headers() {
		b, err := s.Nodes[0].Ledger().Store().Block(h.Hash)
		if err != nil {
			s.t.Fatal(err)
		}
		for _, tx := range b.Transactions {
			times[tx.ID()]++
		}
	}
	for _, id := range ids {
		if times[id] != 1 {
			s.t.Errorf("want transaction %s once on the best chain, got it %d times", id.Short(), times[id])
		}
	}
}

func (n *Node) check(ctx context.Context) error {
	st := n.Ledger().Store()
	if err := st.Verify(ctx, nil); err != nil {
		return fmt.Errorf("verify the store: %w", err)
	}
	if n.followed == nil { // lean
		return n.checkWork()
	}
	return errors.Join(n.checkWork(), n.checkUnits(), n.checkFollower())
}

// checkWork: no block that was ever accepted carries more work than the tip.
func (n *Node) checkWork() error {
	tip := n.Ledger().Tip()
	stored, err := n.Ledger().Store().Tip()
	if err != nil {
		return fmt.Errorf("read tip: %w", err)
	}
	if stored.Tip.Hash != tip.Tip.Hash {
		return fmt.Errorf("want the stored tip %s, got %s", stored.Tip.Hash, tip.Tip.Hash)
	}
	for height := uint64(0); ; height++ {
		records, err := n.Ledger().Store().At(height)
		if err != nil {
			return fmt.Errorf("read height %d: %w", height, err)
		}
		if len(records) == 0 {
			return nil
		}
		for _, r := range records {
			if r.Work.Cmp(tip.Work) > 0 {
				return fmt.Errorf("tip %d has work %s, but block %s at %d has %s", tip.Tip.Height, tip.Work, r.Header.Hash, height, r.Work)
			}
		}
	}
}

// checkUnits: balances sum to allocations and rewards.
func (n *Node) checkUnits() error {
	params := n.Rules().Params
	var issued, held uint64
	accounts := n.follower.seen()
	for a, units := range params.Allocations {
		issued += units
		accounts[a] = struct{}{}
	}
	for height := uint64(1); height <= n.Ledger().Tip().Tip.Height; height++ {
		issued += params.RewardAt(height)
	}
	for a := range accounts {
		account, err := n.Ledger().Store().Account(a)
		if err != nil {
			return fmt.Errorf("read account %s: %w", a, err)
		}
		held += account.Balance
	}
	if held != issued {
		return fmt.Errorf("want balances of %d units in all, got %d", issued, held)
	}
	return nil
}

// checkFollower: the list of who pulled every change is the best chain.
func (n *Node) checkFollower() error {
	n.follower.pull(n.Ledger())
	hashes, err := n.follower.list()
	if err != nil {
		return err
	}
	chainHashes, err := n.Ledger().Store().Hashes(0, len(hashes)+1)
	if err != nil {
		return fmt.Errorf("read heights: %w", err)
	}
	if len(chainHashes) != len(hashes) {
		return fmt.Errorf("want %d blocks followed, got %d", len(chainHashes), len(hashes))
	}
	for height, hash := range hashes {
		if chainHashes[height] != hash {
			return fmt.Errorf("at height %d the follower has %s, the chain %s", height, hash, chainHashes[height])
		}
	}
	return nil
}

func (f *follower) seen() map[chain.Address]struct{} {
	f.mu.Lock()
	defer f.mu.Unlock()
	accounts := make(map[chain.Address]struct{}, len(f.accounts))
	for a := range f.accounts {
		accounts[a] = struct{}{}
	}
	return accounts
}

func (f *follower) list() ([]chain.Hash, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]chain.Hash(nil), f.hashes...), f.err
}

// headers returns those of the best chain, from height 1 on.
func (n *Node) headers() []chain.Header {
	n.sim.t.Helper()
	hashes, err := n.Ledger().Store().Hashes(1, 1<<30)
	if err != nil {
		n.sim.t.Fatal(err)
	}
	headers := make([]chain.Header, len(hashes))
	for i, hash := range hashes {
		r, err := n.Ledger().Store().Record(hash)
		if err != nil {
			n.sim.t.Fatal(err)
		}
		headers[i] = r.Header
	}
	return headers
}
