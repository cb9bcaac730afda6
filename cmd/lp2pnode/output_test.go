package main

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/api/client"
)

func TestPeersShowsWhyTheyAreGone(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	var b strings.Builder
	err := printPeers(&terminal{out: &b}, []client.Peer{
		{ID: "12D3KooWA", State: client.PeerConnected, Since: now.Add(-90 * time.Second), Height: 7, Agent: "lp2pnode/1", Latency: 1.25, Address: "/ip4/10.0.0.2/tcp/9470"},
		{ID: "12D3KooWB", State: client.PeerRefused, Since: now.Add(-3 * time.Hour), Reason: "another genesis: 00ff"},
		{ID: "12D3KooWC", State: client.PeerGone, Since: now.Add(-72 * time.Hour), Agent: "evil\x1b[2J", Reason: "connection lost", Detail: "stream reset"},
		{ID: "12D3KooWD", State: client.PeerConnected, Since: now, PausedUntil: now.Add(30 * time.Second), PauseReason: "too slow"},
		{ID: "12D3KooWE", State: client.PeerBanned, Since: now.Add(-time.Minute), Reason: "banned", Detail: "bad block: rule work", BannedUntil: now.Add(59 * time.Minute)},
		{ID: "12D3KooWF", State: client.PeerConnected, Since: now, Deeds: []client.Deed{
			{Act: "left", Reason: "closed", At: now.Add(-time.Hour), Times: 1},
			{Act: "paused", Reason: "stalled", At: now.Add(-5 * time.Minute), Times: 3},
		}},
	}, now)
	if err != nil {
		t.Fatal(err)
	}
	want := `PEER       STATE      SINCE       HEIGHT  LATENCY  ADDRESS                 AGENT       REASON
12D3KooWA  connected  1m30s ago   7       1.2 ms   /ip4/10.0.0.2/tcp/9470  lp2pnode/1
12D3KooWB  refused    3h0m ago    -       -        -                       -           another genesis: 00ff
12D3KooWC  gone       3 days ago  0       -        -                       evil�[2J    connection lost: stream reset
12D3KooWD  connected  0s ago      -       -        -                       -           nothing is fetched from it for 30s: too slow
12D3KooWE  banned     1m0s ago    -       -        -                       -           banned: bad block: rule work; the ban ends in 59m0s
12D3KooWF  connected  0s ago      -       -        -                       -           paused 5m0s ago, 3 times: stalled
`
	if b.String() != want {
		t.Errorf("want\n%s\ngot\n%s", want, b.String())
	}
}

func TestStatusSaysWhyItDoesNotMine(t *testing.T) {
	for want, status := range map[string]client.Status{
		"yes, 1.50 MH/s for 12D3KooWA": {Mining: true, Hashrate: 1.5e6, Miner: "12D3KooWA"},
		"not now: behind its peers":    {MiningHeld: "behind its peers"},
		"off (mine = false)":           {},
	} {
		if got := miningText(&status); got != want {
			t.Errorf("want %q, got %q", want, got)
		}
	}
}

func TestAPIAddressIsURLOrWhereItListens(t *testing.T) {
	for given, want := range map[string]string{
		"127.0.0.1:9471":           "http://127.0.0.1:9471",
		"0.0.0.0:9471":             "http://127.0.0.1:9471",
		"[::]:9471":                "http://127.0.0.1:9471",
		":9471":                    "http://127.0.0.1:9471",
		"[::1]:9471":               "http://[::1]:9471",
		"node.lan:80":              "http://node.lan:80",
		"https://node.example/api": "https://node.example/api",
	} {
		if got, err := apiURL(given); err != nil || got != want {
			t.Errorf("%q: want %q, got %q, %v", given, want, got, err)
		}
	}
	for _, bad := range []string{"", "9471", "node", "ftp://node", "http://", "127.0.0.1:x"} {
		if got, err := apiURL(bad); err == nil {
			t.Errorf("%q: want an error, got %q", bad, got)
		}
	}
}

func TestSilentNodeIsToldApart(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	c := client.New("http://127.0.0.1:1")
	_, err := c.Status(ctx)
	if err = tellTimeout(t.Context(), c, err); err == nil || !strings.Contains(err.Error(), "does not answer within 10s") {
		t.Errorf("want an error that names the time, got %v", err)
	}
}
