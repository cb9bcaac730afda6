package sim

import (
	"os"
	"runtime"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"
)

// One processor is twice as fast as two in a bubble.
func TestMain(m *testing.M) {
	runtime.GOMAXPROCS(1)
	debug.SetGCPercent(300)
	os.Exit(m.Run())
}

func numbers(from, to int) []int {
	var list []int
	for i := from; i < to; i++ {
		list = append(list, i)
	}
	return list
}

func TestPartedNodesAgreeAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(t, Config{Nodes: 10, Seed: 1, HashPower: Same(3)})
		time.Sleep(3 * time.Minute)
		s.RequireOneTip(20 * time.Second)
		s.logf("height %d", s.Height())
		s.Partition(numbers(0, 4))
		time.Sleep(5 * time.Minute)
		if got := len(s.Tips()); got < 2 {
			t.Errorf("want two tips of parted groups, got %d", got)
		}
		s.Heal()
		took := s.RequireOneTip(20 * time.Second)
		s.logf("healed in %v at height %d", took, s.Height())
		s.CheckAll()
	})
}
