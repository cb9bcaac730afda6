package main

import (
	"net/netip"
	"path/filepath"
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

func TestInvitationNamesGenesisDirectoryAndPeer(t *testing.T) {
	for _, row := range []struct {
		home, genesis, dir, addr, want string
	}{
		{"/home/a", "", "", "/ip4/192.168.1.5/tcp/9470" + testPeer, "lp2pnode --bootstrap /ip4/192.168.1.5/tcp/9470" + testPeer},
		{"/home/a", "our lab.json", "", "/ip4/192.168.1.5/tcp/9470" + testPeer, "lp2pnode --genesis 'our lab.json' --bootstrap /ip4/192.168.1.5/tcp/9470" + testPeer},
		{"/home/a", "", "", "/ip4/127.0.0.1/tcp/9470" + testPeer, "lp2pnode --ephemeral --bootstrap /ip4/127.0.0.1/tcp/9470" + testPeer},
		{"/home/a", "lab.json", "/home/a/our-lab", "/ip4/192.168.1.5/tcp/9470" + testPeer, "lp2pnode --genesis lab.json --data-dir ~/our-lab --bootstrap /ip4/192.168.1.5/tcp/9470" + testPeer},
		{"/home/a", "lab.json", "~/our lab", "/ip4/192.168.1.5/tcp/9470" + testPeer, "lp2pnode --genesis lab.json --data-dir ~/'our lab' --bootstrap /ip4/192.168.1.5/tcp/9470" + testPeer},
		{"/home/a", "lab.json", "/home/a/.local/share/lp2pnode", "/ip4/192.168.1.5/tcp/9470" + testPeer, "lp2pnode --genesis lab.json --bootstrap /ip4/192.168.1.5/tcp/9470" + testPeer},
		{"/home/a", "lab.json", "/var/lib/lp2pnode", "/ip4/192.168.1.5/tcp/9470" + testPeer, "lp2pnode --genesis lab.json --bootstrap /ip4/192.168.1.5/tcp/9470" + testPeer},
		{"/", "lab.json", "/var/lib/lp2pnode", "/ip4/192.168.1.5/tcp/9470" + testPeer, "lp2pnode --genesis lab.json --bootstrap /ip4/192.168.1.5/tcp/9470" + testPeer},
		{"/home/a", "", "/home/a/trial", "/ip4/192.168.1.5/tcp/9470" + testPeer, "lp2pnode --bootstrap /ip4/192.168.1.5/tcp/9470" + testPeer},
	} {
		o := &options{node: node.DefaultConfig(), genesisFile: row.genesis}
		if err := setDataDir(environment{"HOME=" + row.home})(o, []string{row.dir}); err != nil {
			t.Fatal(err)
		}
		if got := o.invitation(row.addr); got != row.want {
			t.Errorf("want %q, got %q", row.want, got)
		}
	}
}

func TestGreetingPromisesOnlyWhatHolds(t *testing.T) {
	lan := "/ip4/192.168.1.5/tcp/9470" + testPeer
	o := &options{node: node.DefaultConfig()}
	if got := o.advice(lan); !strings.Contains(got, "plain lp2pnode will do") {
		t.Errorf("with mDNS: %q", got)
	}
	o.node.MDNS = false
	for _, o.genesisFile = range []string{"", "lab.json"} {
		if got := o.advice(lan); !strings.Contains(got, "not found by mDNS") {
			t.Errorf("without mDNS, genesis %q: %q", o.genesisFile, got)
		}
	}
	for addr, open := range map[string]bool{
		"": false, "127.0.0.1:9471": false, "[::1]:9471": false, "localhost:9471": false,
		":9471": true, "0.0.0.0:9471": true, "[::]:9471": true, "192.168.1.5:9471": true,
	} {
		if o.api = addr; o.openAPI() != open {
			t.Errorf("API %q: want %t to be told open", addr, open)
		}
	}
	if got := o.aboutOpenAPI(); !strings.Contains(got, "only a node with a data directory") {
		t.Errorf("want that the token cannot be had, got %q", got)
	}
	o.node.DataDir = "/data"
	if got := o.aboutOpenAPI(); !strings.Contains(got, filepath.FromSlash("/data/api.token")) {
		t.Errorf("want the token's place, got %q", got)
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
