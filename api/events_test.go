package api_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain"
)

// scissors cut every stream off after a random number of bytes.
type scissors struct {
	random *rand.Rand // owned by the follower
	most   int
	cuts   int
}

func (s *scissors) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err == nil && r.URL.Path == "/v1/events" {
		s.cuts++
		resp.Body = &cut{resp.Body, 100 + s.random.IntN(s.most)}
	}
	return resp, err
}

type cut struct {
	io.ReadCloser
	left int
}

func (c *cut) Read(b []byte) (int, error) {
	if c.left == 0 {
		return 0, errors.New("cut off")
	}
	n, err := c.ReadCloser.Read(b[:min(len(b), c.left)])
	c.left -= n
	return n, err
}

// book is what a follower makes of the events: the blocks that stand.
type book struct {
	blocks   []*chain.Block
	switches int // how often blocks were reverted
	last     client.EventKind
	told     map[chain.Hash]bool
}

func (b *book) take(t *testing.T, e client.Event) {
	t.Helper()
	switch e.Kind {
	case client.EventBlock:
		if n := len(b.blocks); n > 0 && b.blocks[n-1].Hash != e.Block.PrevHash {
			t.Fatalf("block %d does not stand on the one before", e.Block.Height)
		}
		b.blocks = append(b.blocks, e.Block)
	case client.EventRevert:
		n := len(b.blocks) - 1
		if n < 0 || b.blocks[n].Hash != e.Header.Hash {
			t.Fatalf("block %s leaves and was not the last", e.Header.Hash)
		}
		b.blocks = b.blocks[:n]
		if b.last != client.EventRevert {
			b.switches++
		}
	case client.EventTransaction:
		if b.told[e.Transaction.ID()] {
			t.Errorf("transaction %s was told twice", e.Transaction.ID())
		}
		b.told[e.Transaction.ID()] = true
		return
	}
	b.last = e.Kind
}

// TestFollowerThatIsCutOffEndsWithTheChain: at random places of the stream,
// blocks and reorganisations between, and misses and repeats nothing.
func TestFollowerThatIsCutOffEndsWithTheChain(t *testing.T) {
	n := newNode(t)
	_, c := serve(t, n)
	random := rand.New(rand.NewPCG(1, 2))
	knife := &scissors{random: random, most: 4000}
	c.HTTP.Transport = knife
	best := []chain.State{n.ledger.Tip()}
	next, stop := iter.Pull2(c.Events(t.Context(), n.Rules().Genesis().Cursor()))
	defer stop()
	b := &book{told: map[chain.Hash]bool{}}
	read := func() client.Event {
		e, err, _ := next()
		if err != nil {
			t.Fatal(err)
		}
		b.take(t, e)
		return e
	}
	toTip := func() {
		for tip := n.ledger.Tip().Tip; len(b.blocks) == 0 || b.blocks[len(b.blocks)-1].Hash != tip.Hash; {
			read()
		}
	}
	for round := range 20 {
		best = append(best, n.grow(t, best[len(best)-1], fmt.Sprint("main ", round), 1+random.IntN(8))[1:]...)
		if round%3 == 0 {
			n.add(t, n.sign(byte(round), chain.Transaction{Data: "noise"}))
		}
		if round%2 == 0 {
			toTip() // stands on what is to be reverted
		} else {
			read() // stands anywhere, on a branch that was left too
		}
		depth := 1 + random.IntN(min(7, len(best)-1))
		best = best[:len(best)-depth]
		best = append(best, n.grow(t, best[len(best)-1], fmt.Sprint("side ", round), depth+1)[1:]...)
		if tip := n.ledger.Tip().Tip; tip != best[len(best)-1].Tip {
			t.Fatalf("the chain did not switch to the longer branch: %d %s", tip.Height, tip.Hash)
		}
	}
	toTip()
	t.Logf("%d blocks, %d reorganisations seen, %d connections", len(b.blocks), b.switches, knife.cuts)
	if b.switches < 3 || knife.cuts < 10 {
		t.Errorf("seen %d reorganisations and %d cuts: the test shows nothing", b.switches, knife.cuts)
	}
	if len(b.blocks) != len(best)-1 {
		t.Fatalf("want %d blocks, got %d", len(best)-1, len(b.blocks))
	}
	for i, block := range b.blocks {
		if !bytes.Equal(block.Raw(), rawOf(t, n, best[i+1].Tip.Hash)) {
			t.Errorf("height %d: want block %s, got %s", i+1, best[i+1].Tip.Hash, block.Hash)
		}
	}
}

// readSSE returns a reader of the messages of server-sent events.
func readSSE(t *testing.T, url string, lines ...string) func() client.Message {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), "GET", url, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines {
		name, value, _ := strings.Cut(line, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || kind != "text/event-stream" {
		t.Fatalf("want a stream, got %s, %s", resp.Status, kind)
	}
	stream := bufio.NewReader(resp.Body)
	return func() client.Message {
		t.Helper()
		m := client.Message{}
		for {
			line, err := stream.ReadString('\n')
			if err != nil {
				t.Fatalf("the stream ends: %v", err)
			}
			switch name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": "); name {
			case "id":
				m.ID = value
			case "event":
				m.Event = client.EventKind(value)
			case "data":
				m.Data = json.RawMessage(value)
			case "":
				return m
			default:
				t.Fatalf("unknown line %q", line)
			}
		}
	}
}

// readWebSocket returns a reader of the messages of a WebSocket.
func readWebSocket(t *testing.T, url string) func() client.Message {
	t.Helper()
	conn, resp, err := websocket.Dial(t.Context(), url, nil)
	if err != nil {
		t.Fatal(err)
	}
	if resp.StatusCode != http.StatusSwitchingProtocols {
		t.Errorf("got %s", resp.Status)
	}
	conn.SetReadLimit(16 << 20)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return func() client.Message {
		t.Helper()
		_, raw, err := conn.Read(t.Context())
		if err != nil {
			t.Fatalf("the stream ends: %v", err)
		}
		m := client.Message{}
		if err := json.Unmarshal(raw, &m); err != nil {
			t.Fatalf("%v: %q", err, raw)
		}
		return m
	}
}

func place(c chain.Cursor) string { return fmt.Sprintf("%d:%s", c.Height, c.Hash) }

// TestBothStreamsTellTheSame: from a branch that was left, then what comes.
func TestBothStreamsTellTheSame(t *testing.T) {
	n := newNode(t)
	left := n.grow(t, n.ledger.Tip(), "left", 4)
	won := n.grow(t, left[1], "won", 5)
	url, _ := serve(t, n)
	from := url + "/v1/events?from=" + place(left[4].Tip.Cursor())
	want := []client.Message{{Event: "start", ID: place(left[4].Tip.Cursor())}}
	for i := 4; i > 1; i-- {
		want = append(want, client.Message{Event: "revert", ID: place(left[i-1].Tip.Cursor()), Data: left[i].Tip.Canonical()})
	}
	for _, s := range won[1:] {
		want = append(want, client.Message{Event: "block", ID: place(s.Tip.Cursor()), Data: rawOf(t, n, s.Tip.Hash)})
	}
	streams := map[string]func() client.Message{
		"server-sent events": readSSE(t, from),
		"resumed":            readSSE(t, url+"/v1/events?from=genesis", "Last-Event-ID: "+place(left[4].Tip.Cursor())),
		"websocket":          readWebSocket(t, from),
	}
	check := func(want client.Message) {
		t.Helper()
		for name, read := range streams {
			if got := read(); got.Event != want.Event || got.ID != want.ID || !bytes.Equal(got.Data, want.Data) {
				t.Fatalf("%s: want %s %s %s\ngot %s %s %s", name, want.Event, want.ID, want.Data, got.Event, got.ID, got.Data)
			}
		}
	}
	for _, m := range want {
		check(m)
	}
	tx := n.add(t, n.sign(1, chain.Transaction{Data: "<&>\u2028\\"}))
	check(client.Message{Event: "transaction", Data: fmt.Appendf(nil, `{"id":"%s","transaction":%s}`, tx.ID(), tx.Raw())})
	b := n.mine(t, someone)
	check(client.Message{Event: "block", ID: place(b.Cursor()), Data: b.Raw()})
}

func TestStreamWithoutPlaceStartsAtTheTip(t *testing.T) {
	n := newNode(t)
	states := n.grow(t, n.ledger.Tip(), "", 3)
	url, _ := serve(t, n)
	read := readSSE(t, url+"/v1/events")
	if m := read(); m.Event != "start" || m.ID != place(states[3].Tip.Cursor()) || m.Data != nil {
		t.Errorf("want the tip as place and no more, got %+v", m)
	}
	next := n.grow(t, states[3], "", 1)[1]
	if m := read(); m.Event != "block" || m.ID != place(next.Tip.Cursor()) {
		t.Errorf("want the next block, got %+v", m)
	}
	all := readSSE(t, url+"/v1/events?from=genesis")
	all()
	if m := all(); m.ID != place(states[1].Tip.Cursor()) {
		t.Errorf("from genesis: want block 1 first, got %+v", m)
	}
}

// TestUnknownPlacesAreRefusedBeforeTheStream: with what to do, in both forms.
func TestUnknownPlacesAreRefusedBeforeTheStream(t *testing.T) {
	n := newNode(t)
	tip := n.grow(t, n.ledger.Tip(), "", 2)[2].Tip
	url, c := serve(t, n)
	unknown := strings.Repeat("ab", 32)
	upgrade := []string{"Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13", "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="}
	for _, row := range []struct {
		place  string
		status int
		words  string
	}{
		{"7:" + unknown, 410, "from=genesis"},
		{"1:" + tip.Hash.String(), 410, "from=genesis"},
		{"2", 422, "height:hash"},
		{"2:", 422, "height:hash"},
		{":" + unknown, 422, "height:hash"},
		{"02:" + tip.Hash.String(), 422, "height:hash"},
		{"-1:" + unknown, 422, "height:hash"},
		{"2:" + strings.ToUpper(unknown), 422, "height:hash"},
		{"9007199254740992:" + unknown, 422, "height:hash"},
		{"latest", 422, "height:hash"},
	} {
		t.Run(row.place, func(t *testing.T) {
			resp, body := call(t, "GET", url+"/v1/events?from="+row.place)
			wantProblem(t, resp, body, row.status, row.words)
			resp, body = call(t, "GET", url+"/v1/events", "Last-Event-ID: "+row.place)
			wantProblem(t, resp, body, row.status, row.words)
			resp, body = call(t, "GET", url+"/v1/events?from="+row.place, upgrade...)
			wantProblem(t, resp, body, row.status, row.words)
		})
	}
	resp, body := call(t, "GET", url+"/v1/events", "Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 7")
	wantProblem(t, resp, body, http.StatusBadRequest, "version")
	for _, err := range c.Events(t.Context(), chain.Cursor{Height: 7, Hash: tip.Hash}) {
		var p *client.Problem
		if !errors.Is(err, client.ErrUnknownBranch) || !errors.As(err, &p) || p.Status != http.StatusGone {
			t.Errorf("the client: got %v", err)
		}
	}
}

// TestPeersAreToldAsTheyComeAndGo: over the network, not by blocks.
func TestPeersAreToldAsTheyComeAndGo(t *testing.T) {
	n := newNode(t)
	defer n.start(t)()
	_, c := serve(t, n)
	next, stop := iter.Pull2(c.Events(t.Context(), n.Rules().Genesis().Cursor()))
	defer stop()
	n.grow(t, n.ledger.Tip(), "", 1)
	if e, err, _ := next(); err != nil || e.Kind != client.EventBlock {
		t.Fatalf("got %+v, %v", e, err) // the stream has begun
	}
	other := newNode(t, n.Addrs()[0])
	leave := other.start(t)
	defer leave()
	await := func(state client.PeerState) {
		t.Helper()
		for {
			e, err, _ := next()
			if err != nil {
				t.Fatal(err)
			}
			if e.Kind == client.EventPeer && e.Peer.ID == other.ID() && e.Peer.State == state {
				return
			}
		}
	}
	await(client.PeerConnected)
	leave()
	await(client.PeerGone)
}

// BenchmarkReplay follows a chain of empty blocks from genesis, by the client.
func BenchmarkReplay(b *testing.B) {
	n := newNode(b)
	const blocks = 2000
	n.grow(b, n.ledger.Tip(), "", blocks)
	_, c := serve(b, n)
	for b.Loop() {
		for e, err := range c.Events(b.Context(), n.Rules().Genesis().Cursor()) {
			if err != nil {
				b.Fatal(err)
			}
			if e.At.Height == blocks {
				break
			}
		}
	}
	b.ReportMetric(float64(blocks)*float64(b.N)/b.Elapsed().Seconds(), "blocks/s")
}
