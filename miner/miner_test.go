package miner

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

func TestMinerBuildsOnWhatItMined(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newWorld(t, 1), &sleeper{takes: 300 * time.Millisecond}
		m := w.miner(t, Config{Sealer: s, Empty: true, Note: "hello"})
		stop := start(t, m)
		time.Sleep(3100 * time.Millisecond)
		stop()
		if templates, blocks := w.counts(); blocks != 10 || templates != 11 {
			t.Errorf("want 10 blocks and 11 templates in 3.1 s, got %d and %d", blocks, templates)
		}
		if got := m.State(); got.Blocks != 10 || got.Mining || got.Reason != "stopped" {
			t.Errorf("want 10 blocks and stopped, got %+v", got)
		}
		w.log.want(t, 10, "level=INFO", "msg=mined", "took=300ms", "nonce=5", "difficulty=1", "transactions=0")
		for i, b := range w.blocks {
			w.log.want(t, 1, "msg=mined", fmt.Sprintf("height=%d ", i+1), "hash="+b.Hash.String())
			if b.Data != "hello" || b.Miner != m.cfg.Address {
				t.Errorf("block %d: want our note and address, got %q and %s", b.Height, b.Data, b.Miner)
			}
		}
	})
}

func TestStopsAtOnceWhenTemplateIsStale(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newWorld(t, 1), &sleeper{takes: time.Hour}
		stop := start(t, w.miner(t, Config{Sealer: s, Empty: true}))
		defer stop()
		time.Sleep(123 * time.Millisecond)
		at := time.Now()
		w.do(w.renew)
		synctest.Wait()
		begun, ended := s.times()
		if begun != 2 || len(ended) != 1 || !ended[0].Equal(at) {
			t.Errorf("want the first sealing ended at %v and a second begun, got %d begun, ended at %v", at, begun, ended)
		}
	})
}

func TestRenewsTemplateEachSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, s := newWorld(t, 1), &sleeper{takes: time.Hour}
		stop := start(t, w.miner(t, Config{Sealer: s, Empty: true}))
		time.Sleep(5500 * time.Millisecond)
		stop()
		if len(w.templates) != 6 {
			t.Fatalf("want 6 templates in 5.5 s, got %d", len(w.templates))
		}
		for i, b := range w.templates[1:] {
			if step := b.Timestamp - w.templates[i].Timestamp; step != 1000 {
				t.Errorf("template %d: want 1000 ms after the one before, got %d", i+1, step)
			}
		}
	})
}

// A proof that takes long to find still carries a fresh time, and the time
// taken is counted from the first template on that parent.
func TestMinedTimestampIsAtMostASecondOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		s := &afterSeals{unlucky: 7, sleeper: &sleeper{takes: 400 * time.Millisecond}}
		stop := start(t, w.miner(t, Config{Sealer: s, Empty: true}))
		time.Sleep(7500 * time.Millisecond)
		stop()
		if len(w.blocks) == 0 {
			t.Fatal("no block in 7.5 s")
		}
		if age := uint64(time.Now().UnixMilli()) - w.blocks[0].Timestamp; age != 500 {
			t.Errorf("want the block stamped 7.0 s after the start, 500 ms ago, got %d ms ago", age)
		}
		w.log.want(t, 1, "msg=mined", "height=1 ", "took=7.4s")
	})
}

// afterSeals finds nothing in its first few seals.
type afterSeals struct {
	unlucky int // owned by Run
	*sleeper
}

func (s *afterSeals) Seal(ctx context.Context, h chain.Header) (chain.Header, error) {
	if s.unlucky > 0 {
		s.unlucky--
		<-ctx.Done()
		return h, ctx.Err()
	}
	return s.sleeper.Seal(ctx, h)
}

// Blocks found faster than the clock ticks stay strictly later than their
// parents, because nothing overwrites the template's time.
func TestTimestampsGrowWhenBlocksComeWithinOneMillisecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		stop := start(t, w.miner(t, Config{Sealer: &sleeper{takes: 100 * time.Microsecond}, Empty: true}))
		time.Sleep(5 * time.Millisecond)
		stop()
		if len(w.blocks) < 40 {
			t.Fatalf("want some 49 blocks in 5 ms, got %d", len(w.blocks))
		}
		for i, b := range w.blocks[1:] {
			if b.Timestamp <= w.blocks[i].Timestamp {
				t.Errorf("block %d: want more than %d ms, got %d", b.Height, w.blocks[i].Timestamp, b.Timestamp)
			}
		}
	})
}

func TestWaitsWhileGateHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, gate := newWorld(t, 1), newBarrier("3 blocks behind")
		s := &sleeper{takes: 100 * time.Millisecond}
		m := w.miner(t, Config{Sealer: s, Empty: true, Gate: gate})
		stop := start(t, m)
		defer stop()
		held := time.Now()
		for range 5 { // asked again, the same answer
			time.Sleep(time.Second)
			gate.set("3 blocks behind")
		}
		time.Sleep(time.Second)
		if templates, _ := w.counts(); templates != 0 {
			t.Errorf("want no template while the gate holds, got %d", templates)
		}
		if got := m.State(); got.Mining || got.Reason != "3 blocks behind" || !got.Since.Equal(held) {
			t.Errorf("want to be held since %v, got %+v", held, got)
		}
		w.log.want(t, 1, "mining paused", "3 blocks behind")
		gate.set("clock is off")
		time.Sleep(time.Second)
		w.log.want(t, 1, "mining paused", "clock is off")

		gate.set("")
		time.Sleep(1050 * time.Millisecond)
		if _, blocks := w.counts(); blocks != 10 {
			t.Errorf("want 10 blocks once the gate is open, got %d", blocks)
		}
		w.log.want(t, 1, "mining resumed")
		if got := m.State(); !got.Mining || got.Reason != "" {
			t.Errorf("want mining without a reason, got %+v", got)
		}
	})
}

func TestStopsSealingWhenGateShuts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, gate, s := newWorld(t, 1), newBarrier(""), &sleeper{takes: time.Hour}
		m := w.miner(t, Config{Sealer: s, Empty: true, Gate: gate})
		stop := start(t, m)
		defer stop()
		time.Sleep(300 * time.Millisecond)
		gate.set("") // news that changes nothing must not cost the work so far
		synctest.Wait()
		if _, ended := s.times(); len(ended) != 0 {
			t.Errorf("want the first sealing to go on, ended at %v", ended)
		}
		time.Sleep(300 * time.Millisecond)
		at := time.Now()
		gate.set("behind")
		synctest.Wait()
		if begun, ended := s.times(); begun != 1 || len(ended) != 1 || !ended[0].Equal(at) {
			t.Errorf("want one sealing ended at %v, got %d ended at %v", at, begun, ended)
		}
		if got := m.State(); got.Mining || got.Reason != "behind" || !got.Since.Equal(at) {
			t.Errorf("want to be held since %v, got %+v", at, got)
		}
	})
}

func TestWaitsForTransactionsWhenEmptyIsOff(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		m := w.miner(t, Config{Sealer: &sleeper{takes: 100 * time.Millisecond}})
		stop := start(t, m)
		defer stop()
		time.Sleep(time.Hour)
		if templates, _ := w.counts(); templates != 1 {
			t.Errorf("want one template and no polling in an hour, got %d", templates)
		}
		if got := m.State(); got.Mining || got.Reason != "waiting for transactions" {
			t.Errorf("want to be waiting, got %+v", got)
		}
		w.do(func() {
			w.pool = append(w.pool, w.record("a"))
			w.renew()
		})
		time.Sleep(time.Hour)
		templates, blocks := w.counts()
		if templates != 3 || blocks != 1 || len(w.blocks[0].Transactions) != 1 {
			t.Errorf("want one block with the transaction, then to wait again, got %d blocks of %d templates", blocks, templates)
		}
		w.log.want(t, 1, "msg=mined", "transactions=1", "took=100ms")
	})
}

func TestSubmitsWhatAStrangerCouldSubmit(t *testing.T) {
	w := newWorld(t, 1000)
	w.pool = []*chain.Transaction{w.record(`ünï "code"`)}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	m := w.miner(t, Config{Sealer: NewCPU(2, 0), Empty: true, Note: "n"})
	m.submit = func(ctx context.Context, b *chain.Block) error {
		defer cancel()
		if err := w.rules.Engine.Sealed(&b.Header); err != nil {
			t.Error(err)
		}
		return w.submit(ctx, b)
	}
	if err := m.Run(ctx); err != nil {
		t.Fatal(err)
	}
	if len(w.blocks) != 1 {
		t.Fatalf("want one block taken, got %d; log: %v", len(w.blocks), w.log.with(""))
	}
	got, from := w.blocks[0].Header, w.templates[len(w.templates)-1].Header
	got.Nonce, got.Hash = from.Nonce, from.Hash
	if got != from {
		t.Errorf("want the template but for nonce and hash\n%+v, got\n%+v", from, got)
	}
}

func TestLosesQuietly(t *testing.T) {
	for _, loss := range []error{chain.ErrKnown, chain.ErrUnknownParent, chain.ErrUnwanted} {
		t.Run(loss.Error(), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1)
				w.refusal = fmt.Errorf("block of somebody: %w", loss)
				m := w.miner(t, Config{Sealer: &sleeper{takes: 200 * time.Millisecond}, Empty: true})
				stop := start(t, m)
				time.Sleep(300 * time.Millisecond)
				if got := m.State(); !got.Mining || got.Blocks != 0 {
					t.Errorf("want to go on at once without a block, got %+v", got)
				}
				stop()
				w.log.want(t, 1, "level=DEBUG", "mined too late", loss.Error())
				w.log.want(t, 0, "level=ERROR")
				w.log.want(t, 0, "level=INFO")
			})
		})
	}
}

// Whatever fails at home is said and retried, with the time between two tries
// doubling from 0.1 s to 10 s; the first success makes it short again.
func TestRetriesOwnFaultsEverMoreSlowly(t *testing.T) {
	disk := errors.New("disk full")
	refuse := func(err error) func(*world, *Config) {
		return func(w *world, _ *Config) { w.refusal = err }
	}
	for name, fault := range map[string]func(*world, *Config){
		"template":         func(w *world, _ *Config) { w.broken = disk },
		"sealer":           func(_ *world, c *Config) { c.Sealer = faulty{disk} },
		"submit":           refuse(disk),
		"block is invalid": refuse(chain.Invalid(chain.RuleHash, "disk full", "")),
		"block is unfit":   refuse(chain.Unfit(chain.RuleNonce, "disk full", "")),
		"clock went back":  refuse(fmt.Errorf("disk full: %w", chain.ErrFuture)),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, 1)
				cfg := Config{Sealer: &sleeper{takes: 50 * time.Millisecond}, Empty: true}
				fault(w, &cfg)
				m := w.miner(t, cfg)
				stop := start(t, m)
				time.Sleep(time.Minute)
				// 0.1 + 0.2 + … + 6.4 = 12.7 s, then one each 10 s.
				w.log.want(t, 12, "level=ERROR", "mining failed", "disk full")
				if got := m.State(); got.Mining || !strings.Contains(got.Reason, "disk full") {
					t.Errorf("want the fault as reason, got %+v", got)
				}
				w.do(func() { w.broken, w.refusal = nil, nil })
				time.Sleep(10 * time.Second)
				if _, faulty := cfg.Sealer.(faulty); !faulty && m.State().Blocks == 0 {
					t.Error("want blocks once the fault is gone, got none")
				}
				stop()
			})
		})
	}
}

func TestRetryStartsShortAgainAfterSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		w.broken = errors.New("busy")
		stop := start(t, w.miner(t, Config{Sealer: &sleeper{takes: time.Second / 2}, Empty: true}))
		time.Sleep(time.Minute)
		w.do(func() { w.broken = nil })
		time.Sleep(time.Minute)
		w.do(func() { w.broken = errors.New("again") })
		time.Sleep(time.Minute)
		stop()
		w.log.want(t, 1, "again", "retry_in=100ms")
	})
}

type faulty struct{ err error }

func (f faulty) Seal(_ context.Context, h chain.Header) (chain.Header, error) { return h, f.err }

func TestRunEndsAtOnceWhereverItWaits(t *testing.T) {
	never := &sleeper{takes: time.Hour}
	for name, c := range map[string]struct {
		cfg    Config
		broken error
	}{
		"sealing":      {cfg: Config{Sealer: never, Empty: true}},
		"gate":         {cfg: Config{Sealer: never, Empty: true, Gate: newBarrier("no")}},
		"transactions": {cfg: Config{Sealer: never}},
		"retry":        {cfg: Config{Sealer: never}, broken: errors.New("no")},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if c.cfg.Gate != nil {
					c.cfg.Gate = newBarrier("no") // its channel belongs to this bubble
				}
				w := newWorld(t, 1)
				w.broken = c.broken
				stop := start(t, w.miner(t, c.cfg))
				time.Sleep(50 * time.Millisecond)
				at := time.Now()
				stop()
				if took := time.Since(at); took != 0 {
					t.Errorf("want no time to pass, took %v", took)
				}
			})
		})
	}
}

func TestNewNamesWhatIsWrong(t *testing.T) {
	w := newWorld(t, 1)
	good := Config{Address: chain.AddressOf(make([]byte, 32)), Note: strings.Repeat("x", 256), Sealer: &sleeper{}}
	if _, err := New(w, w.submit, good); err != nil {
		t.Fatal(err)
	}
	for word, spoil := range map[string]func(*Config){
		"address":            func(c *Config) { c.Address = "12D3KooW" },
		"at most 256 bytes":  func(c *Config) { c.Note += "x" },
		"UTF-8":              func(c *Config) { c.Note = "\xff" },
		"want a sealer":      func(c *Config) { c.Sealer = nil },
		"want an address of": func(c *Config) { c.Address = "" },
	} {
		bad := good
		spoil(&bad)
		if _, err := New(w, w.submit, bad); err == nil || !strings.Contains(err.Error(), word) {
			t.Errorf("want an error with %q, got %v", word, err)
		}
	}
}
