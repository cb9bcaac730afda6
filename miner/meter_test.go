package miner

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

func TestMeterMovesOverTenSeconds(t *testing.T) {
	begin := time.Unix(0, 0)
	at := func(s float64) time.Time { return begin.Add(time.Duration(s * 1e9)) }
	for name, c := range map[string]struct {
		marks []mark
		now   mark
		want  float64
	}{
		"nothing yet":             {nil, mark{at(5), 0}, 0},
		"no time yet":             {[]mark{{at(5), 0}}, mark{at(5), 7}, 0},
		"clock went back":         {[]mark{{at(5), 0}}, mark{at(4), 7}, 0},
		"from the first mark":     {[]mark{{at(1), 100}}, mark{at(3), 300}, 100},
		"steady":                  {[]mark{{at(0), 0}, {at(1), 100}, {at(29), 2900}}, mark{at(30), 3000}, 100},
		"between two marks":       {[]mark{{at(0), 0}, {at(10), 1000}, {at(15), 1000}}, mark{at(15), 1000}, 50},
		"idle for long":           {[]mark{{at(0), 0}, {at(10), 1000}}, mark{at(60), 1000}, 0},
		"stopped 5 s ago":         {[]mark{{at(0), 0}, {at(10), 1000}}, mark{at(15), 1000}, 50},
		"growing since last mark": {[]mark{{at(0), 0}}, mark{at(40), 4000}, 100},
	} {
		t.Run(name, func(t *testing.T) {
			var m meter
			for _, k := range c.marks {
				m.mark(k.at, k.total)
			}
			if got := m.over(c.now.at, c.now.total); math.Abs(got-c.want) > 1e-6 {
				t.Errorf("want %v hashes per second, got %v", c.want, got)
			}
		})
	}
}

func TestMeterKeepsFewMarks(t *testing.T) {
	var m meter
	now := time.Unix(0, 0)
	for i := range uint64(100_000) {
		now = now.Add(time.Millisecond)
		m.mark(now, 5*i)
	}
	if n := len(m.marks); n > 110 {
		t.Errorf("want at most some 100 marks, got %d", n)
	}
	if got := m.over(now, 5*99_999); math.Abs(got-5000) > 1 {
		t.Errorf("want 5000 per second, got %v", got)
	}
}

// counting is a Sealer that claims 1000 hashes per second and never finds.
type counting struct{ since time.Time }

func (c counting) Hashes() uint64 { return uint64(time.Since(c.since).Milliseconds()) }

func (c counting) Seal(ctx context.Context, h chain.Header) (chain.Header, error) {
	<-ctx.Done()
	return h, ctx.Err()
}

func TestHashrateComesFromTheSealersCount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, 1)
		m := w.miner(t, Config{Sealer: counting{time.Now()}, Empty: true})
		stop := start(t, m)
		defer stop()
		for _, after := range []time.Duration{1500 * time.Millisecond, 10 * time.Second, time.Minute} {
			time.Sleep(after)
			if got := m.Hashrate(); math.Abs(got-1000) > 1 {
				t.Errorf("want 1000 hashes per second, got %v", got)
			}
		}
	})
}
