package p2p

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	pubsub "github.com/libp2p/go-libp2p-pubsub"

	"github.com/lp2pnode/lp2pnode/chain"
)

// bare is a network without a host, for what judges bytes.
func bare(m *memory) *Network {
	return &Network{
		ledger: m, rules: m.rules, log: slog.New(slog.DiscardHandler), now: time.Now, timing: defaultTiming(),
		changed: make(chan struct{}), remotes: map[peer.ID]*remote{}, surveys: map[peer.ID]*survey{},
	}
}

// FuzzGossip: a message of either topic is judged by what it is: accepted only
// when the ledger has taken these very bytes, rejected only for a broken rule,
// and never our own fault.
func FuzzGossip(f *testing.F) {
	rules := testRules(f, "one")
	parent := child(rules.GenesisState(), "parent")
	after := rules.GenesisState().Extend(&parent.Header)
	tx := rules.Sign(chain.Transaction{Data: "x"}, make([]byte, 32))
	for _, b := range []*chain.Block{parent, child(after, "orphan"), child(after, "full", tx)} {
		f.Add(true, b.Raw())
	}
	f.Add(false, tx.Raw())
	f.Add(true, []byte(`{"version":2}`))
	f.Fuzz(func(t *testing.T, block bool, raw []byte) {
		m := newMemory(rules)
		n := bare(m)
		var err error
		if block {
			err = n.judgeBlock("peer", raw)
		} else {
			err = n.judgeTransaction("peer", raw)
		}
		if ours(err) {
			t.Errorf("%q is said to be our own fault: %v", raw, err)
		}
		switch verdict(err) {
		case pubsub.ValidationAccept:
			if block && !bytes.Equal(m.blocks[m.best[1]].Raw(), raw) || !block && !bytes.Equal(m.pool[0].Raw(), raw) {
				t.Errorf("%q was accepted as something else", raw)
			}
		case pubsub.ValidationReject:
			if !errors.Is(err, chain.ErrInvalid) {
				t.Errorf("%q was rejected for %v", raw, err)
			}
		}
	})
}

// FuzzSealedBlock: a block whose proof, hash and roots hold, and whose fields
// are anything, is accepted only if it keeps the header rules.
func FuzzSealedBlock(f *testing.F) {
	rules := testRules(f, "one")
	good := child(rules.GenesisState(), "good")
	f.Add(good.Height, good.Timestamp, good.Difficulty, good.Nonce, good.Version, good.PrevHash[:], good.HistoryRoot[:], string(good.Miner), good.Data)
	f.Add(good.Height+1, good.Timestamp, uint64(0), good.Nonce, good.Version, good.PrevHash[:], good.HistoryRoot[:], "", "\u2028")
	f.Fuzz(func(t *testing.T, height, timestamp, difficulty, nonce, version uint64, prev, history []byte, miner, note string) {
		h := chain.Header{
			Height: height, Timestamp: timestamp, Difficulty: difficulty, Nonce: nonce, Version: version,
			Miner: chain.Address(miner), Data: note,
		}
		copy(h.PrevHash[:], prev)
		copy(h.HistoryRoot[:], history)
		h.TxCount, h.TxRoot = chain.TxSummary(nil)
		h.Hash = h.ComputeHash()
		err := bare(newMemory(rules)).judgeBlock("peer", chain.NewBlock(h, nil).Raw())
		if ours(err) {
			t.Errorf("%+v is said to be our own fault: %v", h, err)
		}
		genesis := rules.GenesisState()
		if err == nil && genesis.Check(&h) != nil {
			t.Errorf("accepted: %+v", h)
		}
	})
}

// lines is the stream of somebody who sends these bytes and closes; what is
// said to him is lost.
type lines struct {
	network.Stream
	in *bytes.Reader
}

func (l lines) Read(p []byte) (int, error)       { return l.in.Read(p) }
func (l lines) Write(p []byte) (int, error)      { return io.Discard.Write(p) }
func (l lines) SetReadDeadline(time.Time) error  { return nil }
func (l lines) SetWriteDeadline(time.Time) error { return nil }

// FuzzStatusStream: of a stream of /lp2p/status/1 one canonical line is taken,
// and nothing else.
func FuzzStatusStream(f *testing.F) {
	good := statusText("a", "12") + "\n"
	f.Add([]byte(good))
	f.Add([]byte(good + "x"))
	f.Add(bytes.Repeat([]byte("x"), maxLine+2))
	f.Fuzz(func(t *testing.T, raw []byte) {
		s, err := readStatus(patient{lines{in: bytes.NewReader(raw)}, time.Second})
		if err == nil && !bytes.Equal(line(s), raw) {
			t.Errorf("%q is taken as %q", raw, line(s))
		}
	})
}

// FuzzHeaderLines: lines of an answer to a request for headers are judged one
// after another; what is kept follows the rules from a block of ours on.
func FuzzHeaderLines(f *testing.F) {
	rules := testRules(f, "one")
	state := rules.GenesisState()
	var answer []byte
	for range 3 {
		h := child(state, "a").Header
		answer = append(append(answer, h.Canonical()...), '\n')
		state = state.Extend(&h)
	}
	f.Add(answer)
	f.Add(bytes.Repeat(answer, 2))
	f.Fuzz(func(t *testing.T, raw []byte) {
		m := newMemory(rules)
		n := bare(m)
		sv, err := n.newSurvey(Peer{ID: "peer", Work: state.Work})
		if err != nil {
			t.Fatal(err)
		}
		count := 0
		for text := range bytes.Lines(raw) {
			h, err := rules.DecodeHeader(bytes.TrimSuffix(text, []byte("\n")))
			if err != nil {
				break
			}
			count++
			if err := n.judgeHeader(sv, &h, count == 1); err != nil {
				if errors.Is(err, errOwn) {
					t.Errorf("%q is said to be our own fault: %v", raw, err)
				}
				break
			}
			if sv.state.Tip.Hash != h.Hash || sv.light+len(sv.kept) != int(h.Height) {
				t.Errorf("after %d headers %d are counted and %d kept, at %s", count, sv.light, len(sv.kept), sv.state.Tip.Hash)
			}
		}
	})
}
