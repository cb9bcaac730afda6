package api

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/lp2pnode/lp2pnode/api/client"
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
		Peers:      len(network.Met()),
		Synced:     !sync.Lags(),
		Pool:       len(n.node.Ledger().Transactions(maxCounted)),
		TimeOffset: offset.Milliseconds(),
		Miner:      n.node.MinerAddress(),
		Started:    n.node.Started(),
	}
	if sync.Lags() {
		s.SyncTarget = sync.Target
	}
	if m := n.node.Miner(); m != nil {
		state := m.State()
		s.Mining, s.MiningHeld, s.Hashrate = state.Mining, state.Reason, m.Hashrate()
	}
	return ok(s), nil
}

// livez answers, and that is all it says.
func (n *rooms) livez(context.Context, *struct{}) (*jsonOutput[client.Health], error) {
	return ok(client.Health{OK: true, Checks: []client.Check{}}), nil
}

// readyz says whether the node is fit for use, and which part is not.
func (n *rooms) readyz(context.Context, *struct{}) (*jsonOutput[client.Health], error) {
	h := client.Health{OK: true, Checks: []client.Check{n.storeCheck(), n.syncCheck(), n.clockCheck()}}
	out := ok(h)
	for _, c := range h.Checks {
		if !c.OK {
			out.Status, out.Body.OK = http.StatusServiceUnavailable, false
		}
	}
	return out, nil
}

// storeCheck reads the tip from the disk.
func (n *rooms) storeCheck() client.Check {
	tip := n.node.Ledger().Tip().Tip
	if _, err := n.node.Ledger().Store().RawHeader(tip.Hash); err != nil {
		return client.Check{Name: "store", Detail: fmt.Sprintf("the tip cannot be read: %v", err)}
	}
	return client.Check{Name: "store", OK: true, Detail: fmt.Sprintf("the tip is at %d", tip.Height)}
}

func (n *rooms) syncCheck() client.Check {
	sync := n.node.Network().Sync()
	if sync.Lags() {
		return client.Check{Name: "sync", Detail: fmt.Sprintf("at height %d of %d", sync.Height, sync.Target)}
	}
	return client.Check{Name: "sync", OK: true, Detail: "no peer has shown more work"}
}

// clockCheck holds as long as others accept the timestamps of this clock
// (protocol §7).
func (n *rooms) clockCheck() client.Check {
	offset, peers := n.node.Network().ClockOffset()
	most := time.Duration(n.node.Ledger().Rules().Params.MaxAheadMS()) * time.Millisecond
	if peers == 0 {
		return client.Check{Name: "clock", OK: true, Detail: "there is no peer to compare it with"}
	}
	return client.Check{
		Name:   "clock",
		OK:     offset.Abs() <= most,
		Detail: fmt.Sprintf("%s off the median of %d peers", -offset, peers),
	}
}
