package sim

import (
	"bytes"
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/pow"
)

// Power is a miner.Sealer of some hash power. It sleeps as long as so many
// hashes per second would take to find the proof, and then finds one for real,
// which must be cheap: difficulties are to be small numbers. It is safe for
// concurrent use.
type Power struct {
	mu        sync.Mutex
	rng       *rand.Rand // guarded by mu
	perSecond float64    // guarded by mu
	hashes    float64    // guarded by mu
}

// NewPower returns a Sealer of perSecond hashes a second whose luck comes from
// seed.
func NewPower(perSecond float64, seed uint64) *Power {
	return &Power{rng: rand.New(rand.NewPCG(seed, 2)), perSecond: perSecond}
}

// Set changes the hash power from the next template on, a second at most.
func (p *Power) Set(perSecond float64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.perSecond = perSecond
}

// Hashes implements miner.Counter.
func (p *Power) Hashes() uint64 {
	p.mu.Lock()
	defer p.mu.Unlock()
	return uint64(p.hashes)
}

// Seal implements miner.Sealer. Finding a proof has no memory, so a template
// that is given up loses nothing.
func (p *Power) Seal(ctx context.Context, h chain.Header) (chain.Header, error) {
	began := time.Now()
	perSecond, luck, nonce := p.draw()
	defer func() { p.tried(perSecond, time.Since(began)) }()
	if perSecond <= 0 {
		<-ctx.Done()
		return h, ctx.Err()
	}
	wait := luck * float64(h.Difficulty) / perSecond
	timer := time.NewTimer(time.Duration(min(wait, 1e6) * float64(time.Second)))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return h, ctx.Err()
	case <-timer.C:
	}
	Grind(&h, nonce)
	return h, nil
}

func (p *Power) draw() (perSecond, luck float64, nonce uint64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.perSecond, p.rng.ExpFloat64(), p.rng.Uint64N(1 << 52)
}

func (p *Power) tried(perSecond float64, took time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.hashes += perSecond * took.Seconds()
}

// Grind finds the first nonce from a given one on that seals the header.
func Grind(h *chain.Header, nonce uint64) {
	seal, target := h.Seal(), pow.Target(h.Difficulty)
	for ; ; nonce++ {
		hash := chain.SealedHash(seal, nonce)
		if bytes.Compare(hash[:], target[:]) <= 0 {
			h.Nonce, h.Hash = nonce, hash
			return
		}
	}
}
