package api

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/ledger"
	"github.com/lp2pnode/lp2pnode/miner"
	"github.com/lp2pnode/lp2pnode/node"
	"github.com/lp2pnode/lp2pnode/p2p"
)

// Node is what the API needs of a node; *node.Node is one. Its methods are
// safe for concurrent use and, but for Backup and Verify, do not block.
type Node interface {
	Agent() string   // name and version
	ID() string      // peer id
	Addrs() []string // multiaddrs to dial, with the peer id
	Started() time.Time
	MinerAddress() chain.Address // who gets the rewards; "" when the node does not mine
	Ledger() *ledger.Ledger
	Network() *p2p.Network
	Miner() *miner.Miner  // nil when the node does not mine
	Disk() node.Disk      // its room, and whether anything is written to it
	Alive() []node.Check  // what only a restart cures
	Checks() []node.Check // whether the node is fit for use
	Metrics() prometheus.Gatherer
	// Backup and Verify take long; see node.Node.
	Backup(ctx context.Context, dir string, progress node.Progress) (*node.Backup, error)
	Verify(ctx context.Context, progress node.Progress) error
	// SubmitTransaction takes what DecodeTransaction returned into the pool and
	// publishes it. Its errors are those of ledger.AddTransaction.
	SubmitTransaction(ctx context.Context, tx *chain.Transaction) error
}

// rooms answers the requests. Its methods are safe for concurrent use.
type rooms struct {
	node Node
	log  *slog.Logger
}
