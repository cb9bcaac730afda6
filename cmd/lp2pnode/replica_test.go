package main_test

// A second implementation of the protocol, from docs/protocol.md alone: it
// imports none of the project's packages, so that a mistake made twice would
// have to be made by two different programs.

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"math/big"
	"os"
	"sort"
	"strconv"
	"testing"
	"time"

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

// paramsOf reads a genesis file, whose form need not be canonical.
func paramsOf(t *testing.T, genesis string) object {
	t.Helper()
	raw, err := os.ReadFile(genesis)
	if err != nil {
		t.Fatal(err)
	}
	return parseAny(t, raw)
}

func parseAny(t *testing.T, raw []byte) object {
	t.Helper()
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var o object
	if err := dec.Decode(&o); err != nil {
		t.Fatalf("parse %.200s: %v", raw, err)
	}
	return o
}

// parse reads what has to be canonical.
func parse(t *testing.T, raw []byte) object {
	t.Helper()
	o := parseAny(t, raw)
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
