package main

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/lp2pnode/lp2pnode/node"
)

const testPeer = "/p2p/12D3KooWGC6TvWhfapngX6wvJHMYvKpDMXPb3ZnCZ6dMoaMtimQ5"

func TestAddressForTheNextMachineComesFirst(t *testing.T) {
	given := []string{
		"/ip4/127.0.0.1/tcp/9470" + testPeer,
		"/ip6/::1/tcp/9470" + testPeer,
		"/ip6/fe80::1/tcp/9470" + testPeer,
		"/ip6/2001:db8::5/tcp/9470" + testPeer,
		"/ip4/172.17.0.1/tcp/9470" + testPeer,
		"/dns4/example.org/tcp/9470" + testPeer,
		"/ip4/192.168.1.5/tcp/9470" + testPeer,
	}
	got := byUse(given, netip.MustParseAddr("192.168.1.5"))
	for i, from := range []int{6, 5, 4, 3, 2, 0, 1} {
		if got[i] != given[from] {
			t.Errorf("place %d: want %s, got %s", i, given[from], got[i])
		}
	}
	if got := byUse(given[:2], netip.Addr{}); !slices.Equal(got, given[:2]) {
		t.Errorf("want loopback where there is nothing else, got %v", got)
	}
}

func TestInvitationNamesGenesisAndPeer(t *testing.T) {
	for _, row := range []struct {
		genesis, addr, want string
	}{
		{"", "/ip4/192.168.1.5/tcp/9470" + testPeer, "lp2pnode --bootstrap /ip4/192.168.1.5/tcp/9470" + testPeer},
		{"our lab.json", "/ip4/192.168.1.5/tcp/9470" + testPeer, "lp2pnode --genesis 'our lab.json' --bootstrap /ip4/192.168.1.5/tcp/9470" + testPeer},
		{"", "/ip4/127.0.0.1/tcp/9470" + testPeer, "lp2pnode --ephemeral --bootstrap /ip4/127.0.0.1/tcp/9470" + testPeer},
	} {
		o := &options{node: node.DefaultConfig(), genesisFile: row.genesis}
		if got := o.invitation(row.addr); got != row.want {
			t.Errorf("want %q, got %q", row.want, got)
		}
	}
}

func TestShellWordCannotBreakOut(t *testing.T) {
	if got, want := shellWord("it's; rm -rf /"), `'it'\''s; rm -rf /'`; got != want {
		t.Errorf("want %s, got %s", want, got)
	}
	if got := shellWord("a/b-c_d.json"); strings.Contains(got, "'") {
		t.Errorf("want no quotes, got %s", got)
	}
}
