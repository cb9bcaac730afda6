package bootstrap

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/p2p/net/connmgr"
	ma "github.com/multiformats/go-multiaddr"
)

func TestSubnetsAreToldApartAndLANsAreOne(t *testing.T) {
	for addr, want := range map[string]string{
		"/ip4/203.0.113.7/tcp/9470":        "203.0.0.0/16",
		"/ip4/203.0.200.9/udp/1/quic-v1":   "203.0.0.0/16",
		"/ip6/2001:db8:1::1/tcp/9470":      "2001:db8::/32",
		"/ip6/::ffff:203.0.113.7/tcp/9470": "203.0.0.0/16",
		"/ip4/10.1.2.3/tcp/9470":           "",
		"/ip4/192.168.1.5/tcp/9470":        "",
		"/ip4/172.17.0.2/tcp/9470":         "",
		"/ip4/100.64.0.1/tcp/9470":         "",
		"/ip4/127.0.0.1/tcp/9470":          "",
		"/ip6/::1/tcp/9470":                "",
		"/ip6/fd00::5/tcp/9470":            "",
		"/dns4/node.example.org/tcp/9470":  "",
	} {
		if got := groupOf(ma.StringCast(addr)); got != want {
			t.Errorf("%s: want group %q, got %q", addr, want, got)
		}
	}
}

// TestOneSubnetCannotFillTheBook: whatever it says of itself, and neither can a
// crowd on a LAN push out who was reached elsewhere.
func TestOneSubnetCannotFillTheBook(t *testing.T) {
	b, now := newBook(), time.Unix(1_793_491_200, 0)
	var honest []peer.ID
	for i, id := range someIDs(t, 40) {
		b.meet(id, someAddrs(1), sight{group: fmt.Sprintf("203.%d.0.0/16", i), tried: i%2 == 0}, now)
		honest = append(honest, id)
	}
	for i, id := range someIDs(t, 200) {
		b.meet(id, someAddrs(1), sight{group: "198.51.0.0/16"}, now.Add(time.Duration(i)*time.Second))
	}
	if len(b.peers) != 40+maxGroupPeers {
		t.Errorf("%d peers, want %d", len(b.peers), 40+maxGroupPeers)
	}
	for i, id := range someIDs(t, 2*maxBookPeers) {
		b.meet(id, someAddrs(1), sight{}, now.Add(time.Duration(i)*time.Second))
	}
	if len(b.peers) != maxBookPeers {
		t.Errorf("%d peers, want %d: a LAN may fill the book", len(b.peers), maxBookPeers)
	}
	for i, id := range honest {
		if b.peers[id] == nil {
			t.Errorf("peer %d of a subnet of its own was pushed out", i)
		}
	}
}

func TestWhoOnlyCameNeverPushesOutWhoWasReached(t *testing.T) {
	b, now := newBook(), time.Unix(1_793_491_200, 0)
	reached := someIDs(t, maxBookPeers)
	for _, id := range reached {
		b.meet(id, someAddrs(1), sight{tried: true}, now)
	}
	came := someIDs(t, 1)[0]
	b.meet(came, someAddrs(1), sight{}, now.Add(time.Hour))
	if b.peers[came] != nil || len(b.peers) != maxBookPeers {
		t.Error("it did")
	}
	b.meet(came, someAddrs(1), sight{tried: true}, now.Add(time.Hour))
	if b.peers[came] == nil || len(b.peers) != maxBookPeers {
		t.Error("a peer that was reached finds no room")
	}
}

func TestChosenPeersStayAndComeFromManySubnets(t *testing.T) {
	ids, now := someIDs(t, 20), time.Unix(1_793_491_200, 0)
	var here []outbound
	for i, id := range ids {
		o := outbound{id: id, group: "198.51.0.0/16", since: now.Add(time.Duration(i) * time.Second)}
		if i >= 15 {
			o.group = fmt.Sprintf("203.%d.0.0/16", i)
		}
		here = append(here, o)
	}
	chosen := chooseOutbound(slices.Clone(here), nil)
	if len(chosen) != outboundQuota || chosen[0] != ids[0] {
		t.Fatalf("%d are chosen, the first: %t", len(chosen), chosen[0] == ids[0])
	}
	for _, id := range ids[15:] {
		if !slices.Contains(chosen, id) {
			t.Error("a peer of a subnet of its own was not chosen")
		}
	}
	// Half of them leave: who is left stays, whoever else is there.
	left := slices.DeleteFunc(slices.Clone(here), func(o outbound) bool { return slices.Contains(chosen[:4], o.id) })
	again := chooseOutbound(left, chosen)
	if len(again) != outboundQuota || !slices.Equal(again[:4], chosen[4:]) {
		t.Error("those that stayed are not the first")
	}
}

func TestAnchorsAreKeptAndDialledFirst(t *testing.T) {
	disk, ids, now := vfs.NewMem(), someIDs(t, 30), time.Unix(1_793_491_200, 0)
	b := newBook()
	for i, id := range ids {
		b.meet(id, someAddrs(1), sight{group: "198.51.0.0/16", tried: i < 10}, now.Add(time.Duration(i)*time.Second))
	}
	b.anchor(nil)
	b.anchor(ids[3:7])
	b.anchor(ids[5:6]) // one is left: the other place stays as it was
	if err := saveBook(disk, "peers.json", b); err != nil {
		t.Fatal(err)
	}
	again := openBook(disk, "peers.json", (&logbook{}).logger())
	if want := []peer.ID{ids[5], ids[3]}; !slices.Equal(again.anchors, want) {
		t.Fatalf("the anchors are %v, want %v", again.anchors, want)
	}
	if p := again.peers[ids[3]]; !p.tried || p.group != "198.51.0.0/16" {
		t.Errorf("of a peer came back %+v", p.sight)
	}
	l := newLoop(&Finder{host: newHost(t, newKey(t), "0"), cfg: Config{Entries: entries(t, goodOpen)}, book: again, log: (&logbook{}).logger()})
	l.seed(now)
	var order []*target
	l.all(func(t *target) { order = append(order, t) })
	slices.SortFunc(order, func(a, b *target) int {
		if before(a, b) {
			return -1
		}
		return 1
	})
	if !slices.Contains(again.anchors, order[0].id) || !slices.Contains(again.anchors, order[1].id) {
		t.Error("anchors are not the first")
	}
	if order[2].text != goodOpen || !order[3].tried || order[len(order)-1].tried {
		t.Error("want the user's entry next, then who was reached before, then others")
	}
	again.forget(ids[5])
	if len(again.anchors) != 1 {
		t.Error("who is forgotten stays an anchor")
	}
}

const goodOpen = "/ip4/192.0.2.1/tcp/9470"

func TestBookOfTheFirstVersionIsRead(t *testing.T) {
	b, err := decodeBook([]byte(`{"version":1,"peers":[{"id":"` + someID + `","addresses":["/ip4/10.0.0.1/tcp/1"],"seen":5}],"entries":[]}`))
	if err != nil || len(b.peers) != 1 || len(b.anchors) != 0 {
		t.Errorf("got %v, %v", b, err)
	}
}

// TestCrowdedNodeGoesOnChoosing: peers that came by themselves, however many,
// do not keep a node from dialling its own.
func TestCrowdedNodeGoesOnChoosing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net, hosts := mesh(t, enoughPeers+outboundQuota+3)
		a, crowd, others := hosts[0], hosts[1:enoughPeers+1], hosts[enoughPeers+1:]
		for _, h := range crowd {
			if _, err := net.ConnectPeers(h.ID(), a.ID()); err != nil {
				t.Fatal(err)
			}
		}
		f, err := New(a, Config{Network: meetsAll{host: a}})
		if err != nil {
			t.Fatal(err)
		}
		for _, h := range others {
			f.book.meet(h.ID(), h.Network().ListenAddresses(), sight{}, time.Now())
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- f.Run(ctx) }()
		time.Sleep(5 * time.Second)
		met := 0
		for _, h := range others {
			if connected(a, h)() {
				met++
			}
		}
		if met < outboundQuota {
			t.Errorf("%d of its own peers are connected within 5 s, want %d", met, outboundQuota)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		if len(f.book.anchors) != maxAnchors {
			t.Errorf("%d anchors", len(f.book.anchors))
		}
		for _, id := range f.book.anchors {
			if slices.ContainsFunc(crowd, func(h host.Host) bool { return h.ID() == id }) {
				t.Error("a peer that came by itself is an anchor")
			}
		}
		_ = net.Close()
		synctest.Wait()
	})
}

// TestChosenPeersAreNeverClosedForOthers: with a real connection manager.
func TestChosenPeersAreNeverClosedForOthers(t *testing.T) {
	manager, err := connmgr.NewConnManager(1, 2, connmgr.WithGracePeriod(0))
	if err != nil {
		t.Fatal(err)
	}
	a, err := libp2p.New(libp2p.Identity(newKey(t)), libp2p.DisableMetrics(), libp2p.DisableRelay(),
		libp2p.ConnectionManager(manager), libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.Close() })
	disk := vfs.NewMem()
	ours := newHost(t, newKey(t), "0")
	b := newBook()
	b.meet(ours.ID(), ours.Addrs(), sight{}, time.Now())
	if err := saveBook(disk, "peers.json", b); err != nil {
		t.Fatal(err)
	}
	start(t, a, Config{FS: disk, Path: "peers.json"})
	await(t, "the chosen peer is protected", func() bool { return manager.IsProtected(ours.ID(), chosenTag) })
	var others []host.Host
	for range 4 {
		h, err := libp2p.New(libp2p.DisableMetrics(), libp2p.NoListenAddrs) // so that it is not dialled back
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = h.Close() })
		if err := h.Connect(t.Context(), peer.AddrInfo{ID: a.ID(), Addrs: a.Addrs()}); err != nil {
			t.Fatal(err)
		}
		others = append(others, h)
	}
	await(t, "all others are there", func() bool { return len(a.Network().Peers()) == 5 })
	manager.TrimOpenConns(t.Context())
	await(t, "others are closed", func() bool { return len(a.Network().Peers()) <= 2 })
	if !connected(a, ours)() {
		t.Error("the chosen peer was closed")
	}
	for _, h := range others {
		if manager.IsProtected(h.ID(), "") {
			t.Error("a peer that came by itself is protected")
		}
	}
	if err := ours.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, "who left is chosen no more", func() bool { return !manager.IsProtected(ours.ID(), chosenTag) })
}

// TestAnnouncementsOfNobodyMakeRoom: whoever announces a thousand peers that do
// not exist keeps no real one out.
func TestAnnouncementsOfNobodyMakeRoom(t *testing.T) {
	h := newHost(t, newKey(t), "0")
	log := (&logbook{}).logger()
	l := newLoop(&Finder{host: h, cfg: Config{Network: meetsAll{host: h}}, book: newBook(), log: log})
	now := time.Unix(1_793_491_200, 0)
	ids := someIDs(t, maxTargets+2)
	hear := func(id peer.ID) { l.heard(peer.AddrInfo{ID: id, Addrs: someAddrs(1)}, now) }
	for _, id := range ids[:maxTargets] {
		hear(id)
	}
	hear(ids[maxTargets])
	if l.peers[ids[maxTargets]] != nil {
		t.Error("one that was not yet tried was given up")
	}
	for i, id := range ids[:10] {
		l.peers[id].fails = 1 + i
	}
	l.configure(ids[9], now) // whoever the user named stays
	hear(ids[maxTargets+1])
	if l.peers[ids[maxTargets+1]] == nil || l.peers[ids[8]] != nil || l.peers[ids[9]] == nil || len(l.peers) != maxTargets {
		t.Error("not the one with most failures made room")
	}
}
