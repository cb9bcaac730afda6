package node

import (
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/p2p"
)

// TestReasonsNotToMine: what a node knows, and what it says when asked to mine.
func TestReasonsNotToMine(t *testing.T) {
	const (
		most    = 30 * time.Second
		waiting = "waiting for a known peer; --mine-alone mines without"
		looking = "looking round the LAN for peers"
		behind  = "catching up from height 3 to 9"
	)
	claimed := p2p.SyncState{Behind: true, Height: 3, Target: 9}
	proven := p2p.SyncState{Behind: true, Proven: true, Height: 3, Target: 9}
	for _, row := range []struct {
		name string
		s    sight
		want string
	}{
		{"alone, at first", sight{}, looking},
		{"alone, after a look round", sight{looked: true}, ""},
		{"peers configured, at first", sight{expects: true}, waiting},
		{"peers configured, after a look round", sight{expects: true, looked: true}, waiting},
		{"peers configured, and one met", sight{expects: true, met: true}, ""},
		{"a stranger met at once", sight{met: true}, ""},
		{"clock as far ahead as may be", sight{met: true, clocks: 2, offset: -most}, ""},
		{"clock too far ahead", sight{met: true, clocks: 2, offset: -most - 1}, "this clock is -30.000000001s off the median of 2 peers; set it right"},
		{"clock too far behind", sight{met: true, looked: true, clocks: 1, offset: time.Hour}, "this clock is 1h0m0s off the median of 1 peers; set it right"},
		{"more work claimed, at first", sight{met: true, claims: true, sync: claimed}, behind},
		{"more work claimed, later", sight{met: true, sync: claimed}, ""},
		{"more work proven", sight{met: true, sync: proven}, behind},
	} {
		row.s.most = most
		if got := row.s.hold(); got != row.want {
			t.Errorf("%s: want %q, got %q", row.name, row.want, got)
		}
	}
}
