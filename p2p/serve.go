package p2p

import (
	"bufio"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
)

// Inbound sync streams served at a time. Those who dialled us cannot take the
// share of the peers that we chose.
const (
	servedAtOnce  = 64
	servedInbound = 48
	servedPerPeer = 4 // no node asks another for more
)

// slots bound the streams served at a time.
type slots struct {
	mu      sync.Mutex
	all     int             // guarded by mu
	inbound int             // guarded by mu; of peers that dialled us
	peers   map[peer.ID]int // guarded by mu
}

func (s *slots) take(id peer.ID, inbound bool) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all >= servedAtOnce || s.peers[id] >= servedPerPeer || inbound && s.inbound >= servedInbound {
		return false
	}
	if s.peers == nil {
		s.peers = map[peer.ID]int{}
	}
	s.all++
	s.peers[id]++
	if inbound {
		s.inbound++
	}
	return true
}

func (s *slots) give(id peer.ID, inbound bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.all--
	if inbound {
		s.inbound--
	}
	if s.peers[id]--; s.peers[id] == 0 {
		delete(s.peers, id)
	}
}

// serveSync answers one request of /lp2p/sync/1 (protocol §8).
func (n *Network) serveSync(st patient) error {
	r := n.remote(st.Conn().RemotePeer())
	if r == nil {
		return network.ErrNoConn // it has just gone
	}
	// The request line as a whole has to come within one silence.
	late := time.AfterFunc(n.timing.silence, func() { _ = st.Reset() })
	raw, err := readLine(bufio.NewReader(st), maxLine)
	if !late.Stop() && err == nil {
		err = fmt.Errorf("the request took longer than %s", n.timing.silence)
	}
	if err != nil {
		if !r.requests.theirs.Allow() { // it counts like one that can be read
			n.turnDown(r, tooMany)
		}
		if errors.Is(err, errLongLine) {
			n.offend(r.ID, ReasonBadRequest, err)
		}
		return fmt.Errorf("read request: %w", err)
	}
	a := &answer{out: n.buffers.writer(st)}
	defer n.buffers.putWriter(a.out)
	request, err := parseRequest(raw)
	if !r.requests.allow(request) {
		n.turnDown(r, tooMany)
		return a.refuse(tooMany)
	}
	if err != nil {
		return a.refuse(err.Error())
	}
	dialled := r.Direction == inbound
	if !n.serving.take(r.ID, dialled) {
		n.turnDown(r, tooMany+" at a time")
		return a.refuse(tooMany + " at a time")
	}
	defer n.serving.give(r.ID, dialled)
	switch r := request.(type) {
	case headersRequest:
		err = n.serveHeaders(a, r)
	case blocksRequest:
		err = n.serveBlocks(a, r)
	case transactionsRequest:
		err = n.serveTransactions(a)
	}
	if err != nil {
		return err
	}
	return a.out.Flush()
}

// answer writes lines up to the limit of one answer.
type answer struct {
	out  *bufio.Writer
	size int
}

// add writes a line, and says false when the answer is full without it.
func (a *answer) add(raw []byte) (bool, error) {
	if a.size > 0 && a.size+len(raw)+1 > maxAnswer {
		return false, nil
	}
	a.size += len(raw) + 1
	if _, err := a.out.Write(raw); err != nil {
		return false, fmt.Errorf("write answer: %w", err)
	}
	if err := a.out.WriteByte('\n'); err != nil {
		return false, fmt.Errorf("write answer: %w", err)
	}
	return true, nil
}

// refuse writes the one line of a refusal, whose text is bounded.
func (a *answer) refuse(text string) error {
	const most = 1000
	text = strings.ToValidUTF8(fmt.Sprintf("%.*s", most, text), "?")
	if _, err := a.out.Write(line(refusal{text})); err != nil {
		return fmt.Errorf("write refusal: %w", err)
	}
	return a.out.Flush()
}

func (n *Network) serveHeaders(a *answer, r headersRequest) error {
	headers, err := n.ledger.RawHeadersAfter(r.Locator, int(min(r.Limit, maxHeaders)))
	if err != nil {
		return n.cannotServe(a, "headers", err)
	}
	for _, raw := range headers {
		if more, err := a.add(raw); !more {
			return err
		}
	}
	return nil
}

func (n *Network) serveBlocks(a *answer, r blocksRequest) error {
	for _, hash := range r.Hashes {
		known, err := n.ledger.Has(hash)
		if err == nil && !known {
			return nil // ends the answer
		}
		var raw []byte
		if err == nil {
			raw, err = n.ledger.RawBlock(hash)
		}
		if err != nil {
			return n.cannotServe(a, "block "+hash.String(), err)
		}
		if more, err := a.add(raw); !more {
			return err
		}
	}
	return nil
}

func (n *Network) serveTransactions(a *answer) error {
	for _, raw := range n.ledger.Transactions(maxTransactions) {
		if more, err := a.add(raw); !more {
			return err
		}
	}
	return nil
}

// cannotServe tells the asker of a fault of ours, if nothing was sent yet.
func (n *Network) cannotServe(a *answer, what string, err error) error {
	n.log.Error("cannot answer a peer", "request", what, "error", err)
	if a.size > 0 {
		return fmt.Errorf("read %s: %w", what, err)
	}
	return a.refuse("this node cannot read its own chain")
}
