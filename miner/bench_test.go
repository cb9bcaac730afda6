package miner

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/canonical"
)

// bare is the least that a loop over nonces can do with the standard library.
func bare(input *[40]byte, count uint64) (sum byte) {
	for n := range count {
		binary.BigEndian.PutUint64(input[32:], n)
		hash := sha256.Sum256(input[:])
		sum ^= hash[0]
	}
	return sum
}

// BenchmarkScan compares a thread of the CPU sealer with the bare loop, turn
// by turn, so that a busy machine slows both: ratio 1 is as fast as can be.
func BenchmarkScan(b *testing.B) {
	const turn = 100 * firstBatch
	c, seal, input := NewCPU(1, 0), chain.Hash{1}, [40]byte{1}
	var ours, theirs []float64
	for b.Loop() {
		at := time.Now()
		bare(&input, turn)
		theirs = append(theirs, time.Since(at).Seconds())
		at = time.Now()
		c.search(b.Context(), seal, chain.Hash{}, 0, turn)
		ours = append(ours, time.Since(at).Seconds())
	}
	slices.Sort(ours)
	slices.Sort(theirs)
	our, their := ours[len(ours)/2], theirs[len(theirs)/2]
	b.ReportMetric(turn/our, "hashes/s")
	b.ReportMetric(turn/their, "bare/s")
	b.ReportMetric(their/our, "ratio")
}

// BenchmarkThreads shows how hashing grows with threads; one op is a hash.
func BenchmarkThreads(b *testing.B) {
	for threads := 1; threads <= runtime.GOMAXPROCS(0); threads *= 2 {
		b.Run(fmt.Sprint(threads), func(b *testing.B) {
			c := NewCPU(threads, 0)
			c.search(b.Context(), chain.Hash{1}, chain.Hash{}, 0, uint64(b.N))
			b.ReportMetric(float64(c.Hashes())/b.Elapsed().Seconds(), "hashes/s")
		})
	}
}

// BenchmarkStop measures from a template going stale to all threads standing
// still, with all processors busy.
func BenchmarkStop(b *testing.B) {
	h := chain.Header{Difficulty: canonical.MaxInteger, Version: 1}
	c := NewCPU(runtime.GOMAXPROCS(0), 0)
	var took []time.Duration
	for b.Loop() {
		ctx, cancel := context.WithCancel(b.Context())
		stale, done := make(chan struct{}), make(chan struct{})
		go func() {
			<-stale
			cancel()
		}()
		go func() {
			defer close(done)
			_, _ = c.Seal(ctx, h)
		}()
		time.Sleep(5 * time.Millisecond)
		at := time.Now()
		close(stale)
		<-done
		took = append(took, time.Since(at))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)/2].Microseconds()), "p50-µs")
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
	b.ReportMetric(float64(took[len(took)-1].Microseconds()), "max-µs")
}
