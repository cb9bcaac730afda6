package p2p

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/test"

	"github.com/lp2pnode/lp2pnode/chain"
)

// TestOnlyMaliceIsAnOffence is the table of blame for bans: what an honest peer
// can be caught with costs nothing.
func TestOnlyMaliceIsAnOffence(t *testing.T) {
	broken := chain.Invalid(chain.RuleDifficulty, 2, 1)
	later := chain.Invalid(chain.RuleVersion, 1, 2)
	for _, row := range []struct {
		reason Reason
		err    error
		want   float64
	}{
		{ReasonBadBlock, broken, grave},
		{ReasonBadBlock, later, 0},
		{ReasonBadHeaders, broken, grave},
		{ReasonBadHeaders, later, 0},
		{ReasonBadHeaders, errors.New("its chain changed while it was fetched"), 0},
		{ReasonBadBlocks, broken, grave},
		{ReasonBadBlocks, chain.Unfit(chain.RuleBalance, 1, 0), 0},
		{ReasonBadTransaction, broken, minor},
		{ReasonFalseWork, errors.New("less"), minor},
		{ReasonBadAnswer, errors.New("more than 128 lines"), minor},
		{ReasonBadStatus, errStatus, minor},
		{ReasonBadRequest, errLongLine, minor},
		{ReasonFlooding, errOverRate, minor},
		{ReasonStalled, errors.New("silent"), 0},
		{ReasonBroken, errors.New("reset"), 0},
		{ReasonBusy, errors.New(tooMany), 0},
		{ReasonRefused, errors.New("no"), 0},
		{ReasonAhead, chain.ErrFuture, 0},
		{ReasonNoBodies, errors.New("none"), 0},
		{ReasonNoAnswer, errors.New("none"), 0},
		{ReasonTooMany, errOverRate, 0},
		{ReasonOtherGenesis, errors.New("another"), 0},
		{ReasonTrimmed, errors.New("too many"), 0},
		{ReasonClosed, errors.New("gone"), 0},
	} {
		err := fmt.Errorf("block: %w", row.err)
		if got := points(row.reason, err); got != row.want {
			t.Errorf("%s (%v): %v points, want %v", row.reason, row.err, got, row.want)
		}
	}
}

func TestOffencesFade(t *testing.T) {
	var s score
	now := time.Unix(1_800_000_000, 0)
	for _, step := range []struct {
		after time.Duration
		add   float64
		want  float64
	}{{0, 60, 60}, {12 * time.Minute, 60, 100}, {30 * time.Minute, 0, 50}, {time.Hour, 0, 0}, {time.Hour, 30, 30}} {
		now = now.Add(step.after)
		if got := s.add(step.add, now); got != step.want {
			t.Errorf("after %s more: %v points, want %v", step.after, got, step.want)
		}
	}
}

// banned tells what a knows of a ban on b.
func (a *testNode) banned(b *testNode) (Ban, bool) {
	for _, ban := range a.Bans() {
		if ban.ID == b.host.ID() {
			return ban, true
		}
	}
	return Ban{}, false
}

// did returns the deed of a kind that a keeps with b.
func (a *testNode) did(b *testNode, act Act) Deed {
	deeds := a.about(b).Deeds
	if at := slices.IndexFunc(deeds, func(d Deed) bool { return d.Act == act }); at >= 0 {
		return deeds[at]
	}
	return Deed{}
}

func TestSecondBadBlockBansItsSenderAndNotItsRelayer(t *testing.T) {
	rules := testRules(t, "one")
	a, b, c := start(t, newMemory(rules), nil), start(t, newMemory(rules), nil), start(t, newMemory(rules), nil)
	a.dial(t, b)
	b.dial(t, c)
	awaitMesh(t, a, b)
	awaitMesh(t, b, c)
	good := child(a.memory.Tip(), "good")
	for i, raw := range []string{" " + string(good.Raw()), strings.Replace(string(good.Raw()), `"height":1`, `"height":2`, 1)} {
		if err := a.gossip.blocks.Publish(t.Context(), []byte(raw)); err != nil {
			t.Fatal(err)
		}
		await(t, "a rejection", func() bool { return b.fate(topicBlocks, "reject") == uint64(i+1) })
		if _, banned := b.banned(a); banned != (i == 1) {
			t.Fatalf("after bad block %d it is banned: %t", i+1, banned)
		}
	}
	await(t, "the end of the connection", func() bool { return !b.about(a).Left.IsZero() })
	p := b.about(a)
	if p.Reason != ReasonBanned || !strings.Contains(p.Detail, string(ReasonBadBlock)) || p.BannedUntil.IsZero() {
		t.Errorf("of the banned peer it tells %+v", p)
	}
	if d := b.did(a, ActOffended); d.Times != 2 || d.Reason != ReasonBadBlock || time.Since(d.At) > time.Minute {
		t.Errorf("its offences are %+v", d)
	}
	// It cannot come back, and is not dialled.
	a.dialUntil(t, b, "it is turned away", func() bool { return b.did(a, ActRefused).Reason == ReasonBanned })
	if err := b.host.Connect(t.Context(), a.info()); err == nil {
		t.Error("a banned peer was dialled")
	}
	if !b.Refused(a.host.ID()) {
		t.Error("a banned peer counts as one to dial")
	}
	// Who only relays is as good as ever.
	if err := b.gossip.blocks.Publish(t.Context(), good.Raw()); err != nil {
		t.Fatal(err)
	}
	awaitTip(t, c, good.Hash)
	if len(c.Bans()) != 0 || c.did(b, ActOffended).Times != 0 {
		t.Errorf("the innocent neighbour is blamed: %+v", c.about(b).Deeds)
	}
	want := map[Tally]bool{
		{ActOffended, ReasonBadBlock, 2}: true, {ActBanned, ReasonBadBlock, 1}: true, {ActLeft, ReasonBanned, 1}: true,
	}
	for _, got := range b.Tallies() {
		delete(want, got)
	}
	if len(want) > 0 {
		t.Errorf("missing in %v: %v", b.Tallies(), want)
	}
	// Lifted, it is a peer like any other.
	if lifted, err := b.Lift(a.host.ID()); err != nil || !lifted {
		t.Fatalf("lift: %t, %v", lifted, err)
	}
	a.dialUntil(t, b, "the two meet again", func() bool { return b.about(a).Met })
}

func TestBlockOfALaterVersionIsNoOffence(t *testing.T) {
	rules := testRules(t, "one")
	a, b := start(t, newMemory(rules), nil, gossipOnly), start(t, newMemory(rules), nil, gossipOnly)
	a.dial(t, b)
	awaitMesh(t, a, b)
	good := string(child(a.memory.Tip(), "good").Raw())
	later := []string{
		strings.Replace(good, `"version":1}`, `"version":2}`, 1),
		strings.Replace(good, `"version":1}`, `"version":2,"witness":"x"}`, 1),
	}
	for i, raw := range later {
		if err := a.gossip.blocks.Publish(t.Context(), []byte(raw)); err != nil {
			t.Fatal(err)
		}
		await(t, "a rejection", func() bool { return b.fate(topicBlocks, "reject") == uint64(i+1) })
	}
	if d := b.did(a, ActOffended); d.Times != 0 {
		t.Errorf("it is blamed for %+v", d)
	}
}

func TestPeerThatForgesHeadersIsBannedOnTheSecond(t *testing.T) {
	rules := testRules(t, "one")
	m := chainOf(t, rules, 20, "forged")
	forged := &forger{memory: m, headers: func(h [][]byte) [][]byte {
		for i := range h {
			h[i] = []byte(strings.Replace(string(h[i]), `"difficulty":1,`, `"difficulty":0,`, 1))
		}
		return h
	}}
	a := start(t, newMemory(rules), nil, func(n *Network) { n.timing.pause = 50 * time.Millisecond })
	b := start(t, m, forged)
	a.dial(t, b)
	await(t, "the ban", func() bool { _, banned := a.banned(b); return banned })
	ban, _ := a.banned(b)
	if ban.Reason != ReasonBadHeaders || ban.Times != 1 {
		t.Errorf("the ban is %+v", ban)
	}
	if d := a.did(b, ActPaused); d.Reason != ReasonBadHeaders || d.Times < 1 {
		t.Errorf("no pause before the ban: %+v", a.about(b).Deeds)
	}
}

// TestLiesInSyncCostGossip: the application-specific score falls with them.
func TestLiesInSyncCostGossip(t *testing.T) {
	rules := testRules(t, "one")
	a, b := start(t, newMemory(rules), nil), start(t, newMemory(rules), nil)
	a.dial(t, b)
	await(t, "the two meet", func() bool { return a.about(b).Met })
	id := b.host.ID()
	for _, row := range []struct {
		reason Reason
		err    error
		want   float64
	}{
		{ReasonStalled, errors.New("slow"), 0},
		{ReasonBadBlock, chain.ErrInvalid, 0}, // of gossip: GossipSub counts it
		{ReasonFalseWork, errors.New("less"), -minor},
	} {
		a.pause(id, row.reason, row.err)
		if got := a.lies(id); got > row.want+0.1 || got < row.want-0.1 {
			t.Errorf("after %q the score is %v, want %v", row.reason, got, row.want)
		}
	}
	if got := a.lies("somebody else"); got != 0 {
		t.Errorf("a stranger's score is %v", got)
	}
}

func TestComingAgainDoesNotWashClean(t *testing.T) {
	rules := testRules(t, "one")
	a, b := start(t, newMemory(rules), nil), start(t, newMemory(rules), nil)
	b.dial(t, a)
	await(t, "the two meet", func() bool { return a.about(b).Met })
	a.pause(b.host.ID(), ReasonFalseWork, errors.New("less"))
	until := a.about(b).PausedUntil
	if err := b.host.Network().ClosePeer(a.host.ID()); err != nil {
		t.Fatal(err)
	}
	await(t, "it leaves", func() bool { return !a.about(b).Left.IsZero() })
	a.Network.mu.Lock()
	for i := range 2 * maxDeparted { // throw-away identities push it out of the list of who left
		a.depart(Peer{ID: peer.ID(strconv.Itoa(i))})
	}
	a.Network.mu.Unlock()
	b.dial(t, a)
	await(t, "it comes again", func() bool { return a.about(b).Met })
	if got := a.about(b); !got.PausedUntil.Equal(until) || got.PauseReason != ReasonFalseWork {
		t.Errorf("sync leaves it alone until %s (%s), want %s", got.PausedUntil, got.PauseReason, until)
	}
	if a.did(b, ActOffended).Times != 1 || a.did(b, ActLeft).Times != 1 {
		t.Errorf("its deeds are %+v", a.about(b).Deeds)
	}
	for range 3 {
		a.pause(b.host.ID(), ReasonFalseWork, errors.New("less"))
	}
	if _, banned := a.banned(b); !banned {
		t.Error("four false claims are no ban")
	}
}

func TestFloodOfStatusExchangesEndsTheConnection(t *testing.T) {
	rules := testRules(t, "one")
	a := start(t, newMemory(rules), nil)
	b := start(t, newMemory(rules), nil, gossipOnly)
	b.dial(t, a)
	await(t, "the two meet", func() bool { return a.about(b).Met })
	a.Network.mu.Lock()
	s := a.kept[b.host.ID()]
	a.Network.mu.Unlock()
	s.statuses.theirs.SetLimit(0)
	s.statuses.theirs.SetBurst(0)
	s.statuses.patience.SetLimit(0)
	s.statuses.patience.SetBurst(3)
	flood := b.remote(a.host.ID())
	await(t, "the end of the connection", func() bool {
		if flood != nil {
			_ = b.exchange(t.Context(), flood)
		}
		return a.about(b).Reason == ReasonFlooding
	})
	if d := a.did(b, ActRefused); d.Reason != ReasonTooMany || d.Times < 3 {
		t.Errorf("what was turned down: %+v", a.about(b).Deeds)
	}
	await(t, "the offence", func() bool { return a.did(b, ActOffended).Reason == ReasonFlooding })
}

func TestBansEndWithTimeAndGrow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBans(nil, nil, nil)
		id := test.RandPeerIDFatal(t)
		for i, want := range []time.Duration{1, 2, 4, 8} {
			ban, err := b.add(id, ReasonBadBlock, "", 0)
			if err != nil || ban.Until.Sub(ban.Since) != want*time.Hour {
				t.Fatalf("ban %d lasts %s (%v), want %d h", i+1, ban.Until.Sub(ban.Since), err, want)
			}
			time.Sleep(want*time.Hour - time.Nanosecond)
			if !b.Contains(id) || b.InterceptPeerDial(id) {
				t.Error("it is not banned to the end")
			}
			time.Sleep(time.Nanosecond)
			if b.Contains(id) || len(b.List()) != 0 {
				t.Error("it is banned beyond the end")
			}
		}
		time.Sleep(banMemory)
		if ban, _ := b.add(id, ReasonBadBlock, "", 0); ban.Times != 1 {
			t.Errorf("after a good day it counts %d bans", ban.Times)
		}
	})
}

func TestBansByHandAreNeverPushedOut(t *testing.T) {
	var saved []Ban
	b := NewBans(nil, func(list []Ban) error { saved = list; return nil }, nil)
	ids := make([]peer.ID, MaxBans+2)
	for i := range ids {
		ids[i] = test.RandPeerIDFatal(t)
	}
	if _, err := b.add(ids[0], ReasonByHand, "", time.Minute); err != nil {
		t.Fatal(err)
	}
	for _, id := range ids[1:] {
		if _, err := b.add(id, ReasonBadBlock, "", 0); err != nil {
			t.Fatal(err)
		}
	}
	if !b.Contains(ids[0]) || !b.Contains(ids[len(ids)-1]) || len(b.List()) != MaxBans || len(saved) != MaxBans {
		t.Errorf("%d bans are kept, %d saved, the one by hand: %t", len(b.List()), len(saved), b.Contains(ids[0]))
	}
	for _, id := range ids[1:] {
		if _, err := b.add(id, ReasonByHand, "", time.Hour); err != nil && id != ids[len(ids)-1] {
			break
		}
	}
	if _, err := b.add(test.RandPeerIDFatal(t), ReasonBadBlock, "", 0); !errors.Is(err, ErrTooManyBans) {
		t.Errorf("got %v, want ErrTooManyBans", err)
	}
}

func TestSavedBansHoldAfterARestart(t *testing.T) {
	var saved []Ban
	save := func(list []Ban) error { saved = list; return nil }
	rules := testRules(t, "one")
	b := start(t, newMemory(rules), nil)
	first := NewBans(nil, save, nil)
	if _, err := first.add(b.host.ID(), ReasonByHand, "a test", time.Hour); err != nil {
		t.Fatal(err)
	}
	a := startWith(t, NewBans(saved, save, nil), newMemory(rules), nil)
	b.dialUntil(t, a, "it is turned away", func() bool { return a.about(b).Reason == ReasonBanned })
	if d := a.did(b, ActRefused); d.Detail != "by hand: a test" {
		t.Errorf("why it was turned away: %+v", d)
	}
	if lifted, err := a.Lift(b.host.ID()); !lifted || err != nil || len(saved) != 0 {
		t.Errorf("lifted %t, %v; saved %v", lifted, err, saved)
	}
	b.dialUntil(t, a, "the two meet", func() bool { return a.about(b).Met })
}

func TestImpossibleBansAreRefused(t *testing.T) {
	a := start(t, newMemory(testRules(t, "one")), nil)
	for name, row := range map[string]struct {
		id    peer.ID
		lasts time.Duration
	}{
		"itself":   {a.host.ID(), time.Hour},
		"nobody":   {"", time.Hour},
		"no time":  {test.RandPeerIDFatal(t), 0},
		"too long": {test.RandPeerIDFatal(t), MaxBanByHand + 1},
	} {
		if _, err := a.Ban(row.id, row.lasts, ""); !errors.Is(err, ErrBan) {
			t.Errorf("%s: got %v, want ErrBan", name, err)
		}
	}
	full := NewBans(nil, func([]Ban) error { return errors.New("disk full") }, nil)
	b := startWith(t, full, newMemory(testRules(t, "one")), nil)
	id := test.RandPeerIDFatal(t)
	if _, err := b.Ban(id, time.Hour, ""); err == nil || !full.Contains(id) {
		t.Errorf("not saved: %v, in force: %t", err, full.Contains(id))
	}
}

func TestStandingsAreBounded(t *testing.T) {
	a := start(t, newMemory(testRules(t, "one")), nil)
	b := start(t, newMemory(a.memory.rules), nil)
	a.dial(t, b)
	await(t, "the two meet", func() bool { return a.about(b).Met })
	a.offend(b.host.ID(), ReasonFalseWork, errors.New("less"))
	for range maxStandings + 10 {
		a.offend(test.RandPeerIDFatal(t), ReasonFalseWork, errors.New("less"))
	}
	a.Network.mu.Lock()
	size := len(a.kept)
	a.Network.mu.Unlock()
	if size != maxStandings || a.did(b, ActOffended).Times != 1 {
		t.Errorf("%d standings are kept, that of the connected peer has %+v", size, a.about(b).Deeds)
	}
}
