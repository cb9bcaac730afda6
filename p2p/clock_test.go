package p2p

import (
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestClockThatIsOffIsWarnedAboutOnce(t *testing.T) {
	rules := testRules(t, "one") // F is 15 s
	for _, row := range []struct {
		name  string
		ahead time.Duration // of the peers' clocks
		want  string
	}{
		{"right", 0, ""},
		{"less than half", 7 * time.Second, ""},
		{"behind", 9 * time.Second, "behind the median of 2 peers"},
		{"ahead", -9 * time.Second, "ahead of the median of 2 peers"},
		{"far behind", time.Hour, "behind the median of 2 peers"},
	} {
		t.Run(row.name, func(t *testing.T) {
			var samples atomic.Int64
			a := start(t, newMemory(rules), nil, func(n *Network) {
				n.timing.status = 20 * time.Millisecond
				n.now = func() time.Time { samples.Add(1); return time.Now() }
			})
			for range 2 {
				b := start(t, newMemory(rules), nil, func(n *Network) {
					n.now = func() time.Time { return time.Now().Add(row.ahead) }
				})
				a.dial(t, b)
			}
			await(t, "two samples", func() bool { _, peers := a.ClockOffset(); return peers == 2 })
			if got := a.ClockWarning(); (got == "") != (row.want == "") || !strings.Contains(got, row.want) {
				t.Errorf("want a warning with %q, got %q", row.want, got)
			}
			want := 0
			if row.want != "" {
				want = 1
				await(t, "the warning", func() bool { return a.log.count("clock is off") == 1 })
			}
			before := samples.Load()
			await(t, "more samples", func() bool { return samples.Load() >= before+100 })
			if got := a.log.count("clock is off"); got != want {
				t.Errorf("warned %d times, want %d", got, want)
			}
		})
	}
}
