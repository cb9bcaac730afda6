package sim

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/protocol"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/p2p"
)

// The protocols, as they go over the wire (protocol §8).
const (
	statusProtocol = "/lp2p/status/1"
	syncProtocol   = "/lp2p/sync/1"
)

// gossipProtocols are those that pubsub listens to.
func gossipProtocols() []protocol.ID {
	return []protocol.ID{"/meshsub/1.3.0", "/meshsub/1.2.0", "/meshsub/1.1.0", "/meshsub/1.0.0", "/floodsub/1.0.0"}
}

// statusLine is an honest one.
func (b *Bad) statusLine() []byte {
	tip := b.shown.Tip()
	return fmt.Appendf(nil, `{"agent":"lp2pnode","genesis":%q,"height":%d,"time":%d,"tip":%q,"work":%q}`+"\n",
		b.sim.rules.Genesis().Hash, tip.Tip.Height, time.Now().UnixMilli(), tip.Tip.Hash, tip.Work)
}

// answer is what a node would answer to a request line.
func (b *Bad) answer(request string) []byte {
	var raw [][]byte
	switch {
	case strings.Contains(request, `"type":"headers"`):
		var locator []chain.Hash
		for _, field := range strings.Split(request, `"`) {
			if hash, err := chain.ParseHash(field); err == nil {
				locator = append(locator, hash)
			}
		}
		raw, _ = b.shown.RawHeadersAfter(locator, 2000)
	case strings.Contains(request, `"type":"blocks"`):
		for _, field := range strings.Split(request, `"`) {
			hash, err := chain.ParseHash(field)
			if err != nil {
				continue
			}
			if block, err := b.shown.RawBlock(hash); err == nil {
				raw = append(raw, block)
			}
		}
	default:
		raw = b.shown.Transactions(5000)
	}
	return append(bytes.Join(raw, []byte{'\n'}), '\n')
}

// manner is how a stalling peer gives an answer.
type manner func(ctx context.Context, st network.Stream, answer []byte)

func silent(ctx context.Context, _ network.Stream, _ []byte) { <-ctx.Done() }

// halfway gives half of its first line and then nothing.
func halfway(ctx context.Context, st network.Stream, answer []byte) {
	_, _ = st.Write(answer[:bytes.IndexByte(answer, '\n')/2])
	<-ctx.Done()
}

// dripping gives a byte now and then, a little before patience ends.
func dripping(ctx context.Context, st network.Stream, answer []byte) {
	for _, c := range answer {
		if _, err := st.Write([]byte{c}); err != nil || sleep(ctx, 9*time.Second) != nil {
			return
		}
	}
}

func whole(_ context.Context, st network.Stream, answer []byte) {
	_, _ = st.Write(answer)
	_ = st.Close()
}

// stage is one place at which a peer can stall.
type stage struct {
	name    string
	answers map[string]manner // to a "status" or a type of request
	acts    func(ctx context.Context, b *Bad)
	deaf    bool // to gossip
}

// stages are all of them.
func stages() []stage {
	var list []stage
	manners := []struct {
		name string
		how  manner
	}{{"silent", silent}, {"halfway", halfway}, {"dripping", dripping}}
	for _, what := range []string{"blocks", "headers", "status", "transactions"} {
		for _, m := range manners {
			list = append(list, stage{name: what + " " + m.name, answers: map[string]manner{what: m.how}})
		}
	}
	return append(list,
		stage{name: "deaf to gossip", deaf: true},
		stage{name: "streams that say nothing", acts: asking(statusProtocol, "")},
		stage{name: "requests that never end", acts: asking(syncProtocol, `{"limit":2000,"locator":["`)},
		stage{name: "answers not read", acts: asking(syncProtocol, `{"hashes":[%s],"type":"blocks"}`+"\n")},
		stage{name: "connections that say nothing", acts: func(ctx context.Context, b *Bad) { b.hush(ctx) }},
	)
}

// Stalls stalls at a stage of a protocol, each peer at another one.
func Stalls() Behaviour {
	does := forking("stalling at every stage", func(f *fork) {
		f.body = func(block *chain.Block) []byte { return block.Raw() } // of which nobody gets all
	})
	of := func(b *Bad) stage {
		all := stages()
		return all[b.Number%len(all)]
	}
	shows := does.Shows
	does.Shows = func(b *Bad) p2p.Ledger {
		if of(b).answers["blocks"] == nil && of(b).answers["headers"] == nil {
			return b.ledger // nothing but what it has
		}
		return shows(b)
	}
	does.Streams = func(b *Bad) { b.stall(of(b)) }
	does.Acts = func(ctx context.Context, b *Bad) {
		if f, ok := b.shown.(*fork); ok {
			every(ctx, time.Second, f.grow)
		}
		if acts := of(b).acts; acts != nil {
			acts(ctx, b)
		}
	}
	return does
}

// stall replaces the handlers that a stage is about.
func (b *Bad) stall(s stage) {
	if s.deaf {
		for _, id := range gossipProtocols() {
			b.host.SetStreamHandler(id, func(network.Stream) {})
		}
	}
	if how := s.answers["status"]; how != nil {
		b.host.SetStreamHandler(statusProtocol, func(st network.Stream) { b.give(st, how, b.statusLine()) })
	}
	if len(s.answers) == 0 || s.answers["status"] != nil {
		return
	}
	b.host.SetStreamHandler(syncProtocol, func(st network.Stream) {
		request, err := bufio.NewReader(st).ReadString('\n')
		if err != nil {
			_ = st.Reset()
			return
		}
		how := manner(whole)
		for what, m := range s.answers {
			if strings.Contains(request, `"type":"`+what) {
				how = m
			}
		}
		b.give(st, how, b.answer(request))
	})
}

// give answers in some manner until the asker has had enough.
func (b *Bad) give(st network.Stream, how manner, answer []byte) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute)
	defer cancel()
	go func() { _, _ = io.Copy(io.Discard, st) }()
	go func() {
		select {
		case <-b.gone:
			cancel()
		case <-ctx.Done():
		}
	}()
	how(ctx, st, answer)
	_ = st.Reset()
}

// asking opens streams to every peer, says something on each, and reads
// nothing.
func asking(id protocol.ID, text string) func(context.Context, *Bad) {
	return func(ctx context.Context, b *Bad) {
		const atOnce = 20 // to one peer, every second
		every(ctx, time.Second, func() {
			said := text
			if strings.Contains(text, "%s") {
				said = fmt.Sprintf(text, b.everyHash())
			}
			for _, p := range b.host.Network().Peers() {
				for range atOnce {
					b.utter(ctx, p, id, said)
				}
			}
		})
	}
}

// utter opens a stream and says something.
func (b *Bad) utter(ctx context.Context, p peer.ID, id protocol.ID, text string) {
	ctx, cancel := context.WithTimeout(network.WithNoDial(ctx, "bad"), time.Second)
	defer cancel()
	st, err := b.host.NewStream(ctx, p, id)
	if err != nil {
		return // refused
	}
	_ = st.SetWriteDeadline(time.Now().Add(time.Second))
	_, _ = st.Write([]byte(text))
}

// everyHash lists the last blocks of the peer's chain as a request has them.
func (b *Bad) everyHash() string {
	tip := b.ledger.Tip().Tip.Height
	hashes, err := b.ledger.Store().Hashes(tip-min(tip, 100), 100)
	if err != nil {
		return ""
	}
	var list []string
	for _, hash := range hashes {
		list = append(list, `"`+hash.String()+`"`)
	}
	return strings.Join(list, ",")
}

// hush connects to every peer's port, over and over, and says nothing there.
func (b *Bad) hush(ctx context.Context) {
	every(ctx, time.Second, func() {
		for _, n := range b.sim.Nodes {
			c, err := b.Machine.dial(ctx, n.listensAt())
			if err == nil {
				time.AfterFunc(time.Minute, func() { _ = c.Close() })
			}
		}
	})
}

// Malformed says what no node says, in every protocol.
func Malformed() Behaviour {
	return Behaviour{
		Name: "oversize and malformed lines",
		Shows: func(b *Bad) p2p.Ledger {
			return boast{b.ledger} // so that others ask
		},
		Streams: func(b *Bad) {
			if b.Number%2 == 0 { // the others' statuses are good, so that they are asked for more
				b.host.SetStreamHandler(statusProtocol, func(st network.Stream) { b.babble(st, lines(string(b.statusLine()))) })
			}
			b.host.SetStreamHandler(syncProtocol, func(st network.Stream) {
				request, _ := bufio.NewReader(st).ReadString('\n')
				b.babble(st, lines(string(b.answer(request))))
			})
		},
		Acts: func(ctx context.Context, b *Bad) {
			requests := lines(`{"limit":2000,"locator":[],"type":"headers"}` + "\n")
			messages := b.messages()
			count := b.Number
			every(ctx, time.Second/2, func() {
				count++
				for _, p := range b.host.Network().Peers() {
					b.utter(ctx, p, syncProtocol, requests[count%len(requests)])
					b.utter(ctx, p, statusProtocol, requests[count%len(requests)])
					b.utter(ctx, p, "/meshsub/1.1.0", string(messages[count%len(messages)]))
				}
			})
		},
	}
}

// babble writes one of the texts.
func (b *Bad) babble(st network.Stream, texts []string) {
	text := texts[int(time.Now().UnixMilli())%len(texts)]
	_ = st.SetWriteDeadline(time.Now().Add(5 * time.Second))
	_, _ = st.Write([]byte(text))
	_ = st.Close()
}

// lines returns variations of a good line that are none.
func lines(good string) []string {
	body := strings.TrimSuffix(good, "\n")
	return []string{
		"", "\n", "\n\n\n", "null\n", "[]\n", "{}\n", body, " " + good, body + " \n", good + good, good + "x",
		strings.ToUpper(good),
		strings.Replace(good, ":", ": ", 1),
		strings.Replace(good, "{", `{"zz":1,`, 1),
		"{" + body[min(1, len(body)):] + ",\n",
		strings.Repeat("[", 10_000) + "\n",
		`{"error":` + strings.Repeat("[", 10_000) + "\n",
		`{"error":"too many requests"}` + "\n" + good,
		"\xff\xfe\xfd\n", "\x00\n",
		strings.Repeat("x", 100_000) + "\n",
		strings.Repeat("x", 1_000_000), // and no end of line
		strings.Repeat("\n", 100_000),
	}
}

// messages are gossip that is none, as it goes over a stream.
func (b *Bad) messages() [][]byte {
	limit := int(b.sim.cfg.Chain.MaxBlockBytes)
	good := string(sealed(b.child("good")).Raw())
	var list [][]byte
	for _, topic := range []string{"blocks", "transactions", "nothing"} {
		for _, text := range append(lines(good), good+"\n", strings.Repeat("x", limit+1)) {
			list = append(list, framed(published(topic, text)))
		}
	}
	return append(list,
		framed([]byte("no protobuf")),
		[]byte{0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}, // no length
		append(binary.AppendUvarint(nil, 1<<40), 'x'),                            // more than there can be
		framed(bytes.Repeat([]byte{0x1a, 0}, 100_000)),                           // control of nothing, often
	)
}

func framed(rpc []byte) []byte {
	return append(binary.AppendUvarint(nil, uint64(len(rpc))), rpc...)
}

// published is pubsub's RPC with one message: field 2 of the RPC, whose fields 2
// and 4 are data and topic.
func published(topic, data string) []byte {
	field := func(number byte, value []byte) []byte {
		return append(binary.AppendUvarint([]byte{number<<3 | 2}, uint64(len(value))), value...)
	}
	return field(2, append(field(2, []byte(data)), field(4, []byte(topic))...))
}
