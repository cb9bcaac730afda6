package p2p

import (
	"cmp"
	"maps"
	"slices"
	"sync"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"
)

// Count is how many messages of a topic met a fate: "accept", "reject",
// "ignore", "own" (published here), "duplicate", "dropped" (no room to judge
// it), "unsent" (no room to send it to a peer). Of what was ignored or rejected
// Rule says why: a rule of the chain package, or see ruleOf.
type Count struct {
	Topic string
	Fate  string
	Rule  string
	N     uint64
}

// counters count messages, and keep who is in the mesh for blocks.
type counters struct {
	mu   sync.Mutex
	n    map[Count]uint64     // guarded by mu; keys have N 0
	acts map[Tally]uint64     // guarded by mu; keys have N 0
	mesh map[peer.ID]struct{} // guarded by mu
	rpcs map[RPC]uint64       // guarded by mu
}

// RPC is what became of a message of pubsub's own protocol, which holds any
// number of ours, and news of the mesh.
type RPC string

// The fates of an RPC.
const (
	RPCReceived RPC = "received"
	RPCSent     RPC = "sent"
	RPCDropped  RPC = "dropped" // a peer takes too little
)

func (c *counters) rpc(fate RPC) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.rpcs[fate]++
}

// RPCs returns the counts of pubsub's messages since the start.
func (n *Network) RPCs() map[RPC]uint64 {
	n.counters.mu.Lock()
	defer n.counters.mu.Unlock()
	return maps.Clone(n.counters.rpcs)
}

func newCounters() *counters {
	return &counters{n: map[Count]uint64{}, acts: map[Tally]uint64{}, mesh: map[peer.ID]struct{}{}, rpcs: map[RPC]uint64{}}
}

func (c *counters) count(topic, fate, rule string) {
	if topic != topicBlocks && topic != topicTransactions {
		return // strangers cannot make us remember names
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[Count{Topic: topic, Fate: fate, Rule: rule}]++
}

// Messages returns the counts since the start, by topic, fate and rule.
func (n *Network) Messages() []Count {
	c := n.counters
	c.mu.Lock()
	defer c.mu.Unlock()
	list := slices.Collect(maps.Keys(c.n))
	for i := range list {
		list[i].N = c.n[list[i]]
	}
	slices.SortFunc(list, func(a, b Count) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Fate, b.Fate), cmp.Compare(a.Rule, b.Rule))
	})
	return list
}

// Tally is how often this node did something about a peer for a reason.
type Tally struct {
	Act    Act
	Reason Reason
	N      uint64
}

func (c *counters) tally(act Act, reason Reason) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.acts[Tally{Act: act, Reason: reason}]++
}

// Tallies returns what was done about peers since the start, by act and reason.
// There are as many rows at most as there are acts times reasons.
func (n *Network) Tallies() []Tally {
	c := n.counters
	c.mu.Lock()
	defer c.mu.Unlock()
	list := slices.Collect(maps.Keys(c.acts))
	for i := range list {
		list[i].N = c.acts[list[i]]
	}
	slices.SortFunc(list, func(a, b Tally) int { return cmp.Or(cmp.Compare(a.Act, b.Act), cmp.Compare(a.Reason, b.Reason)) })
	return list
}

// Mesh returns the peers that blocks go to and come from at once.
func (n *Network) Mesh() []peer.ID {
	c := n.counters
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Collect(maps.Keys(c.mesh))
}

// tracer hears from pubsub what validators do not: what is dropped, and who
// joins the mesh.
type tracer struct{ n *Network }

// Graft compares statuses with a new peer of the mesh: what was published just
// before would come neither through the mesh nor by the offers that only those
// outside of it get.
func (t tracer) Graft(id peer.ID, topic string) {
	if topic != topicBlocks {
		return
	}
	t.n.counters.mu.Lock()
	t.n.counters.mesh[id] = struct{}{}
	t.n.counters.mu.Unlock()
	t.n.kickOne(id)
}

// Prune forgets a peer that left the mesh.
func (t tracer) Prune(id peer.ID, topic string) {
	if topic == topicBlocks {
		t.OnClosedOutboundStream(id)
	}
}

// OnClosedOutboundStream forgets a peer that left.
func (t tracer) OnClosedOutboundStream(id peer.ID) {
	t.n.counters.mu.Lock()
	defer t.n.counters.mu.Unlock()
	delete(t.n.counters.mesh, id)
}

// RejectMessage counts what was dropped without being judged.
func (t tracer) RejectMessage(m *pubsub.Message, reason string) {
	switch reason {
	case pubsub.RejectValidationQueueFull, pubsub.RejectValidationThrottled:
		t.n.counters.count(m.GetTopic(), "dropped", "")
	}
}

// DuplicateMessage counts copies.
func (t tracer) DuplicateMessage(m *pubsub.Message) {
	t.n.counters.count(m.GetTopic(), "duplicate", "")
}

// DropRPC counts what found a peer's queue full.
func (t tracer) DropRPC(rpc *pubsub.RPC, _ peer.ID) {
	for _, m := range rpc.GetPublish() {
		t.n.counters.count(m.GetTopic(), "unsent", "")
	}
	t.n.counters.rpc(RPCDropped)
}

// RecvRPC counts what pubsub hears.
func (t tracer) RecvRPC(*pubsub.RPC) { t.n.counters.rpc(RPCReceived) }

// SendRPC counts what pubsub says.
func (t tracer) SendRPC(*pubsub.RPC, peer.ID) { t.n.counters.rpc(RPCSent) }

// The rest of pubsub.RawTracer is not needed.

func (tracer) OnNewOutboundStream(peer.ID, protocol.ID)             {}
func (tracer) Join(string)                                          {}
func (tracer) Leave(string)                                         {}
func (tracer) ValidateMessage(*pubsub.Message)                      {}
func (tracer) DeliverMessage(*pubsub.Message)                       {}
func (tracer) ThrottlePeer(peer.ID)                                 {}
func (tracer) SendRPCCompleted(*pubsub.RPC, peer.ID, time.Duration) {}
func (tracer) UndeliverableMessage(*pubsub.Message)                 {}
