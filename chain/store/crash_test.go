package store

import (
	"errors"
	"math/rand/v2"
	"sync"
	"testing"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/lp2pnode/lp2pnode/chain"
)

// script is a run of changes, with the tip after each.
type script struct {
	tips    []*block
	changes []Change
}

// story grows a chain with large and small blocks, side branches and
// reorganisations, so that logs rotate and tables are flushed.
func story(tb testing.TB, c *toy, steps int) script {
	tb.Helper()
	var s script
	tip := c.genesis
	for i := range steps {
		fork := tip
		for range min(i%4, int(tip.Height)) {
			fork = fork.parent
		}
		c.data = 20_000 * (i % 3)
		side := c.chain(tb, fork, i%4+1, 1)
		next := side[len(side)-1]
		s.changes = append(s.changes, change(tip, next, side...))
		s.tips = append(s.tips, next)
		tip = next
	}
	return s
}

// crash is what a crash at some moment would have left, and the tips that may
// be found there.
type crash struct {
	fs           *vfs.MemFS
	atLeast, now chain.Hash
}

// crasher remembers crashes at each change of the file system.
type crasher struct {
	mem *vfs.MemFS

	mu           sync.Mutex
	rng          *rand.Rand // guarded by mu
	crashes      []crash    // guarded by mu
	atLeast, now chain.Hash // guarded by mu
}

func (c *crasher) String() string { return "crasher" }

// MaybeError implements errorfs.Injector.
func (c *crasher) MaybeError(op errorfs.Op) error {
	if op.Kind.ReadOrWrite() == errorfs.OpIsWrite && op.Kind != errorfs.OpFileClose {
		c.crash()
	}
	return nil
}

func (c *crasher) crash() {
	c.mu.Lock()
	defer c.mu.Unlock()
	percent := []int{0, 30, 70, 100}[c.rng.IntN(4)]
	fs := c.mem.CrashClone(vfs.CrashCloneCfg{UnsyncedDataPercent: percent, RNG: c.rng})
	c.crashes = append(c.crashes, crash{fs, c.atLeast, c.now})
}

func (c *crasher) expect(atLeast, now chain.Hash) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.atLeast, c.now = atLeast, now
}

func newCrasher() *crasher {
	return &crasher{mem: vfs.NewCrashableMem(), rng: rand.New(rand.NewPCG(3, 4))}
}

// TestPowerLossLosesNothingThatWasCommitted crashes at each batch and at each
// write, synced or not, of opening, committing and closing.
func TestPowerLossLosesNothingThatWasCommitted(t *testing.T) {
	t.Parallel()
	c := newToy(t, "toy")
	s := story(t, c, 10)
	watch := newCrasher()
	tip := c.genesis.Hash
	watch.expect(tip, tip)
	st, lock, err := openOn(errorfs.Wrap(watch.mem, watch), c.rules)
	if err != nil {
		t.Fatal(err)
	}
	for i, change := range s.changes {
		watch.expect(tip, s.tips[i].Hash)
		commit(t, st, change)
		tip = s.tips[i].Hash
		watch.expect(tip, tip)
		watch.crash()
	}
	if err := errors.Join(st.Close(), lock.Close()); err != nil {
		t.Fatal(err)
	}
	watch.crash()
	t.Logf("%d crashes", len(watch.crashes))
	for i, crash := range watch.crashes {
		found := recovered(t, crash.fs, c.rules)
		if found != crash.atLeast && found != crash.now {
			t.Fatalf("crash %d: tip %s, want %s or %s", i, found, crash.atLeast, crash.now)
		}
	}
}

// recovered opens what a crash left, proves it and returns its tip.
func recovered(t *testing.T, fs vfs.FS, rules *chain.Rules) chain.Hash {
	t.Helper()
	s, lock, err := openOn(fs, rules)
	if err != nil {
		t.Fatal(err)
	}
	state, err := s.Tip()
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Verify(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), lock.Close()); err != nil {
		t.Fatal(err)
	}
	return state.Tip.Hash
}
