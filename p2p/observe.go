package p2p

import (
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/lp2pnode/lp2pnode/chain"
)

// Stage is a part of the way of a block from gossip.
type Stage string

// The stages.
const (
	StageDecode   Stage = "decode"   // how long reading took, with proof of work and roots
	StageReceived Stage = "received" // since the block's timestamp, when it had come and was decoded
	StageAccepted Stage = "accepted" // since the block's timestamp, when the ledger had judged it and it is passed on
)

// observe tells who wants to know.
func (n *Network) observe(s Stage, took time.Duration) {
	if n.observer != nil {
		n.observer(s, took)
	}
}

// since returns the time since a block's timestamp; clocks that differ count.
func (n *Network) since(b *chain.Block) time.Duration {
	return n.now().Sub(time.UnixMilli(int64(b.Timestamp)))
}

// tellReceived tells of a decoded block from gossip.
func (n *Network) tellReceived(from peer.ID, b *chain.Block, decode time.Duration) {
	since := n.since(b)
	n.observe(StageDecode, decode)
	n.observe(StageReceived, since)
	n.log.Debug("block received", "height", b.Height, "hash", b.Hash, "peer", from,
		"bytes", len(b.Raw()), "since_timestamp", since, "decode", decode)
}

// tellAccepted tells of a block from gossip that the ledger has judged.
func (n *Network) tellAccepted(b *chain.Block) {
	since := n.since(b)
	n.observe(StageAccepted, since)
	n.log.Debug("block accepted and passed on", "height", b.Height, "hash", b.Hash, "since_timestamp", since)
}
