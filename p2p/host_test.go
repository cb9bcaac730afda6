package p2p

import (
	"bytes"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
	ma "github.com/multiformats/go-multiaddr"
	"golang.org/x/sync/errgroup"
)

func TestPortInUseIsToldInOneLine(t *testing.T) {
	l, err := net.Listen("tcp4", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	addr := ma.StringCast(fmt.Sprintf("/ip4/127.0.0.1/tcp/%d", l.Addr().(*net.TCPAddr).Port))
	for _, named := range []bool{true, false} {
		err := Listen(newTestHost(t), []Address{{addr, named}}, slog.New(slog.DiscardHandler))
		if err == nil {
			t.Fatalf("named %t: a port that another program has is listened on", named)
		}
		text := err.Error()
		if !strings.Contains(text, addr.String()) || !strings.Contains(text, "choose another port") || strings.Contains(text, "\n") {
			t.Errorf("the error does not help: %s", text)
		}
	}
}

func TestPortOfAnotherNodeIsNotShared(t *testing.T) {
	a, b := newTestHost(t), newTestHost(t)
	log := slog.New(slog.DiscardHandler)
	if err := Listen(a, []Address{{ma.StringCast("/ip4/127.0.0.1/tcp/0"), true}}, log); err != nil {
		t.Fatal(err)
	}
	if err := Listen(b, []Address{{a.Addrs()[0], true}}, log); err == nil {
		t.Error("two nodes share a port")
	}
}

func TestMissingAddressOfDefaultsIsOnlyAWarning(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	absent := ma.StringCast("/ip6/2001:db8::1/tcp/0") // documentation range: no machine has it
	good := ma.StringCast("/ip4/127.0.0.1/tcp/0")
	h := newTestHost(t)
	if err := Listen(h, []Address{{good, false}, {good, false}, {absent, false}}, log); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "level=WARN") {
		t.Error("no warning about the address that is missing")
	}
	if got := len(h.Network().ListenAddresses()); got != 1 {
		t.Errorf("listens on %d addresses, want 1", got)
	}
	if err := Listen(newTestHost(t), []Address{{good, false}, {absent, true}}, log); err == nil {
		t.Error("an address that was named may fail in silence")
	}
}

func TestAnnouncedAddressesReplaceTheOthers(t *testing.T) {
	key, _, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	public := ma.StringCast("/dns4/node.example/tcp/9470")
	h, err := NewHost(HostConfig{Key: key, Announce: []ma.Multiaddr{public}})
	if err != nil {
		t.Fatal(err)
	}
	defer h.Close()
	if err := Listen(h, []Address{{ma.StringCast("/ip4/127.0.0.1/tcp/0"), true}}, slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	if got := h.Addrs(); len(got) != 1 || !got[0].Equal(public) {
		t.Errorf("announces %s", got)
	}
}

func TestOtherTransportsComeWithTheirAddresses(t *testing.T) {
	for _, text := range []string{"/ip4/127.0.0.1/tcp/0/ws", "/ip4/127.0.0.1/udp/0/quic-v1"} {
		addr := ma.StringCast(text)
		var hosts []host.Host
		for range 2 {
			key, _, err := crypto.GenerateEd25519Key(rand.Reader)
			if err != nil {
				t.Fatal(err)
			}
			h, err := NewHost(HostConfig{Key: key, Listen: []ma.Multiaddr{addr}})
			if err != nil {
				t.Fatal(err)
			}
			defer h.Close()
			hosts = append(hosts, h)
		}
		if err := Listen(hosts[0], []Address{{addr, true}}, slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		if err := hosts[1].Connect(t.Context(), peer.AddrInfo{ID: hosts[0].ID(), Addrs: hosts[0].Addrs()}); err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if got, want := transportOf(hosts[1].Network().Conns()[0].RemoteMultiaddr()), text[strings.LastIndex(text, "/")+1:]; got != want {
			t.Errorf("the transport is called %q, want %q", got, want)
		}
	}
}

func TestFiftyNodesBehindOneAddressAreWelcome(t *testing.T) {
	m, err := newResourceManager(defaultPeers, false)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for _, where := range []string{"/ip4/192.168.1.7", "/ip4/172.17.0.1", "/ip6/fd00::7", "/ip4/127.0.0.1"} {
		for i := range 50 {
			scope, err := m.OpenConnection(network.DirInbound, true, ma.StringCast(fmt.Sprintf("%s/tcp/%d", where, 1000+i)))
			if err != nil {
				t.Fatalf("connection %d from %s: %v", i, where, err)
			}
			defer scope.Done()
		}
	}
	refused := 0
	for i := range 50 {
		scope, err := m.OpenConnection(network.DirInbound, true, ma.StringCast(fmt.Sprintf("/ip4/203.0.113.7/tcp/%d", 1000+i)))
		if err != nil {
			refused++
			continue
		}
		defer scope.Done()
	}
	if refused != 42 {
		t.Errorf("of fifty from one public address %d are refused, want 42", refused)
	}
}

// TestFiftyNodesBehindOneAddressAreMet: with real sockets, all at once.
func TestFiftyNodesBehindOneAddressAreMet(t *testing.T) {
	if testing.Short() {
		t.Skip("makes fifty hosts; not with -short")
	}
	rules := testRules(t, "one")
	a := start(t, newMemory(rules), nil)
	var dials errgroup.Group
	for range 50 {
		b := start(t, newMemory(rules), nil, gossipOnly)
		dials.Go(func() error { return b.host.Connect(t.Context(), a.info()) })
	}
	if err := dials.Wait(); err != nil {
		t.Fatal(err)
	}
	await(t, "fifty peers are met", func() bool { return len(a.Met()) == 50 })
}

func TestStreamsOfOurProtocolsAreBounded(t *testing.T) {
	m, err := newResourceManager(defaultPeers, false)
	if err != nil {
		t.Fatal(err)
	}
	defer m.Close()
	for proto, want := range map[protocol.ID]int{statusProtocol: 8, syncProtocol: 4 * servedPerPeer} {
		for _, who := range []peer.ID{"one", "another"} {
			taken := 0
			for range 2 * want {
				st, err := m.OpenStream(who, network.DirInbound)
				if err != nil {
					t.Fatal(err)
				}
				defer st.Done()
				if st.SetProtocol(proto) == nil {
					taken++
				}
			}
			if taken != want {
				t.Errorf("%s: peer %q has %d streams at a time, want %d", proto, who, taken, want)
			}
		}
	}
}
