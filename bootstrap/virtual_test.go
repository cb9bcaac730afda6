package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	mocknet "github.com/libp2p/go-libp2p/p2p/net/mock"
	ma "github.com/multiformats/go-multiaddr"
)

// mesh makes n hosts of a simulated LAN, all linked, none connected.
func mesh(t *testing.T, n int) (mocknet.Mocknet, []host.Host) {
	t.Helper()
	net := mocknet.New()
	hosts := make([]host.Host, n)
	for i := range hosts {
		h, err := net.AddPeer(newKey(t), ma.StringCast(fmt.Sprintf("/ip4/10.0.%d.%d/tcp/9470", i/250, i%250+1)))
		if err != nil {
			t.Fatal(err)
		}
		hosts[i] = h
	}
	if err := net.LinkAll(); err != nil {
		t.Fatal(err)
	}
	return net, hosts
}

func entryOf(h host.Host) Entry {
	addr := h.Network().ListenAddresses()[0]
	return Entry{Text: addr.String() + "/p2p/" + h.ID().String(), Addr: addr, ID: h.ID()}
}

func TestPeerOfTheLANIsBackWithinFifteenSecondsHoweverLongItWasAway(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net, hosts := mesh(t, 2)
		a, b := hosts[0], hosts[1]
		f, err := New(a, Config{Entries: []Entry{entryOf(b)}, Network: meetsAll{host: a}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- f.Run(ctx) }()
		time.Sleep(time.Minute)
		for _, away := range []time.Duration{time.Second, time.Minute, 40 * time.Hour} {
			if !connected(a, b)() {
				t.Fatal("not connected")
			}
			if err := errors.Join(net.UnlinkPeers(a.ID(), b.ID()), net.DisconnectPeers(a.ID(), b.ID())); err != nil {
				t.Fatal(err)
			}
			time.Sleep(away)
			if connected(a, b)() {
				t.Fatal("connected without a link")
			}
			if _, err := net.LinkPeers(a.ID(), b.ID()); err != nil {
				t.Fatal(err)
			}
			time.Sleep(lanWait + time.Second)
			if !connected(a, b)() {
				t.Fatalf("not back after %v away", away)
			}
			time.Sleep(stable)
		}
		cancel()
		if err := <-done; err != nil {
			t.Fatal(err)
		}
		_ = net.Close()
		synctest.Wait()
	})
}

// TestPeerThatHangsUpIsNotDialledWithoutPause: a connection that does not hold
// is a failure, though each dial succeeds.
func TestPeerThatHangsUpIsNotDialledWithoutPause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net, hosts := mesh(t, 2)
		a, b := hosts[0], hosts[1]
		dialled := 0
		b.Network().Notify(&network.NotifyBundle{ConnectedF: func(_ network.Network, c network.Conn) {
			dialled++
			go func() { _ = c.Close() }()
		}})
		f, err := New(a, Config{Entries: []Entry{entryOf(b)}, Network: meetsAll{host: a}})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- f.Run(ctx) }()
		time.Sleep(10 * time.Minute)
		cancel()
		<-done
		synctest.Wait()
		if most := int(10*time.Minute/(lanWait*3/4)) + 6; dialled < 30 || dialled > most {
			t.Fatalf("dialled %d times in ten minutes, want 30 to %d", dialled, most)
		}
		_ = net.Close()
		synctest.Wait()
	})
}

func TestManyPeersAreDialledAFewAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net, hosts := mesh(t, 1)
		a := hosts[0]
		f, err := New(a, Config{Entries: []Entry{}, Network: meetsAll{host: a}})
		if err != nil {
			t.Fatal(err)
		}
		for i, id := range someIDs(t, maxBookPeers) {
			f.book.meet(id, someAddrs(i + 1)[i:], sight{}, time.Now())
		}
		l := newLoop(f)
		l.seed(time.Now())
		entry := someIDs(t, 1)[0]
		l.configure(entry, time.Now())
		best, n := (*target)(nil), 0
		l.all(func(t *target) {
			if best == nil || before(t, best) {
				best = t
			}
		})
		if best.id != entry {
			t.Fatal("the configured peer is not the first")
		}
		l.dials, l.otherDials = maxOtherDials, maxOtherDials
		l.all(func(t *target) {
			if l.slot(t) {
				n++
			}
		})
		if n != 1 {
			t.Fatalf("%d may be dialled while others fill their share, want only the configured one", n)
		}
		_ = net.Close()
		synctest.Wait()
	})
}

func TestWithEnoughPeersFoundOnesWaitAndAreStillDialledOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		net, hosts := mesh(t, enoughPeers+2)
		a, late := hosts[0], hosts[enoughPeers+1]
		for _, h := range hosts[1 : enoughPeers+1] {
			if _, err := net.ConnectPeers(a.ID(), h.ID()); err != nil {
				t.Fatal(err)
			}
		}
		f, err := New(a, Config{Network: meetsAll{host: a}})
		if err != nil {
			t.Fatal(err)
		}
		l := newLoop(f)
		l.look(time.Now())
		l.heard(peer.AddrInfo{ID: late.ID(), Addrs: late.Network().ListenAddresses()}, time.Now())
		next := l.peers[late.ID()]
		if !l.putOff(next, time.Now()) || next.due.After(time.Now().Add(publicWait)) {
			t.Fatalf("due %v", next.due)
		}
		if l.putOff(next, next.due) {
			t.Fatal("put off for ever")
		}
		_ = net.Close()
		synctest.Wait()
	})
}
