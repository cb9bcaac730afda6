package p2p

import (
	"fmt"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/lp2pnode/lp2pnode/chain"
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
	a := start(t, chainOf(t, rules, 2000, "a"), nil, func(n *Network) {
		n.timing.serve = time.Second
		n.timing.retry = time.Hour // b answers no status: it is not to be left for that
	})
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

func TestRequestsHaveARate(t *testing.T) {
	for _, row := range []struct {
		request any
		most    int
	}{
		{transactionsRequest{}, poolBurst},
		{headersRequest{}, requestBurst},
		{blocksRequest{}, requestBurst},
		{nil, requestBurst}, // malformed
	} {
		r, allowed := newRequests(), 0
		for range 2 * requestBurst {
			if r.allow(row.request) {
				allowed++
			}
		}
		if allowed < row.most || allowed > row.most+requestRate {
			t.Errorf("%d of %T at once are allowed, want about %d", allowed, row.request, row.most)
		}
	}
}

func TestPeerOverItsRateIsRefused(t *testing.T) {
	rules := testRules(t, "one")
	a := start(t, chainOf(t, rules, 3, "a"), nil)
	b := start(t, newMemory(rules), nil, func(n *Network) { n.timing.busy = time.Millisecond })
	b.dial(t, a)
	awaitTip(t, b, a.memory.Tip().Tip.Hash)
	ask := func() (headers int, err error) {
		err = b.askHeaders(t.Context(), a.host.ID(), nil, func(*chain.Header) error { headers++; return nil })
		return headers, err
	}
	await(t, "the peer is met", func() bool { return a.remote(b.host.ID()) != nil })
	theirs := a.remote(b.host.ID()).requests.theirs
	theirs.SetBurst(0)
	if headers, err := ask(); headers != 0 || reasonOf(err) != ReasonBusy {
		t.Errorf("over its rate it gets %d headers and %v", headers, err)
	}
	theirs.SetBurst(requestBurst)
	await(t, "it may ask again", func() bool { headers, err := ask(); return headers == 3 && err == nil })
}
