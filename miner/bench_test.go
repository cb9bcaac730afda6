package miner

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"math"
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

// contender does a number of hashes, which take some milliseconds, and says
// how much time of the processors they took.
type contender struct {
	hashes uint64
	run    func(hashes uint64) time.Duration
}

// timed is for what does all its work on the goroutine that calls it.
func timed(f func(uint64)) func(uint64) time.Duration {
	return func(n uint64) time.Duration {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		begin := threadTime()
		f(n)
		return threadTime() - begin
	}
}

// compete lets contenders run turn by turn, so that what slows the machine down
// slows them all, and returns the median of each one's hashes per second of a
// processor.
func compete(b *testing.B, all ...contender) []float64 {
	took := make([][]time.Duration, len(all))
	for b.Loop() {
		for i, c := range all {
			took[i] = append(took[i], c.run(c.hashes))
		}
	}
	rates := make([]float64, len(all))
	for i, c := range all {
		slices.Sort(took[i])
		rates[i] = float64(c.hashes) / took[i][len(took[i])/2].Seconds()
	}
	return rates
}

func library() contender {
	input := [40]byte{1}
	return contender{30_000, timed(func(n uint64) { bare(&input, n) })}
}

func portable() contender {
	return contender{30_000, timed(func(n uint64) { scanPortable(&chain.Hash{1}, 0, n, &chain.Hash{}) })}
}

func inAssembly(k *kernel) contender {
	return contender{200_000, timed(func(n uint64) { k.search(&chain.Hash{1}, 0, n, &chain.Hash{}) })}
}

// sealer is the CPU sealer finding nothing, for long enough a time that its
// start does not count.
func sealer(b *testing.B, threads int) contender {
	c := NewCPU(threads, 0)
	hashes := uint64(threads) * 500_000
	if fastest() != nil {
		hashes *= 6
	}
	return contender{hashes, func(n uint64) time.Duration {
		begin := processTime()
		c.search(b.Context(), chain.Hash{1}, chain.Hash{}, 0, n)
		return processTime() - begin
	}}
}

// BenchmarkScan compares the loops over nonces with the bare loop over the
// standard library and with C.
func BenchmarkScan(b *testing.B) {
	for _, k := range kernels() {
		b.Run(k.instructions, func(b *testing.B) { compareKernel(b, &k) })
	}
	if k := fastest(); k != nil {
		b.Run("kernel", func(b *testing.B) { compareKernel(b, k) })
	}
	b.Run("portable", func(b *testing.B) {
		rates := compete(b, portable(), library())
		b.ReportMetric(rates[0]/1e6, "MH/s")
		b.ReportMetric(rates[1]/1e6, "Sum256-MH/s")
		b.ReportMetric(rates[0]/rates[1], "of-Sum256")
	})
}

func compareKernel(b *testing.B, k *kernel) {
	all := []contender{inAssembly(k), library()}
	if c := startReference(b); c != nil {
		all = append(all, contender{200_000, c.run})
	}
	rates := compete(b, all...)
	b.ReportMetric(rates[0]/1e6, "MH/s")
	b.ReportMetric(rates[1]/1e6, "Sum256-MH/s")
	b.ReportMetric(rates[0]/rates[1], "of-Sum256")
	if len(rates) > 2 {
		b.ReportMetric(rates[2]/1e6, "C-MH/s")
		b.ReportMetric(rates[0]/rates[2], "of-C")
	}
}

// BenchmarkSealer shows what a thread of the CPU sealer, which looks whether to
// stop and counts, leaves of its loop's speed.
func BenchmarkSealer(b *testing.B) {
	all := sealer(b, 1)
	rates := compete(b, all, contender{all.hashes, timed(func(n uint64) {
		scan(&chain.Hash{1}, 0, n, &chain.Hash{})
	})})
	b.ReportMetric(rates[0]/1e6, "MH/s")
	b.ReportMetric(rates[0]/rates[1], "of-scan")
}

// BenchmarkThreads shows how hashing grows with threads. of-linear is 1 if all
// processors together do as many times the hashes of one as they are; it needs
// a machine that does nothing else. per-cpu is 1 if a processor does as many
// hashes in the time that it has for us as it does when the others do none.
func BenchmarkThreads(b *testing.B) {
	one, all := sealer(b, 1), sealer(b, runtime.GOMAXPROCS(0))
	var oneTook, allTook []time.Duration
	clocked := func(c contender, took *[]time.Duration) contender {
		return contender{c.hashes, func(n uint64) time.Duration {
			begin := time.Now()
			defer func() { *took = append(*took, time.Since(begin)) }()
			return c.run(n)
		}}
	}
	rates := compete(b, clocked(one, &oneTook), clocked(all, &allTook))
	slices.Sort(oneTook)
	slices.Sort(allTook)
	b.ReportMetric(rates[1]/rates[0], "per-cpu")
	// All do as many times the hashes, in what had better be the same time.
	b.ReportMetric(oneTook[len(oneTook)/2].Seconds()/allTook[len(allTook)/2].Seconds(), "of-linear")
}

// BenchmarkMaxHashrate shows by how much, by the clock, all threads stray from
// what they may do in a second.
func BenchmarkMaxHashrate(b *testing.B) {
	const rate, during = 2e6, 2 * time.Second
	h := chain.Header{Difficulty: canonical.MaxInteger, Version: 1}
	var most float64
	for b.Loop() {
		ctx, cancel := context.WithTimeout(b.Context(), during)
		c := NewCPU(runtime.GOMAXPROCS(0), rate)
		begin := time.Now()
		_, _ = c.Seal(ctx, h) // it finds nothing
		most = max(most, math.Abs(float64(c.Hashes())/(rate*time.Since(begin).Seconds())-1))
		cancel()
	}
	b.ReportMetric(most*100, "off-%")
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
