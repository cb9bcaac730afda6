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
// it), "unsent" (no room to send it to a peer).
type Count struct {
	Topic string
	Fate  string
	N     uint64
}

// counters count messages.
type counters struct {
	mu sync.Mutex
	n  map[Count]uint64 // guarded by mu; keys have N 0
}

func newCounters() *counters { return &counters{n: map[Count]uint64{}} }

func (c *counters) count(topic, fate string) {
	if topic != topicBlocks && topic != topicTransactions {
		return // strangers cannot make us remember names
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.n[Count{Topic: topic, Fate: fate}]++
}

// Messages returns the counts since the start, by topic and fate.
func (n *Network) Messages() []Count {
	c := n.counters
	c.mu.Lock()
	defer c.mu.Unlock()
	list := slices.Collect(maps.Keys(c.n))
	for i := range list {
		list[i].N = c.n[list[i]]
	}
	slices.SortFunc(list, func(a, b Count) int {
		return cmp.Or(cmp.Compare(a.Topic, b.Topic), cmp.Compare(a.Fate, b.Fate))
	})
	return list
}

// tracer counts what pubsub drops without asking a validator.
type tracer struct{ c *counters }

func (t tracer) RejectMessage(m *pubsub.Message, reason string) {
	switch reason {
	case pubsub.RejectValidationQueueFull, pubsub.RejectValidationThrottled:
		t.c.count(m.GetTopic(), "dropped")
	}
}

func (t tracer) DuplicateMessage(m *pubsub.Message) { t.c.count(m.GetTopic(), "duplicate") }

func (t tracer) DropRPC(rpc *pubsub.RPC, _ peer.ID) {
	for _, m := range rpc.GetPublish() {
		t.c.count(m.GetTopic(), "unsent")
	}
}

func (tracer) OnNewOutboundStream(peer.ID, protocol.ID)             {}
func (tracer) OnClosedOutboundStream(peer.ID)                       {}
func (tracer) Join(string)                                          {}
func (tracer) Leave(string)                                         {}
func (tracer) Graft(peer.ID, string)                                {}
func (tracer) Prune(peer.ID, string)                                {}
func (tracer) ValidateMessage(*pubsub.Message)                      {}
func (tracer) DeliverMessage(*pubsub.Message)                       {}
func (tracer) ThrottlePeer(peer.ID)                                 {}
func (tracer) RecvRPC(*pubsub.RPC)                                  {}
func (tracer) SendRPC(*pubsub.RPC, peer.ID)                         {}
func (tracer) SendRPCCompleted(*pubsub.RPC, peer.ID, time.Duration) {}
func (tracer) UndeliverableMessage(*pubsub.Message)                 {}
