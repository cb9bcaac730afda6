package api

import (
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/p2p"
)

func TestPeersSayHowThingsStandAndWhy(t *testing.T) {
	came, left := time.UnixMilli(1000), time.UnixMilli(5000)
	for _, row := range []struct {
		name  string
		peer  p2p.Peer
		state client.PeerState
		since time.Time
	}{
		{"not yet met", p2p.Peer{Connected: came}, client.PeerGreeting, came},
		{"met", p2p.Peer{Connected: came, Met: true}, client.PeerConnected, came},
		{"left", p2p.Peer{Connected: came, Met: true, Left: left, Reason: p2p.ReasonClosed}, client.PeerGone, left},
		{"banned", p2p.Peer{Connected: came, Left: left, BannedUntil: left, Reason: p2p.ReasonBanned, Detail: "bad block: …"}, client.PeerBanned, left},
		{"of another chain", p2p.Peer{Connected: came, Left: left, Reason: p2p.ReasonOtherGenesis, Detail: "its genesis is …"}, client.PeerRefused, left},
	} {
		t.Run(row.name, func(t *testing.T) {
			got := peerOf(row.peer)
			if got.State != row.state || !got.Since.Equal(row.since) {
				t.Errorf("want %s since %s, got %s since %s", row.state, row.since, got.State, got.Since)
			}
			if got.Reason != string(row.peer.Reason) || got.Detail != row.peer.Detail {
				t.Errorf("want reason %q, %q, got %q, %q", row.peer.Reason, row.peer.Detail, got.Reason, got.Detail)
			}
		})
	}
	deed := p2p.Deed{Act: p2p.ActPaused, Reason: p2p.ReasonStalled, Detail: "silent", At: left, Times: 2}
	want := client.Deed{Act: "paused", Reason: "stalled", Detail: "silent", At: left, Times: 2}
	if got := peerOf(p2p.Peer{Deeds: []p2p.Deed{deed}}).Deeds; len(got) != 1 || got[0] != want {
		t.Errorf("want the deed %+v, got %+v", want, got)
	}
	if got := peerOf(p2p.Peer{Latency: 1500 * time.Microsecond}); got.Latency != 1.5 {
		t.Errorf("want a latency of 1.5 ms, got %v", got.Latency)
	}
}
