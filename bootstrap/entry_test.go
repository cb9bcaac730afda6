package bootstrap

import (
	"strings"
	"testing"
)

const someID = "12D3KooWD3eckifWpRn9wQpMG9R9hX3sD158z7EqHWmweQAJU5SA"

func TestEveryFormOfEntryIsTaken(t *testing.T) {
	for _, text := range []string{
		"/ip4/192.168.1.5/tcp/9470",
		"/ip4/192.168.1.5/tcp/9470/",
		"/ip4/192.168.1.5/tcp/9470/p2p/" + someID,
		"/ip4/192.168.1.5/tcp/9470/ipfs/" + someID,
		"/ip6/fd00::5/tcp/9470/p2p/" + someID,
		"/ip6/::1/tcp/9470",
		"/ip4/192.168.1.5/udp/9470/quic-v1/p2p/" + someID,
		"/ip4/192.168.1.5/tcp/9470/ws",
		"/dns4/bootstrap/tcp/9470",
		"/dns4/my_node.example.org/tcp/443/wss/p2p/" + someID,
		"/dns6/node.example.org/tcp/9470",
		"/dns/node.example.org/tcp/9470",
		"/dnsaddr/example.org",
		"/dnsaddr/example.org/p2p/" + someID,
		"/ip4/192.168.1.5/tcp/9470/p2p/" + someID + "/p2p-circuit/p2p/" + someID,
	} {
		entries, err := ParseEntries([]string{text})
		if err != nil || len(entries) != 1 {
			t.Errorf("%s: %v, %v", text, entries, err)
			continue
		}
		if hasID := strings.HasSuffix(text, someID); hasID != (entries[0].ID.String() == someID) {
			t.Errorf("%s: id %q", text, entries[0].ID)
		}
		if strings.HasSuffix(entries[0].Addr.String(), someID) {
			t.Errorf("%s: the address still has the id: %s", text, entries[0].Addr)
		}
	}
}

func TestEntriesAreRepeatableAndCommaLists(t *testing.T) {
	entries, err := ParseEntries([]string{"/ip4/10.0.0.1/tcp/1, /ip4/10.0.0.2/tcp/2,", "", "/ip4/10.0.0.3/tcp/3,/ip4/10.0.0.1/tcp/1"})
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		got = append(got, e.Text)
	}
	if want := "/ip4/10.0.0.1/tcp/1 /ip4/10.0.0.2/tcp/2 /ip4/10.0.0.3/tcp/3"; strings.Join(got, " ") != want {
		t.Fatalf("got %v", got)
	}
}

func TestMistypedEntryNamesTheBadPartAndShowsAGoodOne(t *testing.T) {
	const any = "/ip4/192.168.1.5/tcp/9470/p2p/12D3KooW…"
	rows := []struct{ text, bad, good string }{
		{"/ip4/10.0.0.300/tcp/9470", `"10.0.0.300" is not an IPv4 address`, any},
		{"/ip4/10.0.0.5:9470", `"10.0.0.5:9470" is not an IPv4 address (the port is a component of its own)`, "/ip4/10.0.0.5/tcp/9470"},
		{"/ip4/fd00::5/tcp/9470", `"fd00::5" is not an IPv4 address`, "/ip6/fd00::5/tcp/9470"},
		{"/ip6/10.0.0.5/tcp/9470", `"10.0.0.5" is not an IPv6 address`, "/ip4/10.0.0.5/tcp/9470"},
		{"/ip4/node-a/tcp/9470", `"node-a" is not an IPv4 address`, "/dns4/node-a/tcp/9470"},
		{"/ip4/0.0.0.0/tcp/9470", `"0.0.0.0" means every interface and cannot be dialled`, any},
		{"/ip4/224.0.0.251/tcp/9470", `"224.0.0.251" is a multicast address`, any},
		{"/ip6/fe80::1/tcp/9470", `"fe80::1" is link-local and cannot be dialled`, any},
		{"/ip4", "there is no value after /ip4", any},
		{"/ip4/", "there is no value after /ip4", any},
		{"/ip4/10.0.0.5", "there is no port", "/ip4/10.0.0.5/tcp/9470"},
		{"/ip4/10.0.0.5/p2p/" + someID, "there is no port", "/ip4/10.0.0.5/tcp/9470/p2p/" + someID},
		{"/dns4/node", "there is no port", "/dns4/node/tcp/9470"},
		{"/dns4/node:9470", `"node:9470" is not a host name (the port is a component of its own)`, "/dns4/node/tcp/9470"},
		{"/dns4/no de/tcp/9470", `"no de" is not a host name`, "/dns4/node.example.org/tcp/9470"},
		{"/ip4/10.0.0.5/tcp", "there is no value after /tcp", any},
		{"/ip4/10.0.0.5/tcp/0", `"0" is not a port (1 to 65535)`, any},
		{"/ip4/10.0.0.5/tcp/94700", `"94700" is not a port (1 to 65535)`, any},
		{"/ip4/10.0.0.5/tpc/9470", `"tpc" is not a part of a multiaddr`, any},
		{"/ip4/10.0.0.5//tcp/9470", "there is an empty part (//)", any},
		{"/ip4/10.0.0.5/udp/9470", "udp alone is not a transport", "/ip4/10.0.0.5/udp/9470/quic-v1"},
		{"/ip4/10.0.0.5/tcp/9470/quic-v1", `"quic-v1" does not follow a TCP port`, "/ip4/10.0.0.5/tcp/9470"},
		{"/ipv4/10.0.0.5/tcp/9470", `"ipv4" is none of ip4, ip6, dns4, dns6, dnsaddr`, any},
		{"/", `"" is none of ip4, ip6, dns4, dns6, dnsaddr`, any},
		{"/ip4/10.0.0.5/tcp/9470/p2p/12D3KooWnope", `"12D3KooWnope" is not a peer id`, "/p2p/12D3KooW…"},
		{"/ip4/10.0.0.5/tcp/9470/p2p", "there is no value after /p2p", any},
		{"/ip4/10.0.0.5/tcp/9470/p2p/" + someID + "/ws", "/p2p is not the last part", any},
		{"/p2p/" + someID, "there is no address before /p2p", "/tcp/9470/p2p/" + someID},
		{"/ip4/10.0.0.5/tcp/9470/p2p-circuit/p2p/" + someID, "there is no peer id before /p2p-circuit", "/p2p-circuit/p2p/"},
		{"/ip4/10.0.0.5/tcp/9470/p2p/" + someID + "/p2p-circuit", "there is no peer id after /p2p-circuit", "/p2p-circuit/p2p/"},
		{"10.0.0.5:9470", "it is host and port, not a multiaddr", "/ip4/10.0.0.5/tcp/9470"},
		{"[fd00::5]:9470", "it is host and port, not a multiaddr", "/ip6/fd00::5/tcp/9470"},
		{"fd00::5", "it is not a multiaddr, and has no port", "/ip6/fd00::5/tcp/9470"},
		{"node.example.org:7000", "it is host and port, not a multiaddr", "/dns4/node.example.org/tcp/7000"},
		{"bootstrap", "it is not a multiaddr, and has no port", "/dns4/bootstrap/tcp/9470"},
		{"http://node.example.org:9470/x", "it is a URL, not a multiaddr", "/dns4/node.example.org/tcp/9470"},
		{someID, "it is a peer id without an address", "/tcp/9470/p2p/" + someID},
		{"ip4/10.0.0.5/tcp/9470", "a multiaddr begins with /", any},
		{"what ever", "it is not a multiaddr", any},
		{"/ip4/10.0.0.5/tcp/9470/" + strings.Repeat("x", 2000), "it is longer than 1024 bytes", any},
	}
	for _, row := range rows {
		_, err := ParseEntries([]string{"/ip4/10.0.0.1/tcp/1", row.text})
		if err == nil {
			t.Errorf("%s: taken", row.text)
			continue
		}
		text := err.Error()
		if !strings.HasPrefix(text, `bootstrap "`) || !strings.Contains(text, `": `+row.bad+"; write ") || !strings.Contains(text, row.good) {
			t.Errorf("%s:\n got %s\nwant %s … %s", row.text, text, row.bad, row.good)
		}
		if strings.Contains(text, "\n") || len(text) > 600 {
			t.Errorf("not one short line: %q", text)
		}
	}
}

// FuzzParseEntries: nothing panics, an error is one line, and what is taken has
// an address that can be written and read again.
func FuzzParseEntries(f *testing.F) {
	for _, seed := range []string{
		"/ip4/10.0.0.1/tcp/1", "host:1", "[::1]:1", "http://x", "/dnsaddr/x/p2p/" + someID, "/ip6zone/e/ip6/fe80::1/tcp/1",
		"/ip4/1.2.3.4/tcp/1/p2p/" + someID + "/p2p-circuit/p2p/" + someID, "/unix/a/b", "/ip4/1.1.1.1/tcp/1/http-path/%2f", "/ip4/1.1.1.1/tcp/1/ws,,",
		"/ip4/1.1.1.1/udp/1/quic-v1/webtransport/certhash/uEi", "/ip4/\n/tcp", "/dns4/\x00/tcp/1", "/dns4/x/tcp/1/tls/sni/y/ws",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := ParseEntries([]string{text})
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r") || !strings.HasPrefix(err.Error(), "bootstrap ") || !strings.Contains(err.Error(), "; write /") {
				t.Fatalf("error: %q", err)
			}
			return
		}
		for _, e := range entries {
			again, err := ParseEntries([]string{e.Addr.String()})
			if e.ID == "" && (err != nil || len(again) != 1 || !again[0].Addr.Equal(e.Addr)) {
				t.Fatalf("%q: %s read again: %v, %v", e.Text, e.Addr, again, err)
			}
			if len(e.Addr) == 0 {
				t.Fatalf("%q: no address", e.Text)
			}
		}
	})
}
