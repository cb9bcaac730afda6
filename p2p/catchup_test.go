package p2p

import (
	"maps"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

// TestCheapHeadersAreJudgedAndForgotten: of headers whose work is not yet more
// than ours a survey keeps nothing, however many there are (protocol §8).
func TestCheapHeadersAreJudgedAndForgotten(t *testing.T) {
	rules := testRules(t, "one")
	const count = 30_000
	b := start(t, chainOf(t, rules, 10, "b"), nil)
	sv, err := b.newSurvey(Peer{ID: "a", Work: chain.Work{}.Add(1 << 50)})
	if err != nil {
		t.Fatal(err)
	}
	heavy := b.memory.Tip()
	heavy.Work = heavy.Work.Add(1 << 40) // so that the others never catch up
	judge := &Network{ledger: fixedTip{b.memory, heavy}, rules: rules, now: time.Now, log: b.Network.log}
	state := rules.GenesisState()
	memory := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := memory()
	for i := range count {
		h := child(state, "a").Header
		if err := judge.judgeHeader(sv, &h, i == 0); err != nil {
			t.Fatal(err)
		}
		state = state.Extend(&h)
	}
	if sv.light != count || sv.kept != nil || sv.crossed {
		t.Errorf("of %d cheap headers %d are counted and %d kept", count, sv.light, len(sv.kept))
	}
	if grown := int64(memory()) - int64(before); grown > count*32/4 {
		t.Errorf("%d cheap headers left %d bytes behind; their hashes alone are %d", count, grown, count*32)
	}
	runtime.KeepAlive(sv)
}

// fixedTip is a ledger that stays where it is.
type fixedTip struct {
	*memory
	tip chain.State
}

func (f fixedTip) Tip() chain.State { return f.tip }

// server counts the bodies that it hands out, and may be slow with them.
type server struct {
	*memory
	slow time.Duration
	most int // hands out no more than these, and then hangs until the test ends; 0 is no limit
	end  chan struct{}

	mu     sync.Mutex
	served map[chain.Hash]int // guarded by mu
}

func newServer(m *memory) *server {
	return &server{memory: m, end: make(chan struct{}), served: map[chain.Hash]int{}}
}

func (s *server) RawBlock(hash chain.Hash) ([]byte, error) {
	if s.slow > 0 {
		select {
		case <-time.After(s.slow):
		case <-s.end:
		}
	}
	s.mu.Lock()
	full := s.most > 0 && len(s.served) >= s.most
	if !full {
		s.served[hash]++
	}
	s.mu.Unlock()
	if full {
		<-s.end
	}
	return s.memory.RawBlock(hash)
}

func (s *server) hashes() []chain.Hash {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.served))
}

func TestSyncResumesAfterARestartWithoutFetchingAgain(t *testing.T) {
	for _, row := range []struct {
		name string
		ours int // blocks of a branch of our own, heavier than what comes before the restart
	}{{"on its own tip", 0}, {"beside a heavier chain", 900}} {
		t.Run(row.name, func(t *testing.T) {
			rules := testRules(t, "one")
			good := chainOf(t, rules, 1000, "a")
			m := chainOf(t, rules, row.ours, "c")
			s := newServer(good)
			s.most = 500
			a := start(t, good, s)
			t.Cleanup(func() { close(s.end) }) // runs first
			first := start(t, m, nil)
			first.dial(t, a)
			await(t, "a part of the bodies", func() bool { return m.size() > row.ours+200 })
			if err := first.host.Close(); err != nil {
				t.Fatal(err)
			}
			await(t, "its peer is gone", func() bool { return len(first.Met()) == 0 })
			here := map[chain.Hash]bool{}
			for _, hash := range good.best {
				if known, _ := m.Has(hash); known {
					here[hash] = true
				}
			}
			rest := newServer(good)
			b := start(t, good, rest)
			second := start(t, m, nil)
			second.dial(t, b)
			awaitTip(t, second, good.Tip().Tip.Hash)
			for _, hash := range rest.hashes() {
				if here[hash] {
					t.Fatalf("block %s is fetched again", hash)
				}
			}
			t.Logf("%d of 1000 were here, %d came after the restart", len(here)-1, len(rest.hashes()))
		})
	}
}

func TestEveryRequestHasADeadline(t *testing.T) {
	rules := testRules(t, "one")
	good := chainOf(t, rules, 300, "a")
	s := newServer(copyOf(t, good))
	s.slow = 50 * time.Millisecond // never silent, and never done in time
	a := start(t, s.memory, s)
	t.Cleanup(func() { close(s.end) }) // runs first
	c := start(t, newMemory(rules), nil, func(n *Network) {
		n.timing.request, n.timing.pause = 500*time.Millisecond, time.Second // who is late for once is asked again
	})
	c.dial(t, a)
	await(t, "the slow one is left alone", func() bool { return c.about(a).PauseReason == ReasonStalled })
	b := start(t, good, nil)
	c.dial(t, b)
	awaitTip(t, c, good.Tip().Tip.Hash)
}

func TestWhatGossipMissedIsFoundByComparingTips(t *testing.T) {
	rules := testRules(t, "one")
	a, b := start(t, chainOf(t, rules, 5, "a"), nil), start(t, newMemory(rules), nil)
	b.dial(t, a)
	awaitTip(t, b, a.memory.Tip().Tip.Hash)
	for range 3 {
		await(t, "both know that they are level", func() bool {
			return a.about(b).Height == a.memory.Tip().Tip.Height && b.Sync().Level && !b.Sync().Behind
		})
		silent := a.memory.mine(t, 1, "never published")
		awaitTip(t, b, silent.Hash)
		if got := b.sourceOf(silent.Hash); got.Via != chain.ViaSync {
			t.Errorf("it came by %+v", got)
		}
	}
}
