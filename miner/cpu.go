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

	// batchSize is how many hashes a thread tries between two looks at whether
	// to stop: some 0.1 ms with SHA instructions, 1 ms without.
	batchSize = 1024
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
	most := c.pace.batch(batchSize)
	for end := first + count; first < end && ctx.Err() == nil; {
		at := first % nonces
		size := min(most, end-first, nonces-at)
		if wait := c.pace.reserve(time.Now(), size); wait > 0 {
			if sleep(ctx, wait); ctx.Err() != nil {
				c.pace.refund(size)
				return 0, false
			}
		}
		if nonce, found = scan(&seal, at, size, &target); found {
			tried := nonce - at + 1
			c.hashes.Add(tried)
			c.pace.refund(size - tried)
			return nonce, true
		}
		c.hashes.Add(size)
		first += size
		// Threads may fill all processors: let in who would stop us.
		runtime.Gosched()
	}
	return 0, false
}
