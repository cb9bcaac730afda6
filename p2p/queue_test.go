package p2p

import (
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/lp2pnode/lp2pnode/chain"
)

// stuck is a ledger that judges one topic's gossip only when the test ends.
type stuck struct {
	*memory
	blocks bool // or transactions
	judged *atomic.Int32
	end    chan struct{}
}

func (s stuck) wait(src chain.Source) {
	if src.Via == chain.ViaGossip {
		s.judged.Add(1)
		<-s.end
	}
}

func (s stuck) AddBlock(src chain.Source, b *chain.Block, pass func()) error {
	if s.blocks {
		s.wait(src)
	}
	return s.memory.AddBlock(src, b, pass)
}

func (s stuck) AddTransaction(src chain.Source, tx *chain.Transaction) error {
	if !s.blocks {
		s.wait(src)
	}
	return s.memory.AddTransaction(src, tx)
}

// TestFullValidationQueueHoldsUpNeitherOwnMessagesNorTheOtherTopic: of a topic
// whose validators are all busy more is dropped and counted; what the node
// itself has made goes out, and the other topic comes in.
func TestFullValidationQueueHoldsUpNeitherOwnMessagesNorTheOtherTopic(t *testing.T) {
	const over = 5
	rules := testRules(t, "one")
	for topic, validators := range map[string]int{topicBlocks: blockValidators(rules.Params), topicTransactions: transactionValidators} {
		t.Run(topic, func(t *testing.T) {
			s := stuck{newMemory(rules), topic == topicBlocks, &atomic.Int32{}, make(chan struct{})}
			a, b := start(t, newMemory(rules), nil, gossipOnly), start(t, s.memory, s, gossipOnly)
			t.Cleanup(sync.OnceFunc(func() { close(s.end) })) // runs first
			a.dial(t, b)
			awaitMesh(t, a, b)
			send := func(from *testNode, topic string, i int) (made chain.Hash) {
				t.Helper()
				block := child(from.memory.Tip(), strconv.Itoa(i))
				tx := rules.Sign(chain.Transaction{Data: strconv.Itoa(i)}, make([]byte, 32))
				var err error
				if made = tx.ID(); topic == topicBlocks {
					made, err = block.Hash, from.PublishBlock(t.Context(), block)
				} else {
					err = from.PublishTransaction(t.Context(), tx)
				}
				if err != nil {
					t.Fatal(err)
				}
				return made
			}
			for i := range validators + over {
				send(a, topic, i)
				if busy := i + 1; busy%64 == 0 { // no burst that the sender would lose
					await(t, "all of them to be judged", func() bool { return int(s.judged.Load()) == min(busy, validators) })
				}
			}
			await(t, "what is over to be counted as dropped", func() bool { return b.fate(topic, "dropped") == over })
			own := send(b, topicBlocks, -1)
			awaitTip(t, a, own)
			if src := a.sourceOf(own); src.Via != chain.ViaGossip {
				t.Errorf("its own block came by %+v, want gossip", src)
			}
			send(b, topicTransactions, -1)
			await(t, "its own transaction", func() bool { return len(a.Transactions(10)) == 1 })
			if topic == topicBlocks {
				send(a, topicTransactions, -2)
				await(t, "the other's transaction", func() bool { return len(b.Transactions(10)) == 1 })
				return
			}
			awaitTip(t, b, send(a, topicBlocks, -2))
		})
	}
}

// TestWhatFindsAPeersQueueFullIsCountedAsUnsent: that of a peer which reads no
// gossip, while another gets all.
func TestWhatFindsAPeersQueueFullIsCountedAsUnsent(t *testing.T) {
	const enough = 2 * outboundQueue // for the wire too, and the queue
	rules := testRules(t, "one")
	a, reads := start(t, newMemory(rules), nil, gossipOnly), start(t, newMemory(rules), nil, gossipOnly)
	deaf := start(t, newMemory(rules), nil, gossipOnly, func(n *Network) {
		for _, id := range []protocol.ID{pubsub.GossipSubID_v10, pubsub.GossipSubID_v11, pubsub.GossipSubID_v12, pubsub.GossipSubID_v13} {
			n.host.SetStreamHandler(id, func(network.Stream) {})
		}
	})
	a.dial(t, reads, deaf)
	awaitMesh(t, a, reads)
	await(t, "two that want transactions", func() bool { return a.about(deaf).Met && len(a.gossip.transactions.ListPeers()) == 2 })
	data := strings.Repeat("x", 9000)
	for i := range enough {
		tx := rules.Sign(chain.Transaction{Data: data, Nonce: uint64(i)}, make([]byte, 32))
		if err := a.PublishTransaction(t.Context(), tx); err != nil {
			t.Fatal(err)
		}
		await(t, "the transaction at the one that reads", func() bool { return len(reads.Transactions(enough)) == i+1 })
	}
	if a.fate(topicTransactions, "unsent") == 0 || a.RPCs()[RPCDropped] == 0 {
		t.Errorf("want some counted as unsent, got %+v of messages, %+v of pubsub's", a.Messages(), a.RPCs())
	}
}
