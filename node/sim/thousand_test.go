package sim

import (
	"flag"
	"runtime"
	"runtime/debug"
	"testing"
	"testing/synctest"
	"time"
)

// memoryLimit is what the collector aims at; Pebble's own memory comes on top.
const memoryLimit = 5 << 30

var nodes = flag.Int("nodes", 100, "how many nodes TestThousand runs; a thousand want 6 GB and some minutes")

// TestThousand measures how blocks spread. Its bounds are those of a thousand
// nodes and hold for fewer.
func TestThousand(t *testing.T) {
	notShort(t)
	began := real()
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(memoryLimit))
	synctest.Test(t, func(t *testing.T) {
		const interval = 4 * time.Second
		params := ToyChain(10)
		params.RetargetWindow = 0
		s := New(t, Config{Nodes: *nodes, Seed: 1, Chain: params, Lean: true})
		time.Sleep(10 * time.Second)
		setUp := real() - began
		small := s.Measure(5, 10_000, interval)
		large := s.Measure(3, 100_000, interval)
		s.Settle(interval)
		s.CheckSome(10)
		t.Logf("%d nodes, %s, %d processors, set up in %.0f s, all in %.0f s of wall and %.0f s of processor time, %.2f GB at most\n%s",
			*nodes, runtime.Version(), runtime.NumCPU(), setUp.Seconds(), (real() - began).Seconds(), busy().Seconds(), float64(PeakMemory())/1e9, Table(small, large))
		if missing := small.Missing + large.Missing; missing > 0 {
			t.Errorf("want every block at every node, got %d that did not come", missing)
		}
		if large.P50 > 800*time.Millisecond || large.P99 > 1500*time.Millisecond {
			t.Errorf("want p50 of at most 0.8 s and p99 of at most 1.5 s for 100 kB, got %v and %v", large.P50, large.P99)
		}
	})
	if *nodes == 1000 {
		// One processor's time is the wall time of a machine with nothing else to do.
		if took := busy(); took > 3*time.Minute {
			t.Errorf("want at most 3 minutes of processor time, got %v", took)
		}
		if most := PeakMemory(); most > 6e9 {
			t.Errorf("want at most 6 GB, got %.2f", float64(most)/1e9)
		}
	}
}
