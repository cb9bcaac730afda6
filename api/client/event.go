package client

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/lp2pnode/lp2pnode/chain"
)

// EventKind says what an event tells.
type EventKind string

// The kinds of events.
const (
	EventStart       EventKind = "start"       // the stream begins at a place
	EventBlock       EventKind = "block"       // a block joined the best chain
	EventRevert      EventKind = "revert"      // a block left the best chain
	EventTransaction EventKind = "transaction" // a transaction came into the pool
	EventPeer        EventKind = "peer"        // a peer came, was met, left or was refused
)

// Message is an event as a WebSocket carries it, GET /v1/events.
type Message struct {
	Event EventKind       `json:"event" enum:"start,block,revert,transaction,peer"`
	ID    string          `json:"id,omitempty" doc:"height:hash of the tip after it; the place to go on after"`
	Data  json.RawMessage `json:"data,omitempty" doc:"a block, the header of the block that left, a transaction with its id, or a peer"`
}

// News is the data of an EventTransaction.
type News struct {
	ID          chain.Hash `json:"id" doc:"SHA-256 of the canonical bytes"`
	Transaction Signed     `json:"transaction"`
}

// Event is what a node tells its followers. At is the place after it. Of the
// rest one is there, by its kind.
type Event struct {
	Kind        EventKind
	At          chain.Cursor
	Block       *chain.Block       // of EventBlock: it joined the best chain
	Header      *chain.Header      // of EventRevert: its block left the best chain
	Transaction *chain.Transaction // of EventTransaction
	Peer        *Peer              // of EventPeer
}

// ErrUnknownBranch says that the place from which to follow was never on the
// node: another node, or another data directory. The *Problem that it comes
// with says what to do.
var ErrUnknownBranch = errors.New("the node does not know the branch to go on from")

// errLies is what a node gets that tells what cannot be.
var errLies = errors.New("the events do not fit together")

// read makes an Event of m, after the place at. It checks all that can be
// checked: that a block hashes to its hash and stands on the place before it,
// that what leaves is that place's block, and that the id is the place after.
func (m *Message) read(at chain.Cursor) (Event, error) {
	e := Event{Kind: m.Event, At: at}
	var err error
	switch m.Event {
	case EventStart:
		e.At, err = parsePlace(m.ID)
		if zero := (chain.Cursor{}); err == nil && at != zero && at != e.At {
			return e, fmt.Errorf("%w: asked to go on after %s, it begins at %s", errLies, placeOf(at), m.ID)
		}
		return e, err
	case EventBlock:
		if e.Block, err = parseBlock(m.Data); err != nil {
			return e, err
		}
		if e.Block.PrevHash != at.Hash || e.Block.Height != at.Height+1 {
			return e, fmt.Errorf("%w: block %s does not stand on %s", errLies, e.Block.Hash, placeOf(at))
		}
		e.At = e.Block.Cursor()
	case EventRevert:
		if e.Header, err = parseHeader(m.Data); err != nil {
			return e, err
		}
		if e.Header.Cursor() != at || at.Height == 0 {
			return e, fmt.Errorf("%w: block %s leaves, the tip was %s", errLies, e.Header.Hash, placeOf(at))
		}
		e.At = chain.Cursor{Height: at.Height - 1, Hash: e.Header.PrevHash}
	case EventTransaction:
		var news News
		if err = json.Unmarshal(m.Data, &news); err != nil {
			return e, err
		}
		if news.Transaction.IsZero() || news.Transaction.ID() != news.ID {
			return e, fmt.Errorf("%w: transaction %s has another id", errLies, news.ID)
		}
		e.Transaction = news.Transaction.Transaction
		return e, nil
	case EventPeer:
		e.Peer = &Peer{}
		return e, json.Unmarshal(m.Data, e.Peer)
	}
	if m.ID != placeOf(e.At) {
		return e, fmt.Errorf("%w: id %.100q after %s", errLies, m.ID, placeOf(e.At))
	}
	return e, nil
}

func placeOf(c chain.Cursor) string { return fmt.Sprintf("%d:%s", c.Height, c.Hash) }

func parsePlace(s string) (chain.Cursor, error) {
	number, digits, _ := strings.Cut(s, ":")
	height, err := strconv.ParseUint(number, 10, 64)
	if err != nil {
		return chain.Cursor{}, fmt.Errorf("%w: id %.100q is no place", errLies, s)
	}
	hash, err := chain.ParseHash(digits)
	if err != nil {
		return chain.Cursor{}, fmt.Errorf("%w: id %.100q is no place", errLies, s)
	}
	return chain.Cursor{Height: height, Hash: hash}, nil
}
