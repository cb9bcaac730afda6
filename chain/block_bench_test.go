package chain_test

import (
	"crypto/ed25519"
	"encoding/binary"
	"runtime"
	"slices"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/canonical"
)

// strangers returns transfers of as many senders.
func strangers(r *chain.Rules, n int) []*chain.Transaction {
	txs := make([]*chain.Transaction, n)
	for i := range txs {
		seed := make([]byte, 32)
		binary.BigEndian.PutUint64(seed, uint64(i)+1)
		txs[i] = r.Sign(chain.Transaction{Amount: 1, Fee: 1, To: alice.address}, seed)
	}
	return txs
}

// fresh returns copies whose signatures nobody has checked.
func fresh(txs []*chain.Transaction) []*chain.Transaction {
	copies := make([]*chain.Transaction, len(txs))
	for i, tx := range txs {
		copies[i] = chain.NewTransaction(*tx)
	}
	return copies
}

// inTurns runs contenders turn by turn, so that what slows the machine down
// slows them all, and returns the median of what each took of a processor. What
// comes before a contender returns its run is preparation.
func inTurns(b *testing.B, all ...func() func()) []time.Duration {
	took := make([][]time.Duration, len(all))
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	for b.Loop() {
		for i, prepare := range all {
			run := prepare()
			begin := threadTime()
			run()
			took[i] = append(took[i], threadTime()-begin)
		}
	}
	medians := make([]time.Duration, len(all))
	for i := range took {
		slices.Sort(took[i])
		medians[i] = took[i][len(took[i])/2]
	}
	return medians
}

// BenchmarkBlock decodes a block of 1,000 transfers of as many senders and
// checks their signatures, beside what else could do so.
func BenchmarkBlock(b *testing.B) {
	const n, few = 1000, 50
	r := easy(b, func(p *chain.Params) { p.MaxBlockBytes = 1_000_000 })
	txs := strangers(r, n)
	b.Run("signatures", func(b *testing.B) {
		remembering := warm(b, r)
		for range 2 { // met, expanded
			verify(b, remembering, fresh(txs))
		}
		turns := inTurns(b,
			func() func() {
				all := fresh(txs)
				return func() { verify(b, r, all) }
			},
			func() func() {
				all := fresh(txs)
				return func() { verify(b, remembering, all) }
			},
			func() func() {
				all := fresh(txs[:few])
				return func() {
					for _, tx := range all {
						verify(b, r, []*chain.Transaction{tx})
					}
				}
			},
			func() func() { return func() { verifyStandard(b, r, txs[:few]) } })
		batch, warm, single, standard := rate(n, turns[0]), rate(n, turns[1]), rate(few, turns[2]), rate(few, turns[3])
		b.ReportMetric(batch, "per-s")
		b.ReportMetric(warm, "warm-per-s")
		b.ReportMetric(single, "single-per-s")
		b.ReportMetric(standard, "standard-per-s")
		b.ReportMetric(batch/single, "of-single")
		b.ReportMetric(batch/standard, "of-standard")
		b.ReportMetric(warm/standard, "warm-of-standard")
	})
	b.Run("decode", func(b *testing.B) {
		raw := child(r.GenesisState(), txs, nil).Raw()
		decode := func() {
			if _, err := r.DecodeBlock(raw); err != nil {
				b.Fatal(err)
			}
		}
		reflection := func() {
			for _, tx := range txs {
				if err := canonical.Unmarshal(tx.Raw(), &chain.Transaction{}); err != nil {
					b.Fatal(err)
				}
			}
		}
		turns := inTurns(b, func() func() { return decode }, func() func() { return reflection })
		b.ReportMetric(rate(n, turns[0]), "per-s")
		b.ReportMetric(rate(n, turns[1]), "reflection-per-s")
		b.ReportMetric(turns[1].Seconds()/turns[0].Seconds(), "of-reflection")
		b.ReportMetric(testing.AllocsPerRun(1, decode)/n, "allocs/tx")
	})
}

// BenchmarkSignaturesOnAllProcessors compares by the clock: a block's batches
// over all processors, the standard library on one.
func BenchmarkSignaturesOnAllProcessors(b *testing.B) {
	const n, few = 1000, 100
	r := easy(b, nil)
	txs := strangers(r, n)
	var all, standard []time.Duration
	for b.Loop() {
		copies := fresh(txs)
		begin := time.Now()
		var g errgroup.Group
		share := (n + runtime.GOMAXPROCS(0) - 1) / runtime.GOMAXPROCS(0)
		for part := range slices.Chunk(copies, share) {
			g.Go(func() error { return r.VerifyTransactions(part) })
		}
		if err := g.Wait(); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		verifyStandard(b, r, txs[:few])
		all, standard = append(all, middle.Sub(begin)), append(standard, time.Since(middle))
	}
	slices.Sort(all)
	slices.Sort(standard)
	ours, theirs := rate(n, all[len(all)/2]), rate(few, standard[len(standard)/2])
	b.ReportMetric(ours, "per-s")
	b.ReportMetric(theirs, "standard-per-s")
	b.ReportMetric(ours/theirs, "of-standard")
}

func rate(n int, took time.Duration) float64 { return float64(n) / took.Seconds() }

func verify(b *testing.B, r *chain.Rules, txs []*chain.Transaction) {
	if err := r.VerifyTransactions(txs); err != nil {
		b.Fatal(err)
	}
}

func verifyStandard(b *testing.B, r *chain.Rules, txs []*chain.Transaction) {
	for _, tx := range txs {
		key, err := tx.From.Key()
		if err != nil || !ed25519.Verify(key, tx.SignedBytes(r.Genesis().Hash), tx.Signature[:]) {
			b.Fatal("refused", err)
		}
	}
}
