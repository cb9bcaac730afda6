package sim

import (
	"os"
	"runtime"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

// interval is that of ToyChain.
const interval = 10 * time.Second

// One processor is twice as fast as two in a bubble.
func TestMain(m *testing.M) {
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(300)
	os.Exit(m.Run())
}

func notShort(t *testing.T) {
	t.Helper()
	if testing.Short() {
		t.Skip("simulates minutes of a network; not with -short")
	}
}

func numbers(from, to int) []int {
	var list []int
	for i := from; i < to; i++ {
		list = append(list, i)
	}
	return list
}

// unequal are miners of powers 1, 1/2, 1/3, …, 30 hashes a second together
// when there are ten; who comes after them does not mine.
func unequal(miners int) func(int) float64 {
	return func(i int) float64 {
		if i >= miners {
			return 0
		}
		return 10 / float64(i+1)
	}
}

func TestPartedNodesAgreeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(t, Config{Nodes: 12, Seed: 1, HashPower: unequal(6)})
		time.Sleep(2 * time.Minute)
		s.RequireOneTip(2 * interval)
		var records []chain.Hash
		// The miners are in different parts.
		for _, group := range [][]int{{0, 6, 7}, {0, 2, 4, 6, 8, 10}, numbers(0, 11)} {
			records = append(records, s.Record(0, 11))
			s.Partition(group)
			time.Sleep(time.Minute)
			records = append(records, s.Record(0), s.Record(11))
			time.Sleep(2 * time.Minute)
			s.Heal()
			took, tied := s.RequireOneTip(2 * interval)
			s.logf("one tip %v after the healing and %v of ties, height %d", took, tied, s.Height())
		}
		if s.Nodes[1].follower.most() == 0 {
			t.Error("want reorganisations in the lesser part, got none")
		}
		s.RequireOnce(records)
		s.CheckAll()
	})
}

// Neither nodes that never agree pass for agreed, nor those that are tied for
// ever; a tie is not held against them until then.
func TestPartedNodesAreNotOnOneTip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		params := ToyChain(10)
		params.RetargetWindow = 0
		s := New(t, Config{Nodes: 2, Seed: 1, Chain: params})
		s.Partition([]int{0})
		for _, n := range s.Nodes {
			s.Mine(n, 1)
		}
		if took, tied, one := s.awaitOneTip(2 * interval); one || took != 0 || tied != mostTied*interval {
			t.Errorf("want a tie of %d intervals and no more, got %v, %v of ties, one tip: %v", mostTied, took, tied, one)
		}
		s.Mine(s.Nodes[0], 1)
		if took, tied, one := s.awaitOneTip(2 * interval); one || took != 2*interval || tied != 0 {
			t.Errorf("want two intervals of different tips, got %v, %v of ties, one tip: %v", took, tied, one)
		}
		s.Heal()
		s.RequireOneTip(2 * interval)
	})
}

func TestWhoJoinsLateCatchesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(t, Config{Nodes: 5, Seed: 2, HashPower: Same(10)})
		time.Sleep(30 * time.Minute)
		n := s.Join()
		s.RequireOneTip(2 * interval)
		if height := n.Ledger().Tip().Tip.Height; height < 100 {
			t.Errorf("want some 180 blocks, got %d", height)
		}
		s.Leave(n)
		time.Sleep(5 * time.Minute)
		s.Restart(n)
		s.RequireOneTip(2 * interval)
		s.CheckAll()
	})
}

func TestPowerCutsLoseNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(t, Config{Nodes: 5, Seed: 3, HashPower: Same(10)})
		time.Sleep(time.Minute)
		for i := range 8 {
			n := s.Nodes[i%4]
			time.Sleep(time.Duration(s.rng.ExpFloat64() * float64(interval)))
			before := n.Ledger().Tip()
			s.Crash(n)
			time.Sleep(time.Duration(s.rng.ExpFloat64() * float64(time.Minute)))
			s.Restart(n)
			if after := n.Ledger().Tip(); after.Work.Cmp(before.Work) < 0 {
				t.Errorf("want at least the work %s of before the cut, got %s", before.Work, after.Work)
			}
			s.RequireOneTip(2 * interval)
		}
		s.CheckAll()
	})
}

func TestAllNodesLoseTheirPowerAtOnce(t *testing.T) {
	notShort(t)
	synctest.Test(t, func(t *testing.T) {
		s := New(t, Config{Nodes: 5, Seed: 4, HashPower: Same(10)})
		time.Sleep(5 * time.Minute)
		height := s.Height()
		for _, n := range s.Nodes {
			s.Crash(n)
		}
		time.Sleep(time.Hour)
		s.Restart(s.Nodes...)
		s.RequireOneTip(2 * interval)
		time.Sleep(5 * time.Minute)
		if s.Height() < height+5 {
			t.Errorf("want the chain to go on from %d, got %d", height, s.Height())
		}
		s.RequireOneTip(2 * interval)
		s.CheckAll()
	})
}

// Clocks up to ten seconds off, both ways.
func TestMinersWithWrongClocksAgree(t *testing.T) {
	notShort(t)
	synctest.Test(t, func(t *testing.T) {
		s := New(t, Config{
			Nodes: 6, Seed: 5, HashPower: Same(10),
			Clock: func(i int) time.Duration { return time.Duration(4*i-10) * time.Second },
		})
		time.Sleep(30 * time.Minute)
		s.RequireOneTip(2 * interval)
		for address, blocks := range s.Nodes[0].miners() {
			if blocks < 5 {
				t.Errorf("want some 30 blocks of each miner, got %d of %s", blocks, address)
			}
		}
		s.CheckAll()
	})
}

func TestLossyLinksSlowNobodyDownForLong(t *testing.T) {
	notShort(t)
	synctest.Test(t, func(t *testing.T) {
		s := New(t, Config{
			Nodes: 8, Seed: 6, HashPower: Same(10), Loss: 0.02,
			Bandwidth: func(int) Bandwidth { return Bandwidth{Up: 5e6, Down: 5e6} },
		})
		for range 5 {
			time.Sleep(3 * time.Minute)
			s.RequireOneTip(2 * interval)
		}
		s.CheckAll()
	})
}

func TestCutConnectionsComeBack(t *testing.T) {
	notShort(t)
	synctest.Test(t, func(t *testing.T) {
		s := New(t, Config{Nodes: 8, Seed: 7, Dials: 2, HashPower: Same(10)})
		for range 5 {
			time.Sleep(time.Minute)
			for _, n := range s.Nodes {
				n.Machine.CutConnections()
			}
			time.Sleep(interval)
			s.RequireOneTip(2 * interval)
		}
		s.CheckAll()
	})
}

func TestBlocksReachEverybodyByGossip(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		params := ToyChain(10)
		params.RetargetWindow = 0
		s := New(t, Config{Nodes: 20, Seed: 8, Chain: params})
		time.Sleep(30 * time.Second)
		sp := s.Measure(5, 100_000, interval)
		t.Log("\n" + Table(sp))
		if sp.Missing+sp.BySync > 2 || sp.P99 > 2*time.Second {
			t.Errorf("want every block everywhere by gossip within 2 s, got %+v", sp)
		}
		s.Settle(interval)
		s.CheckAll()
	})
}

// miners counts the blocks of the best chain by their makers.
func (n *Node) miners() map[chain.Address]int {
	made := map[chain.Address]int{}
	for _, h := range n.headers() {
		made[h.Miner]++
	}
	return made
}
