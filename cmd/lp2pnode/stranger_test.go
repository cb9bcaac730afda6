package main_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
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

// send publishes once the node is on the topic.
func (s *stranger) send(topic *pubsub.Topic, joins *pubsub.TopicEventHandler, raw []byte) {
	s.t.Helper()
	s.awaitNode(topic, joins)
	if err := topic.Publish(context.Background(), raw); err != nil {
		s.t.Fatalf("publish: %v", err)
	}
}

// awaitNode returns when the node is on the topic. A connection on which the two
// never told each other so, as when libp2p's identify came before pubsub's
// handlers, is made anew.
func (s *stranger) awaitNode(topic *pubsub.Topic, joins *pubsub.TopicEventHandler) {
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
