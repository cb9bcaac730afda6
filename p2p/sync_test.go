package p2p

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

// chainOf returns a memory with a chain of count blocks.
func chainOf(t testing.TB, rules *chain.Rules, count int, note string) *memory {
	t.Helper()
	m := newMemory(rules)
	m.mine(t, count, note)
	return m
}

// copyOf returns another memory with the same blocks.
func copyOf(t testing.TB, m *memory) *memory {
	t.Helper()
	c := newMemory(m.rules)
	for _, hash := range m.best[1:] {
		if _, err := c.AddBlocks(chain.Source{}, m.blocks[hash]); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func TestLateJoinerReceivesOldBlocks(t *testing.T) {
	rules := testRules(t, "one")
	a := start(t, chainOf(t, rules, 2000, "a"), nil)
	late := start(t, newMemory(rules), nil)
	began := time.Now()
	late.dial(t, a)
	awaitTip(t, late, a.memory.Tip().Tip.Hash)
	t.Logf("2000 blocks in %s", time.Since(began))
	if s := late.Sync(); s.Behind || s.Height != 2000 {
		t.Errorf("sync state is %+v", s)
	}
}

func TestNewsHopsOnAfterSync(t *testing.T) {
	rules := testRules(t, "one")
	a := start(t, chainOf(t, rules, 50, "a"), nil, gossipOnly)
	b, c := start(t, newMemory(rules), nil, gossipOnly), start(t, newMemory(rules), nil, gossipOnly)
	b.dial(t, c)
	await(t, "b and c meet", func() bool { return b.about(c).Met && c.about(b).Met })
	a.dial(t, b)
	awaitTip(t, c, a.memory.Tip().Tip.Hash)
}

func TestHeavierForkWinsAtAnyDepth(t *testing.T) {
	rules := testRules(t, "one")
	a := start(t, chainOf(t, rules, 4500, "a"), nil)
	b := start(t, chainOf(t, rules, 4400, "b"), nil)
	old := b.memory.Tip().Tip.Hash
	b.dial(t, a)
	awaitTip(t, b, a.memory.Tip().Tip.Hash)
	if known, _ := b.memory.Has(old); !known {
		t.Error("the lighter branch is gone")
	}
}

func TestBodiesComeOnlyWhenTheHeadersCarryMoreWork(t *testing.T) {
	rules := testRules(t, "one")
	light := &liar{memory: chainOf(t, rules, 2500, "light"), claim: 1 << 40}
	a := start(t, light.memory, light)
	b := start(t, chainOf(t, rules, 2600, "b"), nil)
	b.dial(t, a)
	await(t, "the peer is found out", func() bool { return b.about(a).PauseReason == ReasonFalseWork })
	if got := b.memory.size(); got != 2601 {
		t.Errorf("%d blocks are stored, want 2601", got)
	}
	if b.Sync().Behind {
		t.Error("a peer that was found out still holds up mining")
	}
}

// liar claims more work than it has.
type liar struct {
	*memory
	claim uint64
}

func (l *liar) Tip() chain.State {
	tip := l.memory.Tip()
	tip.Work = tip.Work.Add(l.claim)
	return tip
}

func TestSyncLeavesPeerThatLiesAboutItsWork(t *testing.T) {
	rules := testRules(t, "one")
	l := &liar{memory: newMemory(rules), claim: 1 << 50}
	a, b := start(t, l.memory, l), start(t, chainOf(t, rules, 300, "b"), nil)
	c := start(t, newMemory(rules), nil)
	c.dial(t, a, b)
	awaitTip(t, c, b.memory.Tip().Tip.Hash)
	await(t, "the liar is found out", func() bool { return c.about(a).PauseReason == ReasonFalseWork })
	if !c.about(b).PausedUntil.IsZero() {
		t.Errorf("the honest peer is left alone: %s", c.about(b).PauseReason)
	}
	if c.log.count(`msg="sync leaves peer"`) != 1 {
		t.Error("want one line on why sync leaves the peer")
	}
}

// staller answers one kind of request only when the test ends.
type staller struct {
	*memory
	headers, bodies bool
	stalled         atomic.Int32
	end             chan struct{}
}

func newStaller(m *memory) *staller { return &staller{memory: m, end: make(chan struct{})} }

func (s *staller) Tip() chain.State {
	tip := s.memory.Tip()
	tip.Work = tip.Work.Add(1) // the heaviest: it is asked first
	return tip
}

func (s *staller) RawHeadersAfter(locator []chain.Hash, limit int) ([][]byte, error) {
	if s.headers {
		s.stalled.Add(1)
		<-s.end
	}
	return s.memory.RawHeadersAfter(locator, limit)
}

func (s *staller) RawBlock(hash chain.Hash) ([]byte, error) {
	if s.bodies {
		s.stalled.Add(1)
		<-s.end
	}
	return s.memory.RawBlock(hash)
}

func TestSyncSurvivesStallingPeer(t *testing.T) {
	for _, stage := range []string{"headers", "bodies"} {
		t.Run(stage, func(t *testing.T) {
			rules := testRules(t, "one")
			good := chainOf(t, rules, 1000, "a")
			b := start(t, good, nil)
			c := start(t, newMemory(rules), nil, func(n *Network) {
				n.timing.silence, n.timing.hedge, n.timing.stagger = time.Second, 200*time.Millisecond, 200*time.Millisecond
				n.timing.pause = time.Second // who is silent for once is asked again
			})
			s := newStaller(copyOf(t, good))
			s.headers, s.bodies = stage == "headers", stage == "bodies"
			a := start(t, s.memory, s)
			t.Cleanup(func() { close(s.end) }) // runs first
			c.dial(t, a, b)
			awaitTip(t, c, good.Tip().Tip.Hash)
			await(t, "the staller is left alone", func() bool { return c.about(a).PauseReason != "" })
			if s.stalled.Load() == 0 {
				t.Error("the staller was never asked")
			}
		})
	}
}

func TestClaimAfterTheNodeWasLevelIsNoLag(t *testing.T) {
	rules := testRules(t, "one")
	honest := chainOf(t, rules, 20, "a")
	b, c := start(t, honest, nil), start(t, newMemory(rules), nil)
	if c.Sync().Level {
		t.Error("a node that has met nobody is level")
	}
	c.dial(t, b)
	await(t, "the two are level", func() bool { return c.Sync().Level && c.Sync().Height == 20 })
	s := newStaller(copyOf(t, honest))
	s.headers = true
	a := start(t, s.memory, s)
	t.Cleanup(func() { close(s.end) }) // runs first
	c.dial(t, a)
	await(t, "the claim", func() bool { return c.Sync().Behind })
	if got := c.Sync(); got.Behind && got.Lags() {
		t.Errorf("a mere claim makes it lag: %+v", got)
	}
}

func TestClaimCountsUntilTheNodeHadTimeToBeLevel(t *testing.T) {
	rules := testRules(t, "one")
	var late atomic.Int64
	s := newStaller(chainOf(t, rules, 20, "a"))
	s.headers = true
	a := start(t, s.memory, s)
	t.Cleanup(func() { close(s.end) }) // runs first
	c := start(t, newMemory(rules), nil, func(n *Network) {
		n.now = func() time.Time { return time.Now().Add(time.Duration(late.Load())) }
	})
	c.dial(t, a)
	await(t, "the claim", func() bool { return c.Sync().Behind })
	if got := c.Sync(); !got.Lags() {
		t.Errorf("a claim does not count at the start: %+v", got)
	}
	late.Store(int64(c.timing.trust))
	if got := c.Sync(); got.Lags() {
		t.Errorf("a mere claim counts for ever: %+v", got)
	}
}

func TestHeadersWhoseBlocksDoNotComeAreNoLagForLong(t *testing.T) {
	rules := testRules(t, "one")
	var late atomic.Int64
	s := newStaller(chainOf(t, rules, 20, "a"))
	s.bodies = true
	a := start(t, s.memory, s)
	t.Cleanup(func() { close(s.end) }) // runs first
	c := start(t, newMemory(rules), nil, func(n *Network) {
		n.now = func() time.Time { return time.Now().Add(time.Duration(late.Load())) }
		n.timing.silence, n.timing.pause = 2*time.Second, 0
	})
	c.dial(t, a)
	await(t, "the first fetch", func() bool { return s.stalled.Load() >= 1 })
	if got := c.Sync(); !got.Proven {
		t.Errorf("blocks on their way count for nothing: %+v", got)
	}
	late.Store(int64(c.timing.trust) + int64(time.Second))
	if got := c.Sync(); got.Lags() {
		t.Errorf("blocks that do not come count for ever: %+v", got)
	}
	await(t, "the second fetch", func() bool { return s.stalled.Load() >= 2 })
	if got := c.Sync(); got.Lags() {
		t.Errorf("after a fetch in vain the next one counts: %+v", got)
	}
}

// dribbler hands out one header at a time.
type dribbler struct{ *liar }

func (d dribbler) RawHeadersAfter(locator []chain.Hash, _ int) ([][]byte, error) {
	return d.memory.RawHeadersAfter(locator, 1)
}

func TestSyncLeavesPeerThatDribblesHeaders(t *testing.T) {
	for _, row := range []struct {
		name string
		ours int // blocks of a branch of our own, lighter than theirs
	}{{"beyond our chain", 0}, {"asked for again", 150}} {
		t.Run(row.name, func(t *testing.T) {
			rules := testRules(t, "one")
			good := chainOf(t, rules, 3000, "a")
			d := dribbler{&liar{memory: copyOf(t, good), claim: 1 << 50}}
			a, b := start(t, d.memory, d), start(t, good, nil)
			c := start(t, chainOf(t, rules, row.ours, "c"), nil, func(n *Network) {
				n.timing.turn, n.timing.stagger = 50*time.Millisecond, 10*time.Second
			})
			c.dial(t, a)
			await(t, "the dribbler is followed", func() bool { return c.log.count(`msg="catching up"`) > 0 })
			await(t, "the dribbler is left alone", func() bool { return c.about(a).PauseReason == ReasonStalled })
			c.dial(t, b)
			awaitTip(t, c, good.Tip().Tip.Hash)
		})
	}
}

// forger changes what it hands out.
type forger struct {
	*memory
	headers func([][]byte) [][]byte
	block   func([]byte) []byte
}

func (f *forger) Tip() chain.State {
	tip := f.memory.Tip()
	tip.Work = tip.Work.Add(1)
	return tip
}

func (f *forger) RawHeadersAfter(locator []chain.Hash, limit int) ([][]byte, error) {
	headers, err := f.memory.RawHeadersAfter(locator, limit)
	if f.headers != nil {
		headers = f.headers(headers)
	}
	return headers, err
}

func (f *forger) Has(hash chain.Hash) (bool, error) {
	if f.block != nil && f.block(nil) == nil {
		return false, nil
	}
	return f.memory.Has(hash)
}

func (f *forger) RawBlock(hash chain.Hash) ([]byte, error) {
	raw, err := f.memory.RawBlock(hash)
	if f.block != nil {
		raw = f.block(raw)
	}
	return raw, err
}

func TestSyncLeavesPeersThatForge(t *testing.T) {
	for _, row := range []struct {
		name   string
		forger forger
		want   Reason
	}{
		{"a header that breaks a rule", forger{headers: func(h [][]byte) [][]byte {
			if len(h) < 10 {
				return h
			}
			return append(h[:5:5], h[6:]...)
		}}, ReasonBadHeaders},
		{"junk for a header", forger{headers: func([][]byte) [][]byte { return [][]byte{[]byte("junk")} }}, ReasonBadHeaders},
		{"too long a line", forger{headers: func([][]byte) [][]byte {
			return [][]byte{[]byte(strings.Repeat("x", 40_000))}
		}}, ReasonBadAnswer},
		{"too many headers", forger{headers: func(h [][]byte) [][]byte {
			for len(h) > 0 && len(h) <= maxHeaders {
				h = append(h, h...)
			}
			return h
		}}, ReasonBadHeaders},
		{"headers without bodies", forger{block: func([]byte) []byte { return nil }}, ReasonNoBodies},
		{"junk for a block", forger{block: func([]byte) []byte { return []byte("junk") }}, ReasonBadBlocks},
	} {
		t.Run(row.name, func(t *testing.T) {
			rules := testRules(t, "one")
			good := chainOf(t, rules, 200, "a")
			f := row.forger
			f.memory = copyOf(t, good)
			a := start(t, f.memory, &f)
			c := start(t, newMemory(rules), nil)
			c.dial(t, a)
			await(t, "the forger is left alone", func() bool { return c.about(a).PauseReason == row.want })
			b := start(t, good, nil)
			c.dial(t, b)
			awaitTip(t, c, good.Tip().Tip.Hash)
		})
	}
}

// panicker panics where it is asked for a block.
type panicker struct{ *memory }

func (panicker) RawBlock(chain.Hash) ([]byte, error) { panic("a bug") }

func TestPanicInHandlerEndsOnlyTheStream(t *testing.T) {
	rules := testRules(t, "one")
	m := chainOf(t, rules, 10, "a")
	a := start(t, m, panicker{m})
	b := start(t, newMemory(rules), nil)
	b.dial(t, a)
	await(t, "the panic", func() bool { return a.log.count("level=ERROR") > 0 })
	await(t, "the peer is left alone", func() bool { return b.about(a).PauseReason == ReasonBroken })
	headers := 0
	err := b.askHeaders(t.Context(), a.host.ID(), nil, func(*chain.Header) error { headers++; return nil })
	if err != nil || headers != 10 {
		t.Errorf("after the panic the node gave %d headers and %v", headers, err)
	}
}

func TestHeadersAheadOfTheClockBlameNobody(t *testing.T) {
	rules := testRules(t, "one")
	m := chainOf(t, rules, 3, "a")
	a := start(t, m, nil)
	b := start(t, newMemory(rules), nil, func(n *Network) {
		n.now = func() time.Time { return time.UnixMilli(int64(rules.Params.Timestamp)).Add(-time.Hour) }
	})
	b.dial(t, a)
	await(t, "the peer is left alone for a moment", func() bool { return b.about(a).PauseReason == ReasonAhead })
	if got := b.about(a); !got.Left.IsZero() {
		t.Errorf("the peer was disconnected: %s", got.Reason)
	}
}
