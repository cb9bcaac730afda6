package main_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"golang.org/x/sync/errgroup"

	"github.com/lp2pnode/lp2pnode/chain"
)

// compose is the yardstick of catching up: the same work without network, sync
// and ledger. Blocks are decoded, with ids and roots, and their signatures
// checked in batches, over all processors; then judged and executed on
// accounts in memory and put into a Pebble that never syncs.
func compose(b *testing.B, w *workload, raw [][]byte) time.Duration {
	b.Helper()
	db, err := pebble.Open(b.TempDir(), &pebble.Options{Logger: quiet{}})
	if err != nil {
		b.Fatal(err)
	}
	begin := time.Now()
	jobs, ready := make(chan job), make(chan job, 256) // decoded ahead
	g, ctx := errgroup.WithContext(b.Context())
	g.Go(func() error {
		defer close(jobs)
		defer close(ready)
		for _, raw := range raw {
			j := job{raw, make(chan *chain.Block, 1)}
			ready <- j
			select {
			case jobs <- j:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	})
	for range runtime.GOMAXPROCS(0) {
		g.Go(func() error { return decodeAll(w.rules, jobs) })
	}
	g.Go(func() error { return executeAll(ctx, w.rules, db, ready, uint64(len(raw))) })
	if err := g.Wait(); err != nil {
		b.Fatal(err)
	}
	took := time.Since(begin)
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	return took
}

// job is a block to decode; done gets it, or is closed if it is a bad one.
type job struct {
	raw  []byte
	done chan *chain.Block
}

// decodeAll decodes blocks and checks their signatures.
func decodeAll(rules *chain.Rules, jobs <-chan job) error {
	for j := range jobs {
		block, err := rules.DecodeBlock(j.raw)
		if err == nil {
			err = rules.VerifyTransactions(block.Transactions)
		}
		if err != nil {
			close(j.done)
			return err
		}
		j.done <- block
	}
	return nil
}

// executeAll judges and executes blocks in their order, up to a height, and keeps
// them, a hundred at a time.
func executeAll(ctx context.Context, rules *chain.Rules, db *pebble.DB, ready <-chan job, height uint64) error {
	accounts := map[chain.Address]chain.Account{}
	for _, c := range rules.GenesisAccounts() {
		accounts[c.Address] = c.New
	}
	view := func(a chain.Address) (chain.Account, error) { return accounts[a], nil }
	state, batch := rules.GenesisState(), db.NewBatch()
	for j := range ready {
		block := <-j.done
		if block == nil {
			return ctx.Err()
		}
		if err := state.Check(&block.Header); err != nil {
			return err
		}
		diff, err := rules.Execute(block, view)
		if err != nil {
			return err
		}
		for _, c := range diff {
			accounts[c.Address] = c.New
		}
		state = state.Extend(&block.Header)
		if err := batch.Set(block.Hash[:], block.Raw(), nil); err != nil {
			return err
		}
		if block.Height%100 == 0 || block.Height == height {
			if err := batch.Commit(pebble.NoSync); err != nil {
				return err
			}
			batch = db.NewBatch()
		}
	}
	return nil
}

// quiet is a pebble.Logger.
type quiet struct{}

func (quiet) Infof(string, ...any)           {}
func (quiet) Errorf(string, ...any)          {}
func (quiet) Fatalf(format string, _ ...any) { panic(format) }
