package sim

import (
	"fmt"
	"os"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

// long skips a test of minutes.
func long(t *testing.T) {
	t.Helper()
	if os.Getenv("LP2P_TEST_LONG") == "" {
		t.Skip("takes minutes; set LP2P_TEST_LONG=1")
	}
}

// randomGroups parts nodes into two to four groups.
func (s *Sim) randomGroups() [][]int {
	groups := make([][]int, 2+s.rng.IntN(3))
	for i := range s.Nodes {
		g := s.rng.IntN(len(groups))
		groups[g] = append(groups[g], i)
	}
	return groups
}

// An hour of partitions and heals at random; miners from 1 to 1/20.
func TestLongHundredNodesThroughPartitions(t *testing.T) {
	long(t)
	synctest.Test(t, func(t *testing.T) {
		s := New(t, Config{Nodes: 100, Seed: 11, HashPower: unequal(20)})
		time.Sleep(2 * time.Minute)
		var took, ties []time.Duration
		var records []chain.Hash
		for time.Since(s.Net.epoch) < time.Hour {
			records = append(records, s.Record(numbers(0, 100)...))
			groups := s.randomGroups()
			s.Partition(groups...)
			parted := 30*time.Second + time.Duration(s.rng.ExpFloat64()*float64(2*time.Minute))
			time.Sleep(parted / 2)
			for _, group := range groups {
				records = append(records, s.Record(group...))
			}
			time.Sleep(parted / 2)
			tips := len(s.Tips())
			s.Heal()
			after, tied := s.RequireOneTip(2 * interval)
			if took = append(took, after); tied > 0 {
				ties = append(ties, tied)
			}
			s.logf("%d groups for %v left %d tips; one after %v and %v of ties, height %d", len(groups), parted.Round(time.Second), tips, after, tied, s.Height())
			time.Sleep(30*time.Second + time.Duration(s.rng.ExpFloat64()*float64(time.Minute)))
		}
		s.RequireOnce(records)
		s.CheckAll()
		slices.Sort(took)
		deepest := 0
		for _, n := range s.Nodes {
			deepest = max(deepest, n.follower.most())
		}
		s.logf("%d heals, one tip after %v in the median and %v at most, ties of equal work apart: %v; height %d; the deepest reorganisation reverted %d blocks; none of %d records lost",
			len(took), took[len(took)/2], took[len(took)-1], ties, s.Height(), deepest, len(records))
	})
}

// Half of the nodes, others each time, go away one after the other every ten
// minutes and come back likewise: some left, some lost their power.
func TestLongChurn(t *testing.T) {
	long(t)
	synctest.Test(t, func(t *testing.T) {
		s := New(t, Config{Nodes: 40, Seed: 12, HashPower: func(i int) float64 {
			if i%4 == 0 {
				return 3
			}
			return 0
		}})
		for time.Since(s.Net.epoch) < 2*time.Hour {
			var away []*Node
			for _, i := range s.rng.Perm(len(s.Nodes))[:len(s.Nodes)/2] {
				n := s.Nodes[i]
				if away = append(away, n); s.rng.IntN(2) == 0 {
					s.Crash(n)
				} else {
					s.Leave(n)
				}
				time.Sleep(10 * time.Second)
			}
			for _, n := range away {
				s.Restart(n)
				time.Sleep(10 * time.Second)
			}
			took, tied := s.RequireOneTip(2 * interval)
			s.logf("one tip after %v and %v of ties, height %d", took, tied, s.Height())
			time.Sleep(time.Until(time.Now().Truncate(10 * time.Minute).Add(10 * time.Minute)))
		}
		s.CheckAll()
	})
}

// Protocol §6: after a fall or rise of hash power by 10, 100 and 1000 no gap is
// over 120 intervals, and the difficulty is at most a factor of two from its
// place after 2,000 intervals.
func TestLongHashPowerFallsAndRises(t *testing.T) {
	long(t)
	for _, factor := range []float64{10, 100, 1000} {
		for _, falls := range []bool{true, false} {
			t.Run(fmt.Sprintf("%g falls %v", factor, falls), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { swing(t, factor, falls) })
			})
		}
	}
}

// swing has two nodes mine, and one beside them that is factor times as strong
// as both leave or come.
func swing(t *testing.T, factor float64, falls bool) {
	const steady = 10.0 // hashes a second of the two who stay
	with, without := ToyChain(steady*(1+factor)), ToyChain(steady)
	params, after := with, float64(without.InitialDifficulty)
	if !falls {
		params, after = without, float64(with.InitialDifficulty)
	}
	power := []float64{steady / 2, steady / 2, steady * factor}
	s := New(t, Config{Nodes: 3, Seed: uint64(factor), Latencies: OneLAN(), Chain: params, HashPower: func(i int) float64 { return power[i] }})
	strongest := s.Nodes[2]
	if !falls {
		s.Leave(strongest)
	}
	time.Sleep(200 * interval)
	changed := time.Now()
	if falls {
		s.Leave(strongest)
	} else {
		s.Restart(strongest)
	}
	time.Sleep(2000 * interval)
	s.RequireOneTip(2 * interval)
	gap, settled := s.settling(uint64(changed.UnixMilli()), after)
	last := s.difficultyNow()
	s.logf("×%g, falls %v: longest gap %.0f intervals, within a factor of two after %.0f intervals, %.2f of its place after 2000",
		factor, falls, gap, settled, last/after)
	if gap > 120 {
		t.Errorf("want no gap over 120 intervals, got %.0f", gap)
	}
	if settled < 0 || settled > 2000 {
		t.Errorf("want a difficulty within a factor of two of %.0f at some time in 2000 intervals, got it after %.0f", after, settled)
	}
	if last < after/2 || last > 2*after {
		t.Errorf("want a difficulty within a factor of two of %.0f after 2000 intervals, got %.0f", after, last)
	}
	s.CheckAll()
}

// settling returns the longest gap between blocks since a time, and when the
// difficulty, averaged over a window, came within a factor of two of its new
// place, in intervals.
func (s *Sim) settling(since uint64, place float64) (gap, settled float64) {
	headers := s.Nodes[0].headers()
	perInterval := float64(s.cfg.Chain.BlockIntervalMS)
	settled = -1
	for i, h := range headers {
		if h.Timestamp < since || i == 0 {
			continue
		}
		gap = max(gap, float64(h.Timestamp-headers[i-1].Timestamp)/perInterval)
		if d := mean(headers, i); settled < 0 && d > place/2 && d < place*2 {
			settled = float64(h.Timestamp-since) / perInterval
		}
	}
	return gap, settled
}

func (s *Sim) difficultyNow() float64 {
	headers := s.Nodes[0].headers()
	return mean(headers, len(headers)-1)
}

// mean is that of the difficulties of the ten blocks that end in one.
func mean(headers []chain.Header, last int) float64 {
	const blocks = 10
	first, sum := max(0, last+1-blocks), 0.0
	for _, h := range headers[first : last+1] {
		sum += float64(h.Difficulty)
	}
	return sum / float64(last+1-first)
}

// Twelve hours of miners whose clocks are up to ten seconds off.
func TestLongWrongClocks(t *testing.T) {
	long(t)
	synctest.Test(t, func(t *testing.T) {
		s := New(t, Config{
			Nodes: 11, Seed: 13, HashPower: Same(3),
			Clock: func(i int) time.Duration { return time.Duration(i-5) * 2 * time.Second },
		})
		for range 12 {
			time.Sleep(time.Hour)
			s.RequireOneTip(2 * interval)
		}
		made := s.Nodes[0].miners()
		if len(made) != len(s.Nodes) {
			t.Errorf("want blocks of all %d miners, got of %d", len(s.Nodes), len(made))
		}
		want := float64(12*time.Hour) / float64(interval)
		if got := float64(s.Height()); got < .9*want || got > 1.1*want {
			t.Errorf("want some %.0f blocks, got %.0f", want, got)
		}
		for address, blocks := range made {
			if blocks < 270 {
				t.Errorf("want some 390 blocks of each miner, got %d of %s", blocks, address)
			}
		}
		s.logf("height %d, %d forked", s.Height(), s.forked())
		s.CheckAll()
	})
}

// forked counts the blocks known to the first node that are not on its best
// chain.
func (s *Sim) forked() int {
	s.t.Helper()
	count := 0
	for height := uint64(1); height <= s.Height(); height++ {
		records, err := s.Nodes[0].Ledger().Store().At(height)
		if err != nil {
			s.t.Fatal(err)
		}
		count += len(records) - 1
	}
	return count
}
