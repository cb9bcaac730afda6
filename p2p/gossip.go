package p2p

import (
	"context"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/peer"
	"golang.org/x/time/rate"

	"github.com/lp2pnode/lp2pnode/chain"
)

// The topics of protocol §8.
const (
	topicBlocks       = "blocks"
	topicTransactions = "transactions"
)

const (
	// gossipOverhead is what a message may have beyond the largest block (protocol §8).
	gossipOverhead = 65536
	// A burst longer than a queue is lost for good; pubsub's default is 32.
	outboundQueue = 256
	validateQueue = 1024
	// Each topic has validators of its own, so that transactions cannot keep
	// blocks waiting. What exceeds them is lost until sync brings it. Those of
	// blocks may hold blockBytes, as far as a few can.
	mostBlockValidators   = 64
	leastBlockValidators  = 4
	blockBytes            = 64 << 20
	transactionValidators = 256
	// A message stays known for seenTTL, and is offered to latecomers for some
	// heartbeats of one second.
	seenTTL        = 5 * time.Minute
	heartbeatsKept = 12
	heartbeatsTold = 6
)

// A peer may send so many new transactions per second for long, and at once,
// and so many new blocks: many more than there can be, whatever their siblings.
// Sync brings the rest.
const (
	transactionRate   = 300
	transactionBurst  = 3000
	blocksPerInterval = 20
	blockRate         = 2
	blockBurst        = 256
)

// limits are of one peer, by topic.
type limits map[string]*rate.Limiter

func newLimits(interval time.Duration) limits {
	blocks := max(rate.Every(interval/blocksPerInterval), blockRate)
	return limits{
		topicBlocks:       rate.NewLimiter(blocks, blockBurst),
		topicTransactions: rate.NewLimiter(transactionRate, transactionBurst),
	}
}

// left returns how many new messages may come at once now, by topic.
func (l limits) left() map[string]int {
	left := map[string]int{}
	for topic, limiter := range l {
		left[topic] = int(limiter.Tokens())
	}
	return left
}

// blockValidators is how many blocks from gossip are judged at a time.
func blockValidators(p chain.Params) int {
	return int(min(max(blockBytes/max(p.MaxBlockBytes, 1), leastBlockValidators), mostBlockValidators))
}

// gossip is pubsub and what we hold of it.
type gossip struct {
	blocks       *pubsub.Topic
	transactions *pubsub.Topic
	relays       []pubsub.RelayCancelFunc
}

// messageID is SHA-256(topic ‖ data) (protocol §8).
func messageID(m *pb.Message) string {
	h := sha256.New()
	h.Write([]byte(m.GetTopic()))
	h.Write(m.GetData())
	return string(h.Sum(nil))
}

func (n *Network) newGossip(ctx context.Context) (*gossip, error) {
	params := pubsub.DefaultGossipSubParams()
	params.HistoryLength, params.HistoryGossip = heartbeatsKept, heartbeatsTold
	score, thresholds := scoring(n.lies)
	ps, err := pubsub.NewGossipSub(ctx, n.host,
		pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign),
		pubsub.WithNoAuthor(),
		pubsub.WithMessageIdFn(messageID),
		pubsub.WithMaxMessageSize(int(n.rules.Params.MaxBlockBytes)+gossipOverhead),
		pubsub.WithPeerOutboundQueueSize(outboundQueue),
		pubsub.WithValidateQueueSize(validateQueue),
		pubsub.WithSeenMessagesTTL(seenTTL),
		pubsub.WithGossipSubParams(params),
		pubsub.WithFloodPublish(true),
		pubsub.WithPeerScore(score, thresholds),
		pubsub.WithSubscriptionFilter(pubsub.NewAllowlistSubscriptionFilter(topicBlocks, topicTransactions)),
		pubsub.WithAppSpecificRpcInspector(func(from peer.ID, rpc *pubsub.RPC) error {
			return n.safely(func() error { return n.inspect(from, rpc) })
		}),
		pubsub.WithBlacklist(n.bans),
		pubsub.WithRawTracer(tracer{n}),
	)
	if err != nil {
		return nil, err
	}
	g := &gossip{}
	if g.blocks, err = g.join(ps, topicBlocks, n.validator(n.judgeBlock), blockValidators(n.rules.Params)); err != nil {
		return nil, err
	}
	g.transactions, err = g.join(ps, topicTransactions, n.validator(n.judgeTransaction), transactionValidators)
	return g, err
}

// join relays a topic rather than subscribing to it: the validator is the front
// door, and nobody need drain a subscription.
func (g *gossip) join(ps *pubsub.PubSub, name string, v pubsub.ValidatorEx, workers int) (*pubsub.Topic, error) {
	if err := ps.RegisterTopicValidator(name, v, pubsub.WithValidatorConcurrency(workers)); err != nil {
		return nil, err
	}
	topic, err := ps.Join(name)
	if err != nil {
		return nil, err
	}
	cancel, err := topic.Relay()
	if err != nil {
		return nil, err
	}
	g.relays = append(g.relays, cancel)
	return topic, nil
}

func (g *gossip) close() error {
	for _, cancel := range g.relays {
		cancel()
	}
	return errors.Join(g.blocks.Close(), g.transactions.Close())
}

// errUnmet and errOverRate are policy: the message is ignored.
var (
	errUnmet    = policy("its status has not shown our genesis yet")
	errOverRate = policy("more than a peer may send")
)

func policy(text string) error { return errors.Join(chain.ErrUnwanted, errors.New(text)) }

// inspect takes out of what a peer sends the messages that would be ignored
// whatever they say. Pubsub remembers all that it shows to a validator: that
// takes memory, and the same from somebody else would count as seen. Offers of
// a peer that was not met go as well, lest we ask for what we will not hear.
func (n *Network) inspect(from peer.ID, rpc *pubsub.RPC) error {
	n.mu.Lock()
	r := n.remotes[from]
	met := r != nil && r.Met
	n.mu.Unlock()
	if !met {
		if len(rpc.Publish) > 0 {
			n.kickOne(from) // its status will tell what is ignored here
		}
		n.leaveOut(rpc.Publish, ruleUnmet)
		rpc.Publish = nil
		if rpc.Control != nil {
			rpc.Control.Ihave = nil
		}
		return nil
	}
	left, over := r.limits.left(), ""
	rpc.Publish = slices.DeleteFunc(rpc.Publish, func(m *pb.Message) bool {
		topic := m.GetTopic()
		if left[topic]--; left[topic] >= 0 {
			return false
		}
		over = topic
		n.leaveOut([]*pb.Message{m}, ruleRate)
		if topic == topicBlocks {
			n.kickOne(from) // sync brings it, if it is of use
		}
		return true
	})
	if over != "" && r.limits[over] != nil {
		n.mu.Lock()
		n.note(n.standing(from), ActRefused, ReasonTooMany, over+" by gossip")
		n.mu.Unlock()
	}
	return nil
}

func (n *Network) leaveOut(messages []*pb.Message, rule string) {
	for _, m := range messages {
		n.counters.count(m.GetTopic(), verdictName(pubsub.ValidationIgnore), rule)
	}
}

// validator is the front door for the messages of one topic. Our own come in
// by no door: the ledger has accepted them.
func (n *Network) validator(judge func(peer.ID, []byte) error) pubsub.ValidatorEx {
	return func(_ context.Context, from peer.ID, m *pubsub.Message) pubsub.ValidationResult {
		if from == n.host.ID() {
			n.counters.count(m.GetTopic(), "own", "")
			return pubsub.ValidationAccept
		}
		err := n.admit(from, m.GetTopic())
		if err == nil {
			err = n.safely(func() error { return judge(from, m.GetData()) })
		}
		if ours(err) && !errors.Is(err, errPanic) { // which was told
			n.log.Error("cannot judge gossip", "topic", m.GetTopic(), "peer", from, "error", err)
		}
		v := verdict(err)
		if v == pubsub.ValidationReject {
			n.offend(from, offenceOf(m.GetTopic()), err)
		}
		n.counters.count(m.GetTopic(), verdictName(v), ruleOf(err))
		return v
	}
}

// offenceOf is the reason by which a rejected message of a topic counts.
func offenceOf(topic string) Reason {
	if topic == topicBlocks {
		return ReasonBadBlock
	}
	return ReasonBadTransaction
}

// admit says why a peer's message is not looked at.
func (n *Network) admit(from peer.ID, topic string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	r := n.remotes[from]
	switch {
	case r == nil || !r.Met:
		return errUnmet
	case !r.limits[topic].Allow():
		return errOverRate
	}
	return nil
}

func (n *Network) judgeBlock(from peer.ID, raw []byte) error {
	began := time.Now()
	b, err := n.ledger.DecodeBlock(raw)
	if err != nil {
		return undecoded(raw, err)
	}
	n.tellReceived(from, b, time.Since(began))
	err = n.addBlock(chain.Source{Via: chain.ViaGossip, Peer: from.String()}, b)
	if err == nil {
		n.tellAccepted(b)
	}
	if errors.Is(err, chain.ErrUnknownParent) {
		n.kickOne(from) // its status wakes sync if its chain has more work
	}
	return err
}

// addBlock returns when a block may be passed on, or why it may not: it is made
// durable while it is on its way. There is one such at a time, since the next
// waits for the ledger before it is judged.
func (n *Network) addBlock(src chain.Source, b *chain.Block) error {
	passed, done := make(chan struct{}), make(chan error, 1)
	go func() {
		err := n.safely(func() error { return n.ledger.AddBlock(src, b, func() { close(passed) }) })
		select {
		case <-passed:
			if ours(err) && !errors.Is(err, errPanic) {
				n.log.Error("cannot keep a block that was passed on", "height", b.Height, "hash", b.Hash, "error", err)
			}
		default:
		}
		done <- err
	}()
	select {
	case <-passed:
		return nil
	case err := <-done:
		return err
	}
}

func (n *Network) judgeTransaction(from peer.ID, raw []byte) error {
	tx, err := n.rules.DecodeTransaction(raw)
	if err != nil {
		return err
	}
	return n.ledger.AddTransaction(chain.Source{Via: chain.ViaGossip, Peer: from.String()}, tx)
}

// roomLoop tries what waits in the ledger's room when its parent or its time
// has come, and passes on what is accepted, and so for transactions: pubsub
// marked them seen when they came, so nobody else would send them on for us.
func (n *Network) roomLoop(ctx context.Context) {
	const shortest = 10 * time.Millisecond
	for ctx.Err() == nil {
		changed := n.ledger.Changed()
		blocks, sources, next := n.ledger.Ready()
		for i, b := range blocks {
			n.retry(ctx, sources[i], b)
		}
		for _, tx := range n.ledger.FreedTransactions() {
			if err := n.PublishTransaction(ctx, tx); err != nil && ctx.Err() == nil {
				n.log.Error("cannot pass on a transaction that waited", "id", tx.ID(), "error", err)
			}
		}
		var due <-chan time.Time
		if !next.IsZero() {
			due = time.After(max(next.Sub(n.now()), shortest))
		}
		select {
		case <-changed:
		case <-due:
		case <-ctx.Done():
		}
	}
}

func (n *Network) retry(ctx context.Context, src chain.Source, b *chain.Block) {
	_, err := n.ledger.AddBlocks(src, b)
	if err == nil {
		err = n.PublishBlock(ctx, b)
	}
	if verdict(err) == pubsub.ValidationReject {
		if from, decodeErr := peer.Decode(src.Peer); decodeErr == nil {
			n.offend(from, ReasonBadBlock, err)
		}
	}
	if ours(err) && ctx.Err() == nil {
		n.log.Error("cannot pass on a block that waited", "height", b.Height, "hash", b.Hash, "error", err)
	}
}
