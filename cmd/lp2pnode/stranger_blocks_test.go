package main_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/protocol"
)

func protocolID(s string) protocol.ID { return protocol.ID(s) }

// badBlock makes one kind of bad block from what a valid one would be.
type badBlock struct {
	what string
	make func(w *wrongdoer) []byte
}

// wrongdoer has a funded key and a replica of the chain.
type wrongdoer struct {
	r    *replica
	key  ed25519.PrivateKey
	self string
}

// good is a valid block, mined.
func (w *wrongdoer) good(txs ...any) object { return mine(w.r.child(w.self, txs...)) }

// with changes a field before mining: the proof of work holds for the wrong value.
func (w *wrongdoer) with(field string, value any) []byte {
	b := w.r.child(w.self)
	b[field] = value
	return canon(mine(b))
}

// edit changes the text of a valid block after mining.
func (w *wrongdoer) edit(from, to string) []byte {
	raw := string(canon(w.good()))
	if !strings.Contains(raw, from) {
		panic("nothing to edit: " + from)
	}
	return []byte(strings.Replace(raw, from, to, 1))
}

// holding is a mined block with these transactions.
func (w *wrongdoer) holding(txs ...any) []byte { return canon(w.good(txs...)) }

func (w *wrongdoer) tx(fields object) object { return transfer(w.key, w.r.genesis, fields) }

// spoil changes a field after signing.
func spoil(tx object, field string, value any) object {
	tx = without(tx)
	tx[field] = value
	return tx
}

// zeros is a hash of nothing.
const zeros = "0000000000000000000000000000000000000000000000000000000000000000"

// misshapenBlocks are not in the form of a block.
func misshapenBlocks() []badBlock {
	return []badBlock{
		{"not JSON", func(w *wrongdoer) []byte { return []byte("blocks, please") }},
		{"white space", func(w *wrongdoer) []byte { return w.edit(`,"miner"`, `, "miner"`) }},
		{"trailing newline", func(w *wrongdoer) []byte { return append(canon(w.good()), '\n') }},
		{"byte order mark", func(w *wrongdoer) []byte { return append([]byte("\xef\xbb\xbf"), canon(w.good())...) }},
		{"fields out of order", func(w *wrongdoer) []byte {
			raw := w.edit(`,"version":1`, ``)
			return append([]byte(`{"version":1,`), raw[1:]...)
		}},
		{"duplicate field", func(w *wrongdoer) []byte { return w.edit(`,"version":1`, `,"version":1,"version":1`) }},
		{"unknown field", func(w *wrongdoer) []byte { return w.edit(`,"version":1`, `,"version":1,"zeal":1`) }},
		{"missing field", func(w *wrongdoer) []byte { return w.edit(`,"version":1`, ``) }},
		{"null for transactions", func(w *wrongdoer) []byte { return w.edit(`"transactions":[]`, `"transactions":null`) }},
		{"integer as string", func(w *wrongdoer) []byte { return w.edit(`"version":1`, `"version":"1"`) }},
		{"fraction", func(w *wrongdoer) []byte { return w.edit(`"version":1`, `"version":1.0`) }},
		{"exponent", func(w *wrongdoer) []byte { return w.edit(`"version":1`, `"version":1e0`) }},
		{"negative", func(w *wrongdoer) []byte { return w.edit(`"tx_count":0`, `"tx_count":-0`) }},
		{"leading zero", func(w *wrongdoer) []byte { return w.edit(`"version":1`, `"version":01`) }},
		{"integer above 2^53-1", func(w *wrongdoer) []byte { return canon(mineFrom(w.r.child(w.self), 1<<53)) }},
		{"needless escape", func(w *wrongdoer) []byte { return w.edit(`from a`, `\u0066rom a`) }},
		{"lone surrogate", func(w *wrongdoer) []byte { return w.edit(`from a`, `\ud800`) }},
		{"bytes that are not UTF-8", func(w *wrongdoer) []byte { return w.edit(`from a`, "\xff") }},
		{"upper-case hex", func(w *wrongdoer) []byte {
			b := w.good()
			b["history_root"] = strings.ToUpper(b["history_root"].(string))
			return canon(b)
		}},
	}
}

// blocksAgainstHeaderRules break a rule that their header shows.
func blocksAgainstHeaderRules() []badBlock {
	return []badBlock{
		{"another version", func(w *wrongdoer) []byte { return w.with("version", 2) }},
		{"note too long", func(w *wrongdoer) []byte { return w.with("data", strings.Repeat("x", 257)) }},
		{"wrong hash", func(w *wrongdoer) []byte {
			b := w.good()
			b["hash"] = zeros
			return canon(b)
		}},
		{"no work", func(w *wrongdoer) []byte {
			b := w.r.child(w.self)
			seal := sealOf(b)
			for nonce := uint64(0); ; nonce++ {
				if hash := hashOf(seal, nonce); !meets(hash, number(b, "difficulty")) {
					b["nonce"], b["hash"] = nonce, hex.EncodeToString(hash)
					return canon(b)
				}
			}
		}},
		{"difficulty below the rule", func(w *wrongdoer) []byte { return w.with("difficulty", 1) }},
		{"difficulty 0", func(w *wrongdoer) []byte { return w.with("difficulty", 0) }},
		{"height skipped", func(w *wrongdoer) []byte { return w.with("height", number(w.r.tip(), "height")+2) }},
		{"height 0", func(w *wrongdoer) []byte { return w.with("height", 0) }},
		{"unknown parent", func(w *wrongdoer) []byte { return w.with("prev_hash", zeros) }},
		{"timestamp of the parent", func(w *wrongdoer) []byte {
			b := w.r.child(w.self)
			b["timestamp"] = w.r.tip()["timestamp"]
			b["difficulty"] = w.r.difficulty(number(b, "timestamp"))
			return canon(mine(b))
		}},
		{"an hour ahead", func(w *wrongdoer) []byte {
			b := w.r.child(w.self)
			b["timestamp"] = uint64(time.Now().Add(time.Hour).UnixMilli())
			b["difficulty"] = w.r.difficulty(number(b, "timestamp"))
			return canon(mine(b))
		}},
		{"wrong history_root", func(w *wrongdoer) []byte { return w.with("history_root", zeros) }},
		{"wrong tx_root", func(w *wrongdoer) []byte { return w.with("tx_root", zeros) }},
		{"wrong tx_count", func(w *wrongdoer) []byte { return w.with("tx_count", 1) }},
		{"no miner", func(w *wrongdoer) []byte { return w.with("miner", "") }},
		{"miner is no address", func(w *wrongdoer) []byte { return w.with("miner", "Qm"+w.self[2:]) }},
	}
}

// blocksAgainstBodyRules hold transactions that they must not, or something else.
func blocksAgainstBodyRules() []badBlock {
	return []badBlock{
		{"changed after signing", func(w *wrongdoer) []byte { return w.holding(spoil(w.tx(object{"data": "a"}), "data", "b")) }},
		{"signed for another chain", func(w *wrongdoer) []byte { return w.holding(transfer(w.key, zeros, object{"data": "a"})) }},
		{"signed by another key", func(w *wrongdoer) []byte {
			_, other, _ := ed25519.GenerateKey(nil)
			tx := transfer(other, w.r.genesis, object{"from": w.self})
			return w.holding(tx)
		}},
		{"nonce skipped", func(w *wrongdoer) []byte { return w.holding(w.tx(object{"nonce": 1})) }},
		{"the same transaction twice", func(w *wrongdoer) []byte { return w.holding(w.tx(nil), w.tx(nil)) }},
		{"overdraft", func(w *wrongdoer) []byte { return w.holding(w.tx(object{"amount": 1 << 40, "to": w.self})) }},
		{"overdraft by the fee", func(w *wrongdoer) []byte { return w.holding(w.tx(object{"fee": 1 << 40})) }},
		{"amount and fee overflow", func(w *wrongdoer) []byte {
			return w.holding(w.tx(object{"amount": uint64(1)<<53 - 1, "fee": uint64(1)<<53 - 1, "to": w.self}))
		}},
		{"amount to nobody", func(w *wrongdoer) []byte { return w.holding(w.tx(object{"amount": 1})) }},
		{"data too long", func(w *wrongdoer) []byte { return w.holding(w.tx(object{"data": strings.Repeat("x", 4097)})) }},
		{"junk for transactions", func(w *wrongdoer) []byte {
			junk := json.RawMessage("[" + strings.Repeat("{},", 60000) + "{}]")
			b := w.r.child(w.self)
			b["transactions"], b["tx_count"] = junk, 60001
			return canon(mine(b))
		}},
		{"deep nesting", func(w *wrongdoer) []byte {
			b := w.r.child(w.self)
			b["transactions"] = json.RawMessage(strings.Repeat("[", 50000) + strings.Repeat("]", 50000))
			return canon(mine(b))
		}},
		{"larger than a block may be", func(w *wrongdoer) []byte {
			var txs []any
			for i := 0; i < 60; i++ {
				txs = append(txs, w.tx(object{"nonce": i, "data": strings.Repeat("x", 4000)}))
			}
			return w.holding(txs...)
		}},
		{"an empty object", func(w *wrongdoer) []byte { return []byte("{}") }},
		{"a list", func(w *wrongdoer) []byte { return append(append([]byte{'['}, canon(w.good())...), ']') }},
	}
}

// listener is a stranger who notes every block that the node passes on.
type listener struct {
	mu    sync.Mutex
	heard [][]byte // guarded by mu
	news  chan struct{}
}

func listen(ctx context.Context, s *stranger) *listener {
	l := &listener{news: make(chan struct{}, 1)}
	go func() {
		for {
			raw, err := s.hear(ctx)
			if err != nil {
				return
			}
			l.mu.Lock()
			l.heard = append(l.heard, raw)
			l.mu.Unlock()
			select {
			case l.news <- struct{}{}:
			default:
			}
		}
	}()
	return l
}

func (l *listener) has(raw []byte) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, h := range l.heard {
		if bytes.Equal(h, raw) {
			return true
		}
	}
	return false
}

func (l *listener) await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	limit := time.NewTimer(30 * time.Second)
	defer limit.Stop()
	for !ok() {
		select {
		case <-l.news:
		case <-limit.C:
			t.Fatalf("%s was never heard on the topic", what)
		}
	}
}

// TestStrangerProvesTheChainAndCannotSpoilIt fetches a live node's chain with a
// second implementation of the protocol, re-proves every rule, hears new
// blocks, and publishes every kind of bad block: none is accepted or passed on,
// while the stranger's good block is.
func TestStrangerProvesTheChainAndCannotSpoilIt(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a process; not with -short")
	}
	seed := bytes.Repeat([]byte{7}, ed25519.SeedSize)
	key := ed25519.NewKeyFromSeed(seed)
	self := address(key.Public().(ed25519.PublicKey))
	genesis := fastGenesis(t, map[string]any{"initial_difficulty": 3000, "allocations": map[string]any{self: 1000}})
	node := start(t, "node", "--genesis", genesis, "--max-hashrate", "3000")
	params := paramsOf(t, genesis)

	watcher := newStranger(t, newReplica(t, params), node.addr())
	heard := listen(t.Context(), watcher)
	node.await("three blocks", time.Minute, func() bool { return node.status().Height >= 3 })
	watcher.follow()
	if got, want := watcher.r.genesis, node.status().Genesis; got != want {
		t.Fatalf("genesis: computed %s, the node says %s", got, want)
	}
	heard.await(t, "a block of the node's", func() bool {
		heard.mu.Lock()
		defer heard.mu.Unlock()
		return len(heard.heard) > 0
	})

	var bad []sent
	for _, kind := range slices.Concat(misshapenBlocks(), blocksAgainstHeaderRules(), blocksAgainstBodyRules()) {
		s := newStranger(t, newReplica(t, params), node.addr())
		s.follow()
		raw := kind.make(&wrongdoer{r: s.r, key: key, self: self})
		s.publish(raw)
		bad = append(bad, sent{kind.what, raw})
	}
	if len(bad) < 30 {
		t.Fatalf("only %d kinds of bad block", len(bad))
	}

	good := newStranger(t, newReplica(t, params), node.addr())
	good.follow()
	w := &wrongdoer{r: good.r, key: key, self: self}
	block := canon(w.good(w.tx(object{"amount": 10, "fee": 1, "to": self, "data": "good"})))
	good.publish(block)
	hash := parse(t, block)["hash"].(string)
	node.await("the stranger's good block", 20*time.Second, func() bool { return node.get("/v1/blocks/"+hash, nil) == nil })
	heard.await(t, "the stranger's good block", func() bool { return heard.has(block) })

	for _, b := range bad {
		b.refused(t, node, heard)
	}
	last := newStranger(t, newReplica(t, params), node.addr())
	before := node.status().Height
	node.await("the node to go on", 30*time.Second, func() bool { return node.status().Height > before })
	last.follow()
	t.Logf("%d kinds of bad block refused; chain of %d blocks re-proved", len(bad), len(last.r.blocks))
}

// sent is a bad block that was published.
type sent struct {
	what string
	raw  []byte
}

// refused checks that the node has not taken the block and nobody heard of it.
func (b sent) refused(t *testing.T, node *process, heard *listener) {
	t.Helper()
	if heard.has(b.raw) {
		t.Errorf("%s: passed on", b.what)
	}
	var o object
	if json.Unmarshal(b.raw, &o) != nil || o["hash"] == nil {
		return
	}
	if err := node.get(fmt.Sprintf("/v1/blocks/%v", o["hash"]), nil); err == nil && b.what != "wrong hash" {
		if accepted(t, node, fmt.Sprint(o["hash"]), b.raw) {
			t.Errorf("%s: accepted", b.what)
		}
	}
}

// accepted tells whether the node has these very bytes under a hash: an edited
// copy may carry the hash of a good block that somebody else could bring.
func accepted(t *testing.T, node *process, hash string, raw []byte) bool {
	t.Helper()
	var kept json.RawMessage
	if err := node.get("/v1/blocks/"+hash, &kept); err != nil {
		return false
	}
	return bytes.Equal(kept, raw)
}
