package main_test

// A second implementation of the protocol, from docs/protocol.md alone: it
// imports none of the project's packages, so that a mistake made twice would
// have to be made by two different programs.

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"sort"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pubsubpb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
)

// object is any JSON object; numbers are json.Number or uint64.
type object = map[string]any

// canon writes the canonical form (§1).
func canon(v any) []byte {
	switch v := v.(type) {
	case object:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		sort.Strings(names)
		parts := make([][]byte, len(names))
		for i, name := range names {
			parts[i] = append(append(quote(name), ':'), canon(v[name])...)
		}
		return append(append([]byte{'{'}, bytes.Join(parts, []byte{','})...), '}')
	case []any:
		parts := make([][]byte, len(v))
		for i := range v {
			parts[i] = canon(v[i])
		}
		return append(append([]byte{'['}, bytes.Join(parts, []byte{','})...), ']')
	case string:
		return quote(v)
	case json.RawMessage:
		return v
	default:
		return []byte(fmt.Sprint(v))
	}
}

func quote(s string) []byte {
	short := map[byte]string{'"': `\"`, '\\': `\\`, '\b': `\b`, '\f': `\f`, '\n': `\n`, '\r': `\r`, '\t': `\t`}
	out := []byte{'"'}
	for i := 0; i < len(s); i++ {
		if e, ok := short[s[i]]; ok {
			out = append(out, e...)
		} else if s[i] < 0x20 {
			out = fmt.Appendf(out, `\u%04x`, s[i])
		} else {
			out = append(out, s[i])
		}
	}
	return append(out, '"')
}

func parse(t *testing.T, raw []byte) object {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var o object
	if err := dec.Decode(&o); err != nil {
		t.Fatalf("parse %.200s: %v", raw, err)
	}
	if again := canon(o); !bytes.Equal(again, raw) {
		t.Fatalf("not canonical: %.300s\nwant          %.300s", raw, again)
	}
	return o
}

// number reads an integer field as json.Number or uint64.
func number(o object, name string) uint64 {
	n, err := strconv.ParseUint(fmt.Sprint(o[name]), 10, 64)
	if err != nil {
		panic(fmt.Sprintf("%s is no integer: %v", name, o[name]))
	}
	return n
}

func sum(parts ...[]byte) []byte {
	h := sha256.Sum256(bytes.Join(parts, nil))
	return h[:]
}

// without returns a copy of o that lacks these fields.
func without(o object, names ...string) object {
	c := object{}
	for k, v := range o {
		c[k] = v
	}
	for _, name := range names {
		delete(c, name)
	}
	return c
}

// root is RFC 9162 §2.1.1, by its recursive definition.
func root(entries [][]byte) []byte {
	switch n := len(entries); n {
	case 0:
		return sum()
	case 1:
		return sum([]byte{0}, entries[0])
	default:
		k := 1
		for k*2 < n {
			k *= 2
		}
		return sum([]byte{1}, root(entries[:k]), root(entries[k:]))
	}
}

func txRoot(txs []any) string {
	entries := make([][]byte, len(txs))
	for i := range txs {
		entries[i] = canon(txs[i])
	}
	return hex.EncodeToString(root(entries))
}

func sealOf(b object) []byte { return sum(canon(without(b, "hash", "nonce", "transactions"))) }

func hashOf(seal []byte, nonce uint64) []byte {
	return sum(seal, binary.BigEndian.AppendUint64(nil, nonce))
}

func meets(hash []byte, difficulty uint64) bool {
	limit := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1))
	limit.Div(limit, new(big.Int).SetUint64(difficulty))
	return new(big.Int).SetBytes(hash).Cmp(limit) <= 0
}

// mine seals b in place (§4).
func mine(b object) object { return mineFrom(b, 0) }

func mineFrom(b object, nonce uint64) object {
	seal, difficulty := sealOf(b), number(b, "difficulty")
	for ; ; nonce++ {
		if hash := hashOf(seal, nonce); meets(hash, max(difficulty, 1)) {
			b["nonce"], b["hash"] = nonce, hex.EncodeToString(hash)
			return b
		}
	}
}

func address(pub ed25519.PublicKey) string {
	const alphabet = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"
	raw := append([]byte{0, 0x24, 8, 1, 0x12, 0x20}, pub...)
	n, base, digit := new(big.Int).SetBytes(raw), big.NewInt(58), new(big.Int)
	var out []byte
	for n.Sign() > 0 {
		n.DivMod(n, base, digit)
		out = append([]byte{alphabet[digit.Int64()]}, out...)
	}
	return "1" + string(out) // one leading zero byte
}

// transfer signs a transaction (§5).
func transfer(key ed25519.PrivateKey, genesis string, fields object) object {
	tx := object{"amount": 0, "data": "", "fee": 0, "from": address(key.Public().(ed25519.PublicKey)), "nonce": 0, "to": ""}
	for name, v := range fields {
		tx[name] = v
	}
	signed := without(tx)
	signed["chain"] = genesis
	tx["signature"] = hex.EncodeToString(ed25519.Sign(key, canon(signed)))
	return tx
}

// replica is the stranger's own copy of the chain.
type replica struct {
	t        *testing.T
	params   object
	genesis  string
	blocks   []object // genesis has only what is needed of it
	hashes   [][]byte
	balances map[string]uint64
	nonces   map[string]uint64
	work     *big.Int
}

func newReplica(t *testing.T, params object) *replica {
	g := object{
		"data": "", "difficulty": params["initial_difficulty"], "height": 0, "history_root": hex.EncodeToString(sum()),
		"miner": "", "nonce": 0, "prev_hash": hex.EncodeToString(sum(canon(params))), "timestamp": params["timestamp"],
		"transactions": []any{}, "tx_count": 0, "tx_root": hex.EncodeToString(sum()), "version": 1,
	}
	hash := hashOf(sealOf(g), 0)
	g["hash"] = hex.EncodeToString(hash)
	r := &replica{
		t: t, params: params, genesis: hex.EncodeToString(hash), blocks: []object{g}, hashes: [][]byte{hash},
		balances: map[string]uint64{}, nonces: map[string]uint64{}, work: new(big.Int).SetUint64(number(params, "initial_difficulty")),
	}
	for a, units := range params["allocations"].(object) {
		r.balances[a] = number(object{"n": units}, "n")
	}
	return r
}

func (r *replica) tip() object { return r.blocks[len(r.blocks)-1] }

// difficulty is §6 in big integers.
func (r *replica) difficulty(timestamp uint64) uint64 {
	parent := r.tip()
	window, height := number(r.params, "retarget_window"), number(parent, "height")
	if window == 0 || height == 0 {
		return number(r.params, "initial_difficulty")
	}
	n, interval := min(window, height), number(r.params, "block_interval_ms")
	weighted, total := new(big.Int), new(big.Int)
	for i := uint64(1); i <= n; i++ {
		at := height - n + i
		solve := min(number(r.blocks[at], "timestamp")-number(r.blocks[at-1], "timestamp"), 12*interval)
		if at == 1 {
			solve = interval
		}
		weighted.Add(weighted, new(big.Int).SetUint64(i*solve))
		total.Add(total, new(big.Int).SetUint64(number(r.blocks[at], "difficulty")))
	}
	if least := new(big.Int).SetUint64(n * n * interval / 20); weighted.Cmp(least) < 0 {
		weighted = least
	}
	next := total.Mul(total, new(big.Int).SetUint64(interval*(n+1)))
	next.Div(next, weighted.Lsh(weighted, 1))
	base := uint64(1<<53 - 1)
	if next.IsUint64() {
		base = min(max(next.Uint64(), 1), base)
	}
	ahead := max(15000, 3*interval)
	return max(base>>min((timestamp-number(parent, "timestamp"))/(4*ahead), 20), 1)
}

// child is a valid block on the replica's tip, not yet mined.
func (r *replica) child(miner string, txs ...any) object {
	parent := r.tip()
	timestamp := max(uint64(time.Now().UnixMilli()), number(parent, "timestamp")+1)
	if txs == nil {
		txs = []any{}
	}
	return object{
		"data": "from a stranger", "difficulty": r.difficulty(timestamp), "height": number(parent, "height") + 1,
		"history_root": hex.EncodeToString(root(r.hashes)), "miner": miner, "prev_hash": parent["hash"], "timestamp": timestamp,
		"transactions": txs, "tx_count": len(txs), "tx_root": txRoot(txs), "version": 1,
	}
}

// add re-proves every rule of a block on the replica's tip and executes it.
func (r *replica) add(raw []byte) {
	r.t.Helper()
	b := parse(r.t, raw)
	must := func(ok bool, rule string) {
		r.t.Helper()
		if !ok {
			r.t.Fatalf("block breaks rule %s: %.600s", rule, raw)
		}
	}
	parent, timestamp := r.tip(), number(b, "timestamp")
	txs := b["transactions"].([]any)
	must(len(raw) <= int(number(r.params, "max_block_bytes")), "size")
	must(len(b) == 13 && number(b, "version") == 1 && len(b["data"].(string)) <= 256, "form")
	must(b["prev_hash"] == parent["hash"] && number(b, "height") == number(parent, "height")+1, "parent")
	must(timestamp > number(parent, "timestamp"), "timestamp")
	must(number(b, "difficulty") == r.difficulty(timestamp), "difficulty")
	must(b["history_root"] == hex.EncodeToString(root(r.hashes)), "history_root")
	must(number(b, "tx_count") == uint64(len(txs)) && b["tx_root"] == txRoot(txs), "tx_root")
	hash := hashOf(sealOf(b), number(b, "nonce"))
	must(b["hash"] == hex.EncodeToString(hash), "hash")
	must(meets(hash, number(b, "difficulty")), "work")
	reward := number(r.params, "reward")
	for _, tx := range txs {
		reward += r.execute(tx.(object))
	}
	r.balances[b["miner"].(string)] += reward
	r.blocks, r.hashes = append(r.blocks, b), append(r.hashes, hash)
	r.work.Add(r.work, new(big.Int).SetUint64(number(b, "difficulty")))
}

func (r *replica) execute(tx object) (fee uint64) {
	r.t.Helper()
	from, to := tx["from"].(string), tx["to"].(string)
	id, err := peer.Decode(from)
	if err != nil {
		r.t.Fatalf("from: %v", err)
	}
	signed := without(tx, "signature")
	signed["chain"] = r.genesis
	signature, err := hex.DecodeString(tx["signature"].(string))
	if err != nil || !ed25519.Verify(ed25519.PublicKey(id[6:]), canon(signed), signature) {
		r.t.Fatalf("bad signature: %v", tx)
	}
	amount, fee := number(tx, "amount"), number(tx, "fee")
	if number(tx, "nonce") != r.nonces[from] || amount+fee > r.balances[from] {
		r.t.Fatalf("transaction does not fit: %v", tx)
	}
	r.nonces[from]++
	r.balances[from] -= amount + fee
	if amount > 0 {
		r.balances[to] += amount
	}
	return fee
}

// stranger is a libp2p host that speaks the protocol's three doors.
type stranger struct {
	t     *testing.T
	host  host.Host
	node  peer.ID
	ps    *pubsub.PubSub
	tops  *pubsub.Topic
	sub   *pubsub.Subscription
	joins *pubsub.TopicEventHandler
	r     *replica
}

func newStranger(t *testing.T, r *replica, addr string) *stranger {
	t.Helper()
	key, _, err := crypto.GenerateEd25519Key(nil)
	if err != nil {
		t.Fatal(err)
	}
	h, err := libp2p.New(libp2p.Identity(key), libp2p.NoListenAddrs, libp2p.DisableMetrics())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() { cancel(); _ = h.Close() })
	s := &stranger{t: t, host: h, r: r}
	h.SetStreamHandler("/lp2p/status/1", func(st network.Stream) {
		defer st.Close()
		_, _ = st.Write(s.statusLine())
		_ = st.CloseWrite()
		_, _ = bufio.NewReader(st).ReadBytes('\n')
	})
	s.ps, err = pubsub.NewGossipSub(ctx, h,
		pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign), pubsub.WithNoAuthor(),
		pubsub.WithFloodPublish(true), // not only into the mesh, which forms a second later
		pubsub.WithMaxMessageSize(int(number(r.params, "max_block_bytes"))+65536),
		pubsub.WithMessageIdFn(func(m *pubsubpb.Message) string { return string(sum([]byte(m.GetTopic()), m.Data)) }))
	if err != nil {
		t.Fatal(err)
	}
	if s.tops, err = s.ps.Join("blocks"); err != nil {
		t.Fatal(err)
	}
	if s.joins, err = s.tops.EventHandler(); err != nil {
		t.Fatal(err)
	}
	if s.sub, err = s.tops.Subscribe(pubsub.WithBufferSize(4096)); err != nil {
		t.Fatal(err)
	}
	info, err := peer.AddrInfoFromString(addr)
	if err != nil {
		t.Fatal(err)
	}
	s.node = info.ID
	if err := h.Connect(ctx, *info); err != nil {
		t.Fatal(err)
	}
	s.shakeHands()
	return s
}

func (s *stranger) statusLine() []byte {
	tip := s.r.blocks[0] // a stranger may know nothing but genesis
	return append(canon(object{
		"agent": "stranger", "genesis": s.r.genesis, "height": 0, "time": time.Now().UnixMilli(),
		"tip": tip["hash"], "work": fmt.Sprint(tip["difficulty"]),
	}), '\n')
}

// ask opens a stream, writes a line and returns the answer's lines.
func (s *stranger) ask(protocol string, line []byte) [][]byte {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	st, err := s.host.NewStream(ctx, s.node, protocolID(protocol))
	if err != nil {
		s.t.Fatalf("open %s: %v", protocol, err)
	}
	defer st.Close()
	_ = st.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := st.Write(line); err != nil {
		s.t.Fatalf("write %s: %v", protocol, err)
	}
	_ = st.CloseWrite()
	var lines [][]byte
	in := bufio.NewReaderSize(st, 1<<20)
	for {
		l, err := in.ReadBytes('\n')
		if err != nil {
			return lines
		}
		lines = append(lines, bytes.TrimSuffix(l, []byte{'\n'}))
	}
}

func (s *stranger) shakeHands() object {
	s.t.Helper()
	lines := s.ask("/lp2p/status/1", s.statusLine())
	if len(lines) != 1 {
		s.t.Fatalf("status: want one line, got %q", lines)
	}
	o := parse(s.t, lines[0])
	if o["genesis"] != s.r.genesis || len(o) != 6 {
		s.t.Fatalf("status of another chain or form: %s", lines[0])
	}
	return o
}

// follow fetches headers, then bodies, and re-proves all, until the replica
// has what the node has.
func (s *stranger) follow() {
	s.t.Helper()
	for {
		locator := []any{s.r.tip()["hash"], s.r.genesis}
		headers := s.ask("/lp2p/sync/1", append(canon(object{"limit": 2000, "locator": locator, "type": "headers"}), '\n'))
		if len(headers) == 0 {
			return
		}
		var hashes []any
		for _, raw := range headers[:min(128, len(headers))] {
			hashes = append(hashes, parse(s.t, raw)["hash"])
		}
		bodies := s.ask("/lp2p/sync/1", append(canon(object{"hashes": hashes, "type": "blocks"}), '\n'))
		if len(bodies) != len(hashes) {
			s.t.Fatalf("asked for %d blocks, got %d", len(hashes), len(bodies))
		}
		for i, raw := range bodies {
			if !strings.Contains(string(raw), hashes[i].(string)) {
				s.t.Fatalf("block %d of the answer is another", i)
			}
			s.r.add(raw)
		}
	}
}

// hear returns the next block on the topic.
func (s *stranger) hear(ctx context.Context) ([]byte, error) {
	m, err := s.sub.Next(ctx)
	if err != nil {
		return nil, err
	}
	if m.GetFrom() != "" || m.GetSeqno() != nil || m.GetSignature() != nil {
		s.t.Errorf("a message carries author, sequence number or signature")
	}
	return m.Data, nil
}

// publish sends a block's bytes once the node is in the topic.
func (s *stranger) publish(raw []byte) { s.t.Helper(); s.send(s.tops, s.joins, raw) }

// publishOn is publish on a topic of its own.
func (s *stranger) publishOn(name string, raw []byte) {
	s.t.Helper()
	topic, err := s.ps.Join(name)
	if err != nil {
		s.t.Fatal(err)
	}
	joins, err := topic.EventHandler()
	if err != nil {
		s.t.Fatal(err)
	}
	s.send(topic, joins, raw)
}

// send publishes once the node is on the topic. A connection on which the two
// never told each other so, as when libp2p's identify came before pubsub's
// handlers, is made anew.
func (s *stranger) send(topic *pubsub.Topic, joins *pubsub.TopicEventHandler, raw []byte) {
	s.t.Helper()
	for tries := 0; len(topic.ListPeers()) == 0; {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		_, err := joins.NextPeerEvent(ctx)
		cancel()
		if err == nil {
			continue
		}
		if tries++; tries == 4 {
			s.t.Fatalf("the node never joined the topic: %v", err)
		}
		s.reconnect()
	}
	if err := topic.Publish(context.Background(), raw); err != nil {
		s.t.Fatalf("publish: %v", err)
	}
}

func (s *stranger) reconnect() {
	s.t.Helper()
	at := s.host.Peerstore().PeerInfo(s.node)
	if err := s.host.Network().ClosePeer(s.node); err != nil {
		s.t.Fatal(err)
	}
	if err := s.host.Connect(context.Background(), at); err != nil {
		s.t.Fatal(err)
	}
	s.shakeHands()
}
