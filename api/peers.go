package api

import (
	"context"
	"slices"
	"time"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/p2p"
)

// peers lists those connected, then those that left or were refused.
func (n *rooms) peers(context.Context, *struct{}) (*jsonOutput[[]client.Peer], error) {
	known := n.node.Network().Peers()
	mesh := n.node.Network().Mesh()
	peers := make([]client.Peer, len(known))
	for i, p := range known {
		peers[i] = peerOf(p)
		peers[i].Mesh = slices.Contains(mesh, p.ID)
	}
	return ok(peers), nil
}

func peerOf(p p2p.Peer) client.Peer {
	peer := client.Peer{
		ID:          p.ID.String(),
		State:       client.PeerGreeting,
		Since:       p.Connected,
		Reason:      string(p.Reason),
		Detail:      p.Detail,
		Address:     p.Addr,
		Direction:   p.Direction,
		Transport:   p.Transport,
		Agent:       p.Agent,
		Height:      p.Height,
		Tip:         p.Tip,
		Work:        p.Work,
		Latency:     float64(p.Latency) / float64(time.Millisecond),
		PausedUntil: p.PausedUntil,
		PauseReason: string(p.PauseReason),
		BannedUntil: p.BannedUntil,
		Deeds:       deedsOf(p.Deeds),
	}
	switch {
	case !p.Left.IsZero():
		peer.State, peer.Since = client.PeerGone, p.Left
		switch {
		case !p.BannedUntil.IsZero():
			peer.State = client.PeerBanned
		case p.Reason == p2p.ReasonOtherGenesis:
			peer.State = client.PeerRefused
		}
	case p.Met:
		peer.State = client.PeerConnected
	}
	return peer
}

func deedsOf(deeds []p2p.Deed) []client.Deed {
	list := make([]client.Deed, len(deeds))
	for i, d := range deeds {
		list[i] = client.Deed{Act: string(d.Act), Reason: string(d.Reason), Detail: d.Detail, At: d.At, Times: d.Times}
	}
	return list
}
