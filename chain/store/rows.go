package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/merkle"
)

// The first byte of a key says what the row is; the table is in the package
// comment.
const (
	metaRow           = 'm'
	headerRow         = 'h'
	bodyRow           = 'b'
	numberRow         = 'n'
	siblingRow        = 's'
	accountRow        = 'a'
	undoRow           = 'u'
	nodeRow           = 'i'
	txRow             = 't'
	pendingRow        = 'p'
	concernRow        = 'c'
	recordedRow       = 'd'
	reorganisationRow = 'r'
)

const (
	hashSize = 32
	keySize  = 32 // of an account's public key
)

var (
	formatKey  = []byte{metaRow, 'f'}
	genesisKey = []byte{metaRow, 'g'}
	tipKey     = []byte{metaRow, 't'}
)

func hashKey(row byte, h chain.Hash) []byte { return append([]byte{row}, h[:]...) }

func heightKey(row byte, height uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{row}, height)
}

func siblingKey(height uint64, h chain.Hash) []byte {
	return append(heightKey(siblingRow, height), h[:]...)
}

func accountKey(public []byte) []byte { return append([]byte{accountRow}, public...) }

// keys has the public keys of addresses, each decoded once.
type keys map[chain.Address][]byte

func (k keys) of(a chain.Address) ([]byte, error) {
	if key, ok := k[a]; ok {
		return key, nil
	}
	key, err := a.Key()
	if err == nil {
		k[a] = key
	}
	return key, err
}

func nodeKey(level uint, index uint64) []byte {
	return binary.BigEndian.AppendUint64([]byte{nodeRow, byte(level)}, index)
}

var errRow = errors.New("damaged row")

// damaged says which row cannot be right. It never matches an error of chain:
// a row of ours is nobody else's fault.
func damaged(key []byte, format string, args ...any) error {
	return fmt.Errorf("%w %s: %s", errRow, rowName(key), fmt.Sprintf(format, args...))
}

// rowName names a row for people.
func rowName(key []byte) string {
	names := map[byte]string{
		metaRow: "meta", headerRow: "header", bodyRow: "body", numberRow: "height", siblingRow: "sibling",
		accountRow: "account", undoRow: "undo", nodeRow: "history node", txRow: "transaction", pendingRow: "waiting transaction",
		concernRow: "account entry", recordedRow: "record", reorganisationRow: "reorganisation",
	}
	if len(key) == 0 {
		return "without key"
	}
	name, rest := names[key[0]], key[1:]
	switch {
	case name == "":
		return fmt.Sprintf("%x of no known kind", key)
	case bytes.Equal(key, formatKey):
		return "format"
	case bytes.Equal(key, genesisKey):
		return "genesis"
	case bytes.Equal(key, tipKey):
		return "tip"
	case key[0] == numberRow && len(rest) == 8:
		return fmt.Sprintf("height %d", binary.BigEndian.Uint64(rest))
	case key[0] == siblingRow && len(rest) == 8+hashSize:
		return fmt.Sprintf("sibling %d/%x", binary.BigEndian.Uint64(rest), rest[8:])
	case key[0] == nodeRow && len(rest) == 9:
		return fmt.Sprintf("history node %d/%d", rest[0], binary.BigEndian.Uint64(rest[1:]))
	case key[0] == accountRow && len(rest) == keySize:
		return "account " + string(chain.AddressOf(rest))
	}
	return fmt.Sprintf("%s %x", name, rest)
}

// reader takes a value apart; after a value that is too short, bad is set and
// everything reads as zero.
type reader struct {
	rest []byte
	bad  bool
}

func (r *reader) bytes(n uint64) []byte {
	if uint64(len(r.rest)) < n {
		r.bad, r.rest = true, nil
		return nil
	}
	b := r.rest[:n:n]
	r.rest = r.rest[n:]
	return b
}

// uvarint reads the shortest form only, so that a value has one encoding.
func (r *reader) uvarint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 || n > 1 && r.rest[n-1] == 0 {
		r.bad, r.rest = true, nil
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *reader) text() string { return string(r.bytes(r.uvarint())) }

func (r *reader) done() bool { return !r.bad && len(r.rest) == 0 }

// encodeOrigin appends when something first came, to the millisecond, and from
// whom.
func encodeOrigin(b []byte, seen time.Time, src chain.Source) []byte {
	b = binary.AppendUvarint(b, uint64(seen.UnixMilli()))
	b = append(binary.AppendUvarint(b, uint64(len(src.Via))), src.Via...)
	return append(binary.AppendUvarint(b, uint64(len(src.Peer))), src.Peer...)
}

func (r *reader) origin() (seen time.Time, src chain.Source) {
	seen = time.UnixMilli(int64(r.uvarint()))
	return seen, chain.Source{Via: chain.Via(r.text()), Peer: r.text()}
}

// headerValue is what a header row says. Header is canonical JSON. The rest
// follows from nothing else, so it has a checksum.
type headerValue struct {
	work   chain.Work
	seen   time.Time
	source chain.Source
	header []byte
}

func (v headerValue) encode(key []byte) []byte {
	work := v.work.Bytes()
	b := encodeOrigin(work[:], v.seen, v.source)
	b = binary.BigEndian.AppendUint32(b, checksum(key, b))
	return append(b, v.header...)
}

func checksum(key, value []byte) uint32 {
	table := crc32.MakeTable(crc32.Castagnoli)
	return crc32.Update(crc32.Checksum(key, table), table, value)
}

func decodeHeaderValue(key, value []byte) (headerValue, error) {
	r := reader{rest: value}
	var work [16]byte
	copy(work[:], r.bytes(16))
	v := headerValue{work: chain.WorkFromBytes(work)}
	v.seen, v.source = r.origin()
	summed := value[:len(value)-len(r.rest)]
	sum := r.bytes(4)
	v.header = r.rest
	if r.bad || len(v.header) == 0 {
		return headerValue{}, damaged(key, "ends too early, after %d bytes", len(value))
	}
	if want := checksum(key, summed); want != binary.BigEndian.Uint32(sum) {
		return headerValue{}, damaged(key, "want checksum %08x, got %x", want, sum)
	}
	return v, nil
}

func encodeAccount(b []byte, a chain.Account) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, a.Balance), a.Nonce)
}

func (r *reader) account() chain.Account {
	return chain.Account{Balance: r.uvarint(), Nonce: r.uvarint()}
}

func decodeAccount(key, value []byte) (chain.Account, error) {
	r := reader{rest: value}
	a := r.account()
	if !r.done() {
		return chain.Account{}, damaged(key, "want balance and nonce, got %x", value)
	}
	return a, nil
}

func encodeDiff(k keys, d chain.Diff) ([]byte, error) {
	b := make([]byte, 0, len(d)*(keySize+16)) // balances and nonces seldom take more
	for _, c := range d {
		key, err := k.of(c.Address)
		if err != nil {
			return nil, fmt.Errorf("encode the change of an account: %w", err)
		}
		b = encodeAccount(encodeAccount(append(b, key...), c.Old), c.New)
	}
	return b, nil
}

func decodeDiff(key, value []byte) (chain.Diff, error) {
	var d chain.Diff
	for r := (reader{rest: value}); len(r.rest) > 0; {
		public := r.bytes(keySize)
		c := chain.Change{Old: r.account(), New: r.account()}
		if r.bad {
			return nil, damaged(key, "ends within change %d", len(d))
		}
		c.Address = chain.AddressOf(public)
		d = append(d, c)
	}
	return d, nil
}

// place is where a transaction stands on the best chain.
type place struct{ height, index uint64 }

func (p place) encode() []byte { return p.append(nil) }

func (p place) append(b []byte) []byte {
	return binary.AppendUvarint(binary.AppendUvarint(b, p.height), p.index)
}

func decodePlace(key, value []byte) (place, error) {
	r := reader{rest: value}
	p := place{height: r.uvarint(), index: r.uvarint()}
	if !r.done() {
		return place{}, damaged(key, "want height and index, got %x", value)
	}
	return p, nil
}

func decodeHash(key, value []byte) (chain.Hash, error) {
	if len(value) != hashSize {
		return chain.Hash{}, damaged(key, "want a hash of %d bytes, got %d", hashSize, len(value))
	}
	return chain.Hash(value), nil
}

// completed lists the interior nodes of the history tree that the block of a
// height completes, without their hashes.
func completed(height uint64) []merkle.Node {
	var nodes []merkle.Node
	for level := uint(1); (height+1)%(1<<level) == 0; level++ {
		nodes = append(nodes, merkle.Node{Level: level, Index: height >> level})
	}
	return nodes
}
