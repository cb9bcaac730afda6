package p2p

import (
	"net"
	"slices"
	"testing"

	"github.com/libp2p/go-libp2p/core/peer"
)

func TestPeersTellAsWhatTheySeeUs(t *testing.T) {
	rules := testRules(t, "one")
	a, b := start(t, newMemory(rules), nil), start(t, newMemory(rules), nil)
	a.dial(t, b)
	for _, n := range []*testNode{a, b} {
		await(t, "its address by its peer", func() bool { return slices.Equal(n.SeenAs(), []string{"127.0.0.1"}) })
	}
}

// TestWhatMostPeersSeeComesFirst: one that lies, or is of another chain, does
// not change it.
func TestWhatMostPeersSeeComesFirst(t *testing.T) {
	n := &Network{remotes: map[peer.ID]*remote{}}
	for id, ip := range map[peer.ID]string{"a": "192.0.2.9", "b": "192.0.2.9", "c": "192.0.2.1", "d": "192.0.2.2", "e": "192.0.2.3", "f": "192.0.2.4"} {
		n.remotes[id] = &remote{Peer: Peer{Met: true}, seen: net.ParseIP(ip)}
	}
	n.remotes["stranger"] = &remote{seen: net.ParseIP("192.0.2.0")}
	n.remotes["silent"] = &remote{Peer: Peer{Met: true}}
	if got := n.SeenAs(); !slices.Equal(got, []string{"192.0.2.9", "192.0.2.1", "192.0.2.2", "192.0.2.3"}) {
		t.Errorf("got %v", got)
	}
}
