package api

import (
	"context"
	"net/http"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/node"
)

// maxCounted bounds the time that a status takes of the ledger.
const maxCounted = 5000

// status says what the node is and where it stands.
func (n *rooms) status(context.Context, *struct{}) (*jsonOutput[client.Status], error) {
	tip := n.node.Ledger().Tip()
	rules := n.node.Ledger().Rules()
	network := n.node.Network()
	sync := network.Sync()
	offset, _ := network.ClockOffset()
	s := client.Status{
		Agent:      n.node.Agent(),
		ChainID:    rules.Params.ChainID,
		Genesis:    rules.Genesis().Hash,
		Height:     tip.Tip.Height,
		Tip:        tip.Tip.Hash,
		TipTime:    tip.Tip.Timestamp,
		Difficulty: tip.Tip.Difficulty,
		Work:       tip.Work,
		PeerID:     n.node.ID(),
		Addresses:  append([]string{}, n.node.Addrs()...),
		SeenAs:     network.SeenAs(),
		Peers:      len(network.Met()),
		Synced:     !sync.Lags(),
		Pool:       len(n.node.Ledger().Transactions(maxCounted)),
		TimeOffset: offset.Milliseconds(),
		TimeOff:    network.ClockWarning(),
		Miner:      n.node.MinerAddress(),
		Started:    n.node.Started(),
	}
	disk := n.node.Disk()
	s.DiskFree, s.WritesHeld = disk.Free, disk.Held
	if sync.Lags() {
		s.SyncTarget = sync.Target
	}
	if m := n.node.Miner(); m != nil {
		state := m.State()
		s.Mining, s.MiningHeld, s.Hashrate = state.Mining, state.Reason, m.Hashrate()
	}
	return ok(s), nil
}

// livez says whether the node does its work at all: what is wrong here, only a
// restart cures.
func (n *rooms) livez(context.Context, *struct{}) (*jsonOutput[client.Health], error) {
	return healthOf(n.node.Alive()), nil
}

// readyz says whether the node is fit for use, and which part is not.
func (n *rooms) readyz(context.Context, *struct{}) (*jsonOutput[client.Health], error) {
	return healthOf(n.node.Checks()), nil
}

func healthOf(checks []node.Check) *jsonOutput[client.Health] {
	out := ok(client.Health{OK: node.Fit(checks)})
	if !out.Body.OK {
		out.Status = http.StatusServiceUnavailable
	}
	for _, c := range checks {
		out.Body.Checks = append(out.Body.Checks, client.Check(c))
	}
	return out
}
