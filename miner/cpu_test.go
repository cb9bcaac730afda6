package miner

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/canonical"
	"github.com/lp2pnode/lp2pnode/chain/pow"
)

func TestNoncesEndAtMaxInteger(t *testing.T) {
	if nonces-1 != canonical.MaxInteger {
		t.Errorf("want %d, got %d", uint64(canonical.MaxInteger), uint64(nonces-1))
	}
}

func TestSealedHeaderSatisfiesTheEngine(t *testing.T) {
	for _, difficulty := range []uint64{1, 2, 3, 1000, 60_000} {
		for threads := range 4 {
			h := chain.Header{Data: "x", Difficulty: difficulty, Height: 3, Timestamp: 12, Version: 1}
			got, err := NewCPU(threads, 0).Seal(t.Context(), h)
			if err != nil {
				t.Fatal(err)
			}
			if err := (pow.Engine{}).Sealed(&got); err != nil {
				t.Error(err)
			}
			if want := got.ComputeHash(); got.Hash != want || got.Nonce > canonical.MaxInteger {
				t.Errorf("want hash %s and a nonce within 2^53−1, got %s and %d", want, got.Hash, got.Nonce)
			}
			got.Nonce, got.Hash = h.Nonce, h.Hash
			if got != h {
				t.Errorf("want nothing changed but nonce and hash, got %+v", got)
			}
		}
	}
}

// best returns the nonce of the smallest hash among count from first on.
func best(seal chain.Hash, first, count uint64) (nonce uint64, hash chain.Hash) {
	for i := range count {
		n := (first + i) % nonces
		if h := chain.SealedHash(seal, n); i == 0 || bytes.Compare(h[:], hash[:]) < 0 {
			nonce, hash = n, h
		}
	}
	return nonce, hash
}

// With the smallest hash of a range as target, a search finds that nonce and
// no other; with a smaller target it tries each nonce once and finds none.
func TestSearchTriesEachNonceOnce(t *testing.T) {
	seal := chain.Hash{1, 2, 3}
	for _, first := range []uint64{0, 12345, nonces - 1, nonces - 700, nonces - 5000} {
		for _, count := range []uint64{1, 2, 1000, 5000} {
			for _, threads := range []int{1, 2, 3, 7} {
				t.Run(fmt.Sprintf("%d nonces from %d in %d", count, first, threads), func(t *testing.T) {
					want, target := best(seal, first, count)
					c := NewCPU(threads, 0)
					if got, found := c.search(t.Context(), seal, target, first, count); !found || got != want {
						t.Errorf("want nonce %d, got %d, %v", want, got, found)
					}
					c = NewCPU(threads, 0)
					if got, found := c.search(t.Context(), seal, chain.Hash{}, first, count); found {
						t.Errorf("want none to fit target 0, got %d", got)
					}
					if got := c.Hashes(); got != count {
						t.Errorf("want %d hashes, got %d", count, got)
					}
				})
			}
		}
	}
}

func TestScanFindsTheFirstThatFits(t *testing.T) {
	seal, target := chain.Hash{9}, pow.Target(50)
	for first := range uint64(500) {
		got, found := scan(&seal, first, 100, &target)
		want, ok := uint64(0), false
		for n := first; n < first+100 && !ok; n++ {
			if h := chain.SealedHash(seal, n); bytes.Compare(h[:], target[:]) <= 0 {
				want, ok = n, true
			}
		}
		if got != want || found != ok {
			t.Fatalf("from %d: want %d, %v, got %d, %v", first, want, ok, got, found)
		}
	}
}

// The comparison of the first 8 bytes must not decide what the others do.
func TestScanComparesTheWholeHash(t *testing.T) {
	seal := chain.Hash{4}
	target := chain.SealedHash(seal, 77)
	if _, found := scan(&seal, 77, 1, &target); !found {
		t.Error("want a hash equal to the target to fit")
	}
	target[31]--
	if target[31] == 255 {
		t.Fatal("choose another nonce: the last byte of its hash is 0")
	}
	if _, found := scan(&seal, 77, 1, &target); found {
		t.Error("want a hash one above the target not to fit")
	}
}

func TestSealReturnsWithItsContext(t *testing.T) {
	h := chain.Header{Difficulty: canonical.MaxInteger, Version: 1}
	for name, rate := range map[string]float64{"hashing": 0, "pacing": 1} {
		t.Run(name, func(t *testing.T) {
			c := NewCPU(3, rate)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			go func() {
				for c.Hashes() == 0 && t.Context().Err() == nil {
					runtime.Gosched()
				}
				cancel()
			}()
			if _, err := c.Seal(ctx, h); !errors.Is(err, context.Canceled) {
				t.Errorf("want the context's error, got %v", err)
			}
			before := c.Hashes()
			if _, err := c.Seal(ctx, h); !errors.Is(err, context.Canceled) || c.Hashes() != before {
				t.Errorf("want no work for a context that has ended, got %d hashes, %v", c.Hashes()-before, err)
			}
		})
	}
}

func TestSealRefusesDifficultyZero(t *testing.T) {
	if _, err := NewCPU(1, 0).Seal(t.Context(), chain.Header{}); err == nil {
		t.Error("want an error, got none")
	}
}

// In virtual time hashing takes none, so that the pace alone decides: over ten
// templates of a second the sum is the limit's, whatever the threads.
func TestMaxHashrateHolds(t *testing.T) {
	h := chain.Header{Difficulty: canonical.MaxInteger, Version: 1}
	for _, rate := range []float64{25, 1000, 12_345.6, 200_000} {
		for _, threads := range []int{1, 2, 8} {
			t.Run(fmt.Sprintf("%v in %d", rate, threads), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					c := NewCPU(threads, rate)
					for range 10 {
						ctx, cancel := context.WithTimeout(t.Context(), renewAfter)
						if _, err := c.Seal(ctx, h); !errors.Is(err, context.DeadlineExceeded) {
							t.Fatal(err)
						}
						cancel()
					}
					within(t, float64(c.Hashes()), 10*rate)
				})
			})
		}
	}
}

// The pace is kept on average although timers fire late, and each time by
// another amount.
func TestMaxHashrateHoldsWithLateTimers(t *testing.T) {
	for _, rate := range []float64{100_000, 3_000_000, 40_000_000} {
		p := pacer{perSecond: rate}
		begin := time.Unix(0, 0)
		now, end, done := begin, begin.Add(10*time.Second), uint64(0)
		for i := 0; now.Before(end); i++ {
			n := p.batch(firstBatch << (i % 5))
			if wait := p.reserve(now, n); wait > 0 {
				late := time.Duration(i%4) * 2 * time.Millisecond
				now = now.Add(wait + late)
			}
			now = now.Add(time.Duration(float64(n) / (5 * rate) * 1e9)) // a fifth of the machine's rate
			done += n
		}
		within(t, float64(done)/now.Sub(begin).Seconds(), rate)
	}
}

// Whatever a thread's speed, and when it changes, it soon looks every
// millisecond whether to stop, and not much more often than it must.
func TestBatchesFollowTheSpeed(t *testing.T) {
	batch := uint64(firstBatch)
	for _, perSecond := range []float64{67e6, 5000, 300_000, 10e6, 200e6, 1e6} {
		span := func() time.Duration { return time.Duration(float64(batch) / perSecond * 1e9) }
		for range 20 {
			batch = nextBatch(batch, batch, span())
		}
		if got := span(); got > time.Millisecond || got < 200*time.Microsecond && batch < mostBatch {
			t.Errorf("at %v hashes per second: want batches of 0.2 to 1 ms, got %d taking %v", perSecond, batch, got)
		}
	}
}

// A batch that was cut short says nothing against longer ones, nor for them.
func TestShortenedBatchesDoNotGrow(t *testing.T) {
	if got := nextBatch(4096, 100, 0); got != 4096 {
		t.Errorf("want 4096, got %d", got)
	}
}

// A pause is not made up for by a burst.
func TestMaxHashrateHoldsAfterAPause(t *testing.T) {
	p := pacer{perSecond: 1000}
	now := time.Unix(0, 0)
	p.reserve(now, 1)
	now = now.Add(time.Hour)
	burst := 0
	for p.reserve(now, 1) == 0 {
		burst++
	}
	if most := 1000 * (paceAhead + paceBehind).Seconds(); float64(burst) > most+1 {
		t.Errorf("want at most %v hashes at once, got %d", most, burst)
	}
}

func TestRefundedHashesAreNotMissed(t *testing.T) {
	p := pacer{perSecond: 10}
	now := time.Unix(0, 0)
	p.reserve(now, 1)
	want := p.reserve(now, 1)
	for range 1000 {
		p.refund(1)
		if got := p.reserve(now, 1); got != want {
			t.Fatalf("want a wait of %v, got %v", want, got)
		}
	}
}

func within(t *testing.T, got, want float64) {
	t.Helper()
	if off := got/want - 1; off > 0.02 || off < -0.02 {
		t.Errorf("want %v within 2 %%, got %v (%+.2f %%)", want, got, 100*off)
	}
}
