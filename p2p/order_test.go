package p2p

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/lp2pnode/lp2pnode/chain"
)

func TestManyClaimsLeaveEverySecondPlaceToOldPeers(t *testing.T) {
	began := time.Now()
	var ahead []Peer // heaviest claim first
	for i := range 20 {
		ahead = append(ahead, Peer{ID: peer.ID(fmt.Sprint("sybil", i)), Direction: inbound, Connected: began.Add(time.Hour)})
	}
	ahead = append(ahead,
		Peer{ID: "newer", Direction: inbound, Connected: began.Add(time.Minute)},
		Peer{ID: "older", Direction: inbound, Connected: began},
		Peer{ID: "dialled", Direction: outbound, Connected: began.Add(2 * time.Hour)})
	never := func(peer.ID) int { return 0 }
	once := func(id peer.ID) int { return map[peer.ID]int{"sybil0": 1, "dialled": 1}[id] }
	for _, row := range []struct {
		name   string
		choose func(tried map[peer.ID]bool) (Peer, bool)
		want   []peer.ID
	}{
		{
			"to survey", func(tried map[peer.ID]bool) (Peer, bool) { return choose(ahead, tried, len(tried), never) },
			[]peer.ID{"sybil0", "dialled", "sybil1", "older", "sybil2", "newer", "sybil3"},
		},
		{
			"to survey again", func(tried map[peer.ID]bool) (Peer, bool) { return choose(ahead, tried, len(tried), once) },
			[]peer.ID{"sybil1", "dialled", "sybil2", "older"},
		},
		{
			"to fetch", func(tried map[peer.ID]bool) (Peer, bool) { return chooseFetcher(ahead, "newer", tried) },
			[]peer.ID{"newer", "dialled", "sybil0", "older"},
		},
	} {
		tried := map[peer.ID]bool{}
		var order []peer.ID
		for {
			p, ok := row.choose(tried)
			if !ok {
				break
			}
			order, tried[p.ID] = append(order, p.ID), true
		}
		if len(order) != len(ahead) || !slices.Equal(order[:len(row.want)], row.want) {
			t.Errorf("%s: want %s first of all, got %s", row.name, row.want, order)
		}
	}
}

func TestSyncIsNotHeldUpByManyClaims(t *testing.T) {
	rules := testRules(t, "one")
	good := chainOf(t, rules, 500, "a")
	c := start(t, newMemory(rules), nil, func(n *Network) {
		n.timing.stagger = 100 * time.Millisecond
		n.timing.silence, n.timing.request = time.Hour, time.Hour // longer than is waited for
	})
	b := start(t, good, nil)
	var stallers []*testNode
	for range 2 * maxSurveys {
		s := newStaller(copyOf(t, good))
		s.headers = true
		a := start(t, s.memory, s)
		t.Cleanup(func() { close(s.end) }) // runs first
		stallers = append(stallers, a)
	}
	for _, a := range stallers {
		a.dial(t, c)
	}
	await(t, "the claims", func() bool { return len(c.Met()) == len(stallers) })
	c.dial(t, b)
	awaitTip(t, c, good.Tip().Tip.Hash)
	if got := c.sourceOf(good.Tip().Tip.Hash); got.Via != chain.ViaSync {
		t.Errorf("the blocks came by %+v", got)
	}
}
