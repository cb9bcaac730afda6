package p2p

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	pubsub "github.com/libp2p/go-libp2p-pubsub"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/pow"
)

func TestNodesOfAnotherGenesisAreRefused(t *testing.T) {
	a := start(t, newMemory(testRules(t, "one")), nil)
	b := start(t, newMemory(testRules(t, "two")), nil)
	a.dial(t, b)
	for _, pair := range [][2]*testNode{{a, b}, {b, a}} {
		x, y := pair[0], pair[1]
		await(t, "the end of the connection", func() bool { return x.about(y).Reason == ReasonOtherGenesis && !x.about(y).Left.IsZero() })
		if !x.Refused(y.host.ID()) {
			t.Error("the peer may be dialled again at once")
		}
		if len(x.Met()) != 0 {
			t.Error("a peer of another chain counts as met")
		}
		if got := x.log.count(`level=INFO msg="peer refused"`); got != 1 {
			t.Errorf("the refusal was logged %d times at info, want 1", got)
		}
		for _, hash := range []chain.Hash{a.rules().Genesis().Hash, b.rules().Genesis().Hash} {
			if x.log.count(hash.String()) == 0 {
				t.Errorf("the log does not name genesis %s", hash)
			}
		}
	}
	// It may come back, and learns why again, but nobody logs it twice.
	a.dial(t, b)
	await(t, "the end of the second connection", func() bool { return len(a.host.Network().Peers()) == 0 })
	if got := a.log.count(`level=INFO msg="peer refused"`); got != 1 {
		t.Errorf("after a second visit the refusal stands %d times in the log", got)
	}
}

func (a *testNode) rules() *chain.Rules { return a.memory.rules }

// gossipOnly leaves no status round but the first.
func gossipOnly(n *Network) { n.timing.status = time.Hour }

func TestBlocksAreGossiped(t *testing.T) {
	rules := testRules(t, "one")
	a, b, c := start(t, newMemory(rules), nil, gossipOnly), start(t, newMemory(rules), nil, gossipOnly), start(t, newMemory(rules), nil, gossipOnly)
	a.dial(t, b)
	b.dial(t, c)
	awaitMesh(t, a, b)
	awaitMesh(t, b, c)
	block := a.mine(t, 1, "a")
	if err := a.PublishBlock(t.Context(), block); err != nil {
		t.Fatal(err)
	}
	awaitTip(t, c, block.Hash)
	if src := c.sourceOf(block.Hash); src.Via != chain.ViaGossip || src.Peer != b.host.ID().String() {
		t.Errorf("the block came by %+v, want gossip from b", src)
	}
	// It is counted after the ledger has it.
	await(t, "one block accepted of c", func() bool { return slices.Contains(c.Messages(), Count{"blocks", "accept", "", 1}) })
}

func TestTransactionsAreGossipedAndPoolsExchanged(t *testing.T) {
	rules := testRules(t, "one")
	a, b, late := start(t, newMemory(rules), nil), start(t, newMemory(rules), nil), start(t, newMemory(rules), nil)
	a.dial(t, b)
	awaitMesh(t, a, b)
	tx := rules.Sign(chain.Transaction{Data: "hello"}, make([]byte, 32))
	if err := a.AddTransaction(chain.Source{Via: chain.ViaAPI}, tx); err != nil {
		t.Fatal(err)
	}
	if err := a.PublishTransaction(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	await(t, "the transaction at b", func() bool { return len(b.Transactions(10)) == 1 })
	late.dial(t, b)
	await(t, "the transaction at the late one", func() bool { return len(late.Transactions(10)) == 1 })
}

// hoarder gives its pool only when the test ends.
type hoarder struct {
	*memory
	asked *atomic.Int32
	end   chan struct{}
}

func (h hoarder) Transactions(limit int) [][]byte {
	h.asked.Add(1)
	<-h.end
	return h.memory.Transactions(limit)
}

func TestPoolsAreAskedForTwoAtATime(t *testing.T) {
	rules := testRules(t, "one")
	asked, end := &atomic.Int32{}, make(chan struct{})
	c := start(t, newMemory(rules), nil)
	var others []*testNode
	for i := range maxPools + 3 {
		m := newMemory(rules)
		tx := rules.Sign(chain.Transaction{Nonce: uint64(i)}, make([]byte, 32))
		if err := m.AddTransaction(chain.Source{Via: chain.ViaAPI}, tx); err != nil {
			t.Fatal(err)
		}
		others = append(others, start(t, m, hoarder{m, asked, end}, gossipOnly))
	}
	open := sync.OnceFunc(func() { close(end) })
	t.Cleanup(open) // runs first
	c.dial(t, others...)
	for _, o := range others {
		await(t, "the peers are met", func() bool { return c.about(o).Met })
	}
	await(t, "each is to be asked", func() bool {
		c.Network.mu.Lock()
		defer c.Network.mu.Unlock()
		for _, r := range c.remotes {
			if !r.askedPool {
				return false
			}
		}
		return len(c.pools) == maxPools && asked.Load() >= maxPools
	})
	if got := asked.Load(); got != maxPools {
		t.Errorf("%d were asked at a time, want %d", got, maxPools)
	}
	open()
	await(t, "all their transactions", func() bool { return len(c.Transactions(10)) == len(others) })
}

// stranger is a host that speaks gossip and nothing else.
func stranger(t testing.TB, to *testNode, topic string) *pubsub.Topic {
	t.Helper()
	h := newTestHost(t)
	ps, err := pubsub.NewGossipSub(t.Context(), h, pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign),
		pubsub.WithNoAuthor(), pubsub.WithMessageIdFn(messageID))
	if err != nil {
		t.Fatal(err)
	}
	joined, err := ps.Join(topic)
	if err != nil {
		t.Fatal(err)
	}
	if err := h.Connect(t.Context(), to.info()); err != nil {
		t.Fatal(err)
	}
	await(t, "gossip with a stranger", func() bool { return len(joined.ListPeers()) == 1 })
	return joined
}

func TestWhatAStrangerSentFirstIsHeardFromAPeer(t *testing.T) {
	rules := testRules(t, "one")
	a := start(t, newMemory(rules), nil, gossipOnly)
	b := start(t, newMemory(rules), nil, gossipOnly, func(n *Network) { n.timing.retry = time.Hour })
	a.dial(t, b)
	awaitMesh(t, a, b)
	block := child(a.memory.Tip(), "only gossiped")
	if err := stranger(t, b, topicBlocks).Publish(t.Context(), block.Raw()); err != nil {
		t.Fatal(err)
	}
	await(t, "the stranger is ignored", func() bool { return b.fate(topicBlocks, "ignore") == 1 })
	if err := a.PublishBlock(t.Context(), block); err != nil {
		t.Fatal(err)
	}
	awaitTip(t, b, block.Hash)
	if src := b.sourceOf(block.Hash); src.Via != chain.ViaGossip || src.Peer != a.host.ID().String() {
		t.Errorf("the block came by %+v, want gossip from a", src)
	}
}

func TestWhatIsOverOnePeersRateIsHeardFromAnother(t *testing.T) {
	rules := testRules(t, "one")
	a, b := start(t, newMemory(rules), nil, gossipOnly), start(t, newMemory(rules), nil, gossipOnly)
	c := start(t, newMemory(rules), nil, gossipOnly)
	c.dial(t, a, b)
	awaitMesh(t, a, c)
	awaitMesh(t, b, c)
	c.Network.mu.Lock()
	from := c.remotes[a.host.ID()]
	c.Network.mu.Unlock()
	for _, limiter := range from.limits {
		limiter.SetBurst(0)
	}
	tx := rules.Sign(chain.Transaction{Data: "hello"}, make([]byte, 32))
	block := child(a.memory.Tip(), "only gossiped")
	for _, n := range []*testNode{a, b} {
		if err := errors.Join(n.PublishTransaction(t.Context(), tx), n.PublishBlock(t.Context(), block)); err != nil {
			t.Fatal(err)
		}
		if n == a {
			await(t, "both are ignored", func() bool {
				return c.fate(topicTransactions, "ignore") == 1 && c.fate(topicBlocks, "ignore") == 1
			})
		}
	}
	await(t, "the transaction", func() bool { return len(c.Transactions(10)) == 1 })
	awaitTip(t, c, block.Hash)
	if d := c.did(a, ActRefused); d.Reason != ReasonTooMany || c.did(a, ActOffended).Times != 0 {
		t.Errorf("of who was over its rate it tells %+v", c.about(a).Deeds)
	}
}

func TestPublishingTooLargeABlockFails(t *testing.T) {
	rules := testRules(t, "one")
	a := start(t, newMemory(rules), nil)
	var txs []*chain.Transaction
	for nonce := range uint64(3) {
		txs = append(txs, rules.Sign(chain.Transaction{Data: strings.Repeat("x", 9000), Nonce: nonce}, make([]byte, 32)))
	}
	block := child(a.memory.Tip(), "large", txs...)
	if err := a.PublishBlock(t.Context(), block); !errors.Is(err, ErrTooLarge) {
		t.Errorf("got %v, want ErrTooLarge", err)
	}
}

// TestLargestBlockOfTheLargestChainIsGossipedAndFetched: no block that a genesis
// can allow is too large for a message or a line.
func TestLargestBlockOfTheLargestChainIsGossipedAndFetched(t *testing.T) {
	params := testRules(t, "one").Params
	params.MaxBlockBytes = 8 << 20
	params.MaxDataBytes = params.MaxBlockBytes
	rules, err := chain.NewRules(params, pow.Engine{})
	if err != nil {
		t.Fatal(err)
	}
	larger := params
	larger.MaxBlockBytes++
	if larger.Check() == nil {
		t.Errorf("a genesis may allow more than %d bytes", params.MaxBlockBytes)
	}
	a, b, late := start(t, newMemory(rules), nil, gossipOnly), start(t, newMemory(rules), nil, gossipOnly), start(t, newMemory(rules), nil)
	a.dial(t, b)
	awaitMesh(t, a, b)
	sign := func(nonce uint64, data int) *chain.Transaction {
		return rules.Sign(chain.Transaction{Nonce: nonce, Data: strings.Repeat("x", data)}, make([]byte, 32))
	}
	half := int(params.MaxBlockBytes / 2)
	filled := func(data int) *chain.Block { return child(a.memory.Tip(), "large", sign(0, half), sign(1, data)) }
	block := filled(int(params.MaxBlockBytes) - len(filled(0).Raw()))
	if got := uint64(len(block.Raw())); got != params.MaxBlockBytes {
		t.Fatalf("the block has %d bytes", got)
	}
	if err := a.PublishBlock(t.Context(), block); err != nil {
		t.Fatal(err)
	}
	awaitTip(t, b, block.Hash)
	if src := b.sourceOf(block.Hash); src.Via != chain.ViaGossip {
		t.Errorf("the block came by %+v, want gossip", src)
	}
	late.dial(t, b)
	awaitTip(t, late, block.Hash)
}

func TestWrongBytesAreRejectedAndNotPassedOn(t *testing.T) {
	rules := testRules(t, "one")
	a, b, c := start(t, newMemory(rules), nil), start(t, newMemory(rules), nil), start(t, newMemory(rules), nil)
	a.dial(t, b)
	b.dial(t, c)
	awaitMesh(t, a, b)
	awaitMesh(t, b, c)
	good := child(a.memory.Tip(), "good")
	for name, raw := range map[string][]byte{
		"white space": append([]byte(" "), good.Raw()...),
		"other hash":  []byte(strings.Replace(string(good.Raw()), `"hash":"`+good.Hash.String()[:4], `"hash":"ffff`, 1)),
	} {
		if err := a.gossip.blocks.Publish(t.Context(), raw); err != nil {
			t.Fatal(name, err)
		}
	}
	await(t, "two rejections", func() bool { return b.fate("blocks", "reject") == 2 })
	if _, err := a.AddBlocks(chain.Source{}, good); err != nil {
		t.Fatal(err)
	}
	if err := b.gossip.blocks.Publish(t.Context(), good.Raw()); err != nil {
		t.Fatal(err)
	}
	awaitTip(t, c, good.Hash)
	if got := c.fate("blocks", "reject"); got != 0 {
		t.Errorf("%d wrong messages were passed on", got)
	}
}

func (a *testNode) fate(topic, fate string) uint64 {
	var sum uint64
	for _, c := range a.Messages() {
		if c.Topic == topic && c.Fate == fate {
			sum += c.N
		}
	}
	return sum
}

func TestUnknownParentWakesSync(t *testing.T) {
	rules := testRules(t, "one")
	// Only the orphan can tell.
	a, b := start(t, newMemory(rules), nil, gossipOnly), start(t, newMemory(rules), nil, gossipOnly)
	a.dial(t, b)
	awaitMesh(t, a, b)
	tip := a.mine(t, 5, "a")
	if err := a.PublishBlock(t.Context(), tip); err != nil {
		t.Fatal(err)
	}
	awaitTip(t, b, tip.Hash)
	// What had to wait is passed on by its new owner, since nobody else will.
	c := start(t, newMemory(rules), nil, gossipOnly)
	c.dial(t, b)
	awaitTip(t, c, tip.Hash)
}

func TestDeadPeersAreLeft(t *testing.T) {
	rules := testRules(t, "one")
	a := start(t, newMemory(rules), nil)
	b := start(t, newMemory(rules), nil, func(n *Network) { n.timing.status = time.Hour })
	a.dial(t, b)
	await(t, "the two meet", func() bool { return a.about(b).Met })
	b.host.RemoveStreamHandler(statusProtocol)
	await(t, "the end of the connection", func() bool { return !a.about(b).Left.IsZero() })
	if got := a.about(b).Reason; got != ReasonNoAnswer {
		t.Errorf("it left because of %q", got)
	}
	if a.log.count(`level=INFO msg="peer left"`) != 1 {
		t.Error("want one line on why the peer left")
	}
}

func TestClockOffsetIsTheMedianOfThePeers(t *testing.T) {
	rules := testRules(t, "one")
	a := start(t, newMemory(rules), nil)
	var others []*testNode
	for _, ahead := range []time.Duration{-time.Hour, 5 * time.Second, time.Hour} {
		others = append(others, start(t, newMemory(rules), nil, func(n *Network) {
			n.now = func() time.Time { return time.Now().Add(ahead) }
		}))
	}
	a.dial(t, others...)
	await(t, "three samples", func() bool { _, peers := a.ClockOffset(); return peers == 3 })
	if offset, _ := a.ClockOffset(); (offset - 5*time.Second).Abs() > time.Second {
		t.Errorf("the offset is %s, want about 5 s", offset)
	}
}

func TestHalfOfThePeersCannotMoveTheClock(t *testing.T) {
	rules := testRules(t, "one")
	a := start(t, newMemory(rules), nil)
	for peers, wrong := range []time.Duration{0, 300 * 24 * time.Hour, -time.Hour, 0} {
		b := start(t, newMemory(rules), nil, func(n *Network) {
			n.now = func() time.Time { return time.Now().Add(wrong) }
		})
		a.dial(t, b)
		await(t, "a sample", func() bool { _, samples := a.ClockOffset(); return samples == peers+1 })
		if offset, _ := a.ClockOffset(); offset.Abs() > time.Second {
			t.Errorf("of %d peers: the offset is %s", peers+1, offset)
		}
	}
}

func TestAgentOfAPeerIsPlainText(t *testing.T) {
	rules := testRules(t, "one")
	a := start(t, newMemory(rules), nil)
	b := start(t, newMemory(rules), nil, func(n *Network) { n.agent = "\x1b[2Jnode/1 \u202e\r\nü\u0085" })
	a.dial(t, b)
	await(t, "the two meet", func() bool { return a.about(b).Met })
	if got := a.about(b).Agent; got != "[2Jnode/1 ü" {
		t.Errorf("its agent is %q", got)
	}
}

func TestLargerBlocksAreJudgedFewerAtATime(t *testing.T) {
	for size, want := range map[uint64]int{20_000: 64, 1 << 20: 64, 2 << 20: 32, 8 << 20: 8, 64 << 20: 4} {
		if got := blockValidators(chain.Params{MaxBlockBytes: size}); got != want {
			t.Errorf("of %d bytes: %d at a time, want %d", size, got, want)
		}
	}
}

// slowDisk keeps a block that it has judged only once it is let.
type slowDisk struct {
	*memory
	let chan struct{}
}

func (s slowDisk) AddBlock(src chain.Source, b *chain.Block, pass func()) error {
	pass()
	<-s.let
	return s.memory.AddBlock(src, b, func() {})
}

// TestBlockGoesOnBeforeItIsOnDisk: a slow disk in the middle of a line delays
// nobody behind it.
func TestBlockGoesOnBeforeItIsOnDisk(t *testing.T) {
	rules := testRules(t, "one")
	middle := newMemory(rules)
	disk := slowDisk{middle, make(chan struct{})}
	a, b, c := start(t, newMemory(rules), nil, gossipOnly), start(t, middle, disk, gossipOnly), start(t, newMemory(rules), nil, gossipOnly)
	a.dial(t, b)
	b.dial(t, c)
	awaitMesh(t, a, b)
	awaitMesh(t, b, c)
	block := child(a.memory.Tip(), "on its way")
	if err := a.PublishBlock(t.Context(), block); err != nil {
		t.Fatal(err)
	}
	awaitTip(t, c, block.Hash)
	if has, err := middle.Has(block.Hash); has || err != nil {
		t.Fatalf("want a block that is not kept yet, got %t, %v", has, err)
	}
	close(disk.let)
	awaitTip(t, b, block.Hash)
}
