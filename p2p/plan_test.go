package p2p

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/lp2pnode/lp2pnode/chain"
)

// courier brings the blocks that it is asked for, one after another.
type courier struct {
	latency time.Duration // of a request
	block   time.Duration // of each block; 0 never brings one
}

// delivery is how a plan was carried out.
type delivery struct {
	took   time.Duration
	used   map[int]int // blocks that came of each courier, and were used
	asked  map[int]int // blocks that each courier was asked for
	hashes []chain.Hash
}

// deliver has couriers carry out a plan of these blocks, in virtual time, as
// crew and addParts do. Adding a window takes adding.
func deliver(t *testing.T, m *memory, adding time.Duration, couriers ...courier) delivery {
	t.Helper()
	d := delivery{used: map[int]int{}, asked: map[int]int{}}
	var mu sync.Mutex // over d.asked
	ids := map[peer.ID]int{}
	began := time.Now()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p := newPlan(defaultTiming().hedge)
	if !p.push(ctx, m.best[1:]) {
		t.Fatal("the plan wants no hashes")
	}
	p.end()
	for i, c := range couriers {
		id := peer.ID(fmt.Sprint("courier ", i))
		ids[id] = i
		go func() {
			for {
				w, hashes, ok := p.take(ctx, id)
				if !ok {
					return
				}
				mu.Lock()
				d.asked[i] += len(hashes)
				mu.Unlock()
				trip := c.latency + c.block*time.Duration(len(hashes))
				if c.block == 0 {
					trip = time.Hour
				}
				select {
				case <-time.After(trip):
				case <-ctx.Done():
					return
				}
				blocks := make([]*chain.Block, len(hashes))
				for i, hash := range hashes {
					blocks[i] = m.blocks[hash]
				}
				p.give(w, id, blocks)
			}
		}()
	}
	for {
		w, ok := p.next(ctx)
		if !ok {
			break
		}
		d.used[ids[w.from]] += len(w.blocks)
		d.hashes = append(d.hashes, w.hashes...)
		time.Sleep(adding)
	}
	d.took = time.Since(began)
	cancel()
	synctest.Wait()
	if got, want := fmt.Sprint(d.hashes), fmt.Sprint(m.best[1:]); got != want {
		t.Errorf("the blocks did not come in order, each once")
	}
	return d
}

func TestBodiesComeFromAllPeersAndFastestMore(t *testing.T) {
	m := chainOf(t, testRules(t, "one"), 4000, "a")
	synctest.Test(t, func(t *testing.T) {
		d := deliver(t, m, 0, courier{block: 10 * time.Millisecond}, courier{block: 40 * time.Millisecond}, courier{block: 20 * time.Millisecond})
		// 100, 25 and 50 blocks a second: 175.
		if ideal := 4000 * time.Second / 175; d.took > ideal*11/10 {
			t.Errorf("it took %s; all three together could do it in %s", d.took, ideal)
		}
		for i, share := range []int{4000 * 100 / 175, 4000 * 25 / 175, 4000 * 50 / 175} {
			if d.used[i] < share*8/10 || d.used[i] > share*12/10 {
				t.Errorf("of courier %d came %d blocks, by its speed %d are expected", i, d.used[i], share)
			}
		}
		if asked := d.asked[0] + d.asked[1] + d.asked[2]; asked > 4000*11/10 {
			t.Errorf("%d blocks were asked for to get 4000", asked)
		}
	})
}

func TestSlowOrSilentPeerCostsLittle(t *testing.T) {
	m := chainOf(t, testRules(t, "one"), 2000, "a")
	fast := courier{latency: time.Millisecond, block: time.Millisecond}
	for _, row := range []struct {
		name string
		slow courier
	}{
		{"a hundred times slower", courier{latency: 100 * time.Millisecond, block: 100 * time.Millisecond}},
		{"ten times slower", courier{latency: 10 * time.Millisecond, block: 10 * time.Millisecond}},
		{"silent", courier{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const adding = 20 * time.Millisecond // a window
				alone := deliver(t, m, adding, fast, fast, fast)
				with := deliver(t, m, adding, row.slow, fast, fast, fast)
				if with.took > alone.took*12/10 {
					t.Errorf("with a slow peer it takes %s, without %s", with.took, alone.took)
				}
				t.Logf("%s with it, %s without", with.took, alone.took)
			})
		})
	}
}

func TestLastWindowOfASlowPeerIsAskedForTwice(t *testing.T) {
	m := chainOf(t, testRules(t, "one"), 2*firstBlocks, "a")
	synctest.Test(t, func(t *testing.T) {
		d := deliver(t, m, 0, courier{block: time.Second}, courier{block: 10 * time.Millisecond})
		// The quick one brings its own window in 320 ms, and needs as long for the other.
		if d.took > 2*time.Second || d.used[1] != 2*firstBlocks {
			t.Errorf("it took %s, and %d of %d blocks came of the quick one", d.took, d.used[1], 2*firstBlocks)
		}
	})
}
