package bootstrap

import (
	"net"
	"slices"
	"strings"
	"testing"

	ma "github.com/multiformats/go-multiaddr"
)

func someLinks() []link {
	up := net.FlagUp | net.FlagRunning
	at := func(ips ...string) []net.IP {
		var all []net.IP
		for _, ip := range ips {
			all = append(all, net.ParseIP(ip))
		}
		return all
	}
	return []link{
		{net.Interface{Index: 1, Name: "lo", Flags: up | net.FlagLoopback}, at("127.0.0.1", "::1")},
		{net.Interface{Index: 2, Name: "eth0", Flags: up | net.FlagMulticast | net.FlagBroadcast}, at("fd00::5", "192.168.1.5")},
		{net.Interface{Index: 3, Name: "tun0", Flags: up | net.FlagMulticast | net.FlagPointToPoint}, at("10.8.0.2")},
		{net.Interface{Index: 4, Name: "sit0", Flags: up}, at("2001:db8::1")},
		{net.Interface{Index: 5, Name: "docker0", Flags: net.FlagUp | net.FlagMulticast}, at("172.17.0.1")},
	}
}

func TestPointToPointInterfacesAreSkippedAndNamed(t *testing.T) {
	used, skipped := multicast(someLinks())
	if got := linkNames(used); !slices.Equal(got, []string{"eth0"}) {
		t.Errorf("used %v", got)
	}
	if want := []string{"tun0 (point-to-point)", "sit0 (no multicast)", "docker0 (no carrier)"}; !slices.Equal(skipped, want) {
		t.Errorf("skipped %v", skipped)
	}
	if used, _ := multicast(someLinks()[:1]); !slices.Equal(linkNames(used), []string{"lo"}) {
		t.Errorf("with nothing else: used %v", linkNames(used))
	}
}

func TestOnlyAddressesThatNeighboursReachAreAnnounced(t *testing.T) {
	used, _ := multicast(someLinks())
	for _, row := range []struct{ listens, want string }{
		{"/ip4/0.0.0.0/tcp/9470", "/ip4/192.168.1.5/tcp/9470"},
		{"/ip6/::/tcp/9470 /ip4/0.0.0.0/tcp/9470", "/ip4/192.168.1.5/tcp/9470 /ip6/fd00::5/tcp/9470"},
		{"/ip4/192.168.1.5/tcp/9470 /ip4/127.0.0.1/tcp/9470", "/ip4/192.168.1.5/tcp/9470"},
		{"/ip4/10.8.0.2/tcp/9470", ""},
		{"/ip4/10.8.0.2/tcp/9470 /ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/1"},
		{"/ip4/0.0.0.0/udp/9470/quic-v1", "/ip4/192.168.1.5/udp/9470/quic-v1"},
	} {
		var listens []ma.Multiaddr
		for _, text := range strings.Fields(row.listens) {
			listens = append(listens, ma.StringCast(text))
		}
		var got []string
		for _, a := range announced(listens, used) {
			got = append(got, a.String())
		}
		if strings.Join(got, " ") != row.want {
			t.Errorf("%s: %v, want %s", row.listens, got, row.want)
		}
	}
}

func TestFingerprintChangesWithTheInterfaces(t *testing.T) {
	before := fingerprint(someLinks(), nil)
	if before != fingerprint(someLinks(), nil) {
		t.Fatal("it changes by itself")
	}
	down, moved := someLinks()[1:], someLinks()
	moved[1].addrs[1] = net.ParseIP("192.168.1.6")
	if fingerprint(down, nil) == before || fingerprint(moved, nil) == before || fingerprint(someLinks(), someAddrs(1)) == before {
		t.Fatal("a change is not seen")
	}
}

func FuzzPeersOf(f *testing.F) {
	f.Add("dnsaddr=/ip4/127.0.0.1/tcp/1/p2p/"+someID, "dnsaddr=/ip4/10.0.0.1/tcp/1/p2p/"+someID)
	f.Add("dnsaddr=/p2p/"+someID, "dnsaddr=/ip4/10.0.0.1/tcp/1")
	f.Add("dnsaddr=/ip6zone/e/ip6/fe80::1/tcp/1/p2p/"+someID, "x")
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, info := range peersOf([]string{a, b}) {
			if info.ID.Validate() != nil || len(info.Addrs) == 0 || len(info.Addrs) > 2 {
				t.Fatalf("%q %q: %v", a, b, info)
			}
			for _, addr := range info.Addrs {
				if !usable(addr) {
					t.Fatalf("%q %q: %s", a, b, addr)
				}
			}
		}
	})
}

func TestLoopbackIsUsedOnlyByThoseWhoAnnounceNothingElse(t *testing.T) {
	home, out := "dnsaddr=/ip4/127.0.0.1/tcp/1/p2p/"+someID, "dnsaddr=/ip4/10.0.0.1/tcp/1/p2p/"+someID
	if got := peersOf([]string{home, out, "other=1"}); len(got) != 1 || len(got[0].Addrs) != 1 || got[0].Addrs[0].String() != "/ip4/10.0.0.1/tcp/1" {
		t.Errorf("%v", got)
	}
	if got := peersOf([]string{home}); len(got) != 1 || got[0].Addrs[0].String() != "/ip4/127.0.0.1/tcp/1" {
		t.Errorf("%v", got)
	}
}
