package p2p

import (
	"fmt"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

func TestThoseWhoDialUsCannotTakeAllSlots(t *testing.T) {
	var s slots
	taken := 0
	for i := range 100 {
		id := peer.ID(fmt.Sprint("in", i))
		for range servedPerPeer {
			if s.take(id, true) {
				taken++
			}
		}
		if s.take(id, true) {
			t.Fatal("a peer takes more than its share")
		}
	}
	if taken != servedInbound {
		t.Errorf("they took %d slots, want %d", taken, servedInbound)
	}
	for i := range servedAtOnce - servedInbound {
		if !s.take(peer.ID(fmt.Sprint("out", i)), false) {
			t.Fatalf("a peer that we dialled is the %dth refused", i)
		}
	}
	if s.take("out", false) {
		t.Error("there are more slots than there should be")
	}
	s.give("in0", true)
	if !s.take("in99", true) {
		t.Error("a slot was given back, and nobody may have it")
	}
}

func TestBusyPeerIsAskedAgainInAMoment(t *testing.T) {
	rules := testRules(t, "one")
	a := start(t, chainOf(t, rules, 300, "a"), nil)
	b := start(t, newMemory(rules), nil, func(n *Network) { n.timing.busy = 20 * time.Millisecond })
	for i := range servedAtOnce {
		a.serving.take(peer.ID(fmt.Sprint(i/servedPerPeer)), false)
	}
	b.dial(t, a)
	await(t, "b finds a busy", func() bool { return b.about(a).PauseReason == ReasonBusy })
	if left := time.Until(b.about(a).PausedUntil); left > time.Second {
		t.Errorf("a busy peer is left alone for %s", left)
	}
	await(t, "b asks again", func() bool { return b.log.count("too many requests") >= 3 })
	for i := range servedAtOnce {
		a.serving.give(peer.ID(fmt.Sprint(i/servedPerPeer)), false)
	}
	awaitTip(t, b, a.memory.Tip().Tip.Hash)
}

func TestSlowReaderLosesItsSlot(t *testing.T) {
	rules := testRules(t, "one")
	a := start(t, chainOf(t, rules, 2000, "a"), nil, func(n *Network) { n.timing.serve = 300 * time.Millisecond })
	b := newTestHost(t)
	if err := b.Connect(t.Context(), a.info()); err != nil {
		t.Fatal(err)
	}
	st, err := b.NewStream(t.Context(), a.host.ID(), syncProtocol)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = st.Reset() }()
	if _, err := st.Write(line(headersRequest{Limit: maxHeaders, Type: "headers"})); err != nil {
		t.Fatal(err)
	}
	served := func() int {
		a.serving.mu.Lock()
		defer a.serving.mu.Unlock()
		return a.serving.all
	}
	await(t, "it is served", func() bool { return served() == 1 })
	await(t, "it reads nothing, and is served no more", func() bool { return served() == 0 })
}
