package miner

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/pow"
)

const (
	nonces = 1 << 53 // integers end at 2^53−1 (protocol §1)

	// A thread looks whether to stop between batches of hashes. Their size
	// follows its speed, so that a batch takes no more than shortBatch to
	// longBatch: looks are then neither late nor dear.
	firstBatch = 1 << 10
	mostBatch  = 1 << 16
	shortBatch = 300 * time.Microsecond
	longBatch  = time.Millisecond
)

// CPU is the Sealer that hashes on this machine's processor. It is a Counter.
type CPU struct {
	threads int
	pace    pacer
	hashes  atomic.Uint64
}

// NewCPU returns a Sealer of that many threads (at least one) that together
// try at most maxHashrate hashes per second; 0 or less is no limit.
func NewCPU(threads int, maxHashrate float64) *CPU {
	c := &CPU{threads: max(threads, 1)}
	if maxHashrate > 0 {
		c.pace.perSecond = maxHashrate
	}
	return c
}

// SetMaxHashrate changes the most hashes per second that are tried from now on; 0
// or less is no limit. It is safe for concurrent use.
func (c *CPU) SetMaxHashrate(perSecond float64) { c.pace.set(max(perSecond, 0)) }

// Hashes returns how many hashes were tried so far.
func (c *CPU) Hashes() uint64 { return c.hashes.Load() }

// Seal implements Sealer. It begins at a random nonce, so that two machines
// with one key do not do the same work.
func (c *CPU) Seal(ctx context.Context, h chain.Header) (chain.Header, error) {
	if h.Difficulty == 0 {
		return h, errors.New("want a difficulty of at least 1, got 0")
	}
	seal := h.Seal()
	nonce, found := c.search(ctx, seal, pow.Target(h.Difficulty), rand.Uint64N(nonces), nonces)
	if found {
		h.Nonce, h.Hash = nonce, chain.SealedHash(seal, nonce)
		return h, nil
	}
	if err := ctx.Err(); err != nil {
		return h, err
	}
	return h, fmt.Errorf("none of %d nonces fits", uint64(nonces))
}

// search tries count nonces from first on, 0 following the last, in one
// stretch per thread, and returns when one fits, all were tried or ctx ended.
func (c *CPU) search(ctx context.Context, seal, target chain.Hash, first, count uint64) (nonce uint64, found bool) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	fits := make(chan uint64, c.threads)
	var threads sync.WaitGroup
	for i, n := uint64(0), uint64(c.threads); i < n; i++ {
		size := count / n
		if i < count%n {
			size++
		}
		begin := first
		first += size
		threads.Go(func() {
			if nonce, found := c.stretch(ctx, seal, target, begin, size); found {
				fits <- nonce
				cancel()
			}
		})
	}
	threads.Wait()
	select {
	case nonce = <-fits:
		return nonce, true
	default:
		return 0, false
	}
}

// stretch is one thread's part of a search.
func (c *CPU) stretch(ctx context.Context, seal, target chain.Hash, first, count uint64) (nonce uint64, found bool) {
	batch := uint64(firstBatch)
	for end := first + count; first < end && ctx.Err() == nil; {
		at := first % nonces
		size := min(c.pace.batch(batch), end-first, nonces-at)
		if wait := c.pace.reserve(time.Now(), size); wait > 0 {
			if sleep(ctx, wait); ctx.Err() != nil {
				c.pace.refund(size)
				return 0, false
			}
		}
		begin := time.Now()
		if nonce, found = scan(&seal, at, size, &target); found {
			tried := nonce - at + 1
			c.hashes.Add(tried)
			c.pace.refund(size - tried)
			return nonce, true
		}
		batch = nextBatch(batch, size, time.Since(begin))
		c.hashes.Add(size)
		first += size
		// Threads may fill all processors: let in who would stop us.
		runtime.Gosched()
	}
	return 0, false
}

// nextBatch returns how many hashes to try at once after size of them, at most
// a batch, took that long.
func nextBatch(batch, size uint64, took time.Duration) uint64 {
	switch {
	case took > longBatch:
		return max(batch/2, 1)
	case took < shortBatch && size == batch:
		return min(batch*2, mostBatch)
	default:
		return batch
	}
}
