package api

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/ledger"
)

const (
	heartbeat = 15 * time.Second // a silent stream shows that it lives
	newsBatch = 64               // transactions told between two blocks
)

// event is one thing told to a follower.
type event struct {
	kind client.EventKind
	id   string // the place after it; "" when it is not told again
	data []byte // one line of JSON; nil is none
}

// sink takes events to the asker. Its methods fail when the asker is gone, or
// too slow for one event.
type sink interface {
	send(ctx context.Context, e event) error
	beat(ctx context.Context) error
}

// follower tells one asker what happens. It keeps nothing for the asker but
// places: whoever is slow is told later, from the chain itself.
type follower struct {
	node  Node
	at    chain.Cursor         // all before it was told
	news  uint64               // place in the order in which transactions came
	peers map[peer.ID]standing // as they were told
	beat  time.Duration        // between signs of life

	headers bool // of blocks, the header only
}

// standing is what is told of a peer when it changes.
type standing struct {
	state  client.PeerState
	since  time.Time
	reason string
}

// follow returns a follower that tells of blocks after a place, and of the rest
// from now on. Its error matches ledger.ErrUnknownCursor.
func follow(n Node, at chain.Cursor, beat time.Duration) (*follower, error) {
	if _, _, err := n.Ledger().Since(at, 1); err != nil {
		return nil, fmt.Errorf("from %s: %w", placeOf(at), err)
	}
	f := &follower{node: n, at: at, peers: map[peer.ID]standing{}, beat: beat}
	_, f.news = n.Ledger().PoolNews(0, 0)
	for _, p := range n.Network().Peers() {
		f.peers[p.ID] = standingOf(peerOf(p))
	}
	return f, nil
}

// run tells all there is and waits for more, until ctx ends or out fails.
func (f *follower) run(ctx context.Context, out sink) error {
	beat := time.NewTicker(f.beat)
	defer beat.Stop()
	if err := out.send(ctx, event{kind: client.EventStart, id: placeOf(f.at)}); err != nil {
		return err
	}
	for {
		chain, peers := f.node.Ledger().Changed(), f.node.Network().Changed()
		if err := f.tell(ctx, out); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-chain:
		case <-peers:
		case <-beat.C:
			if err := out.beat(ctx); err != nil {
				return err
			}
		}
	}
}

// tell tells all there is. Transactions come before the block that may hold
// them, and none waits for the end of a long chain.
func (f *follower) tell(ctx context.Context, out sink) error {
	if err := f.tellPeers(ctx, out); err != nil {
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := f.tellTransactions(ctx, out); err != nil {
			return err
		}
		more, err := f.tellStep(ctx, out)
		if err != nil || !more {
			return err
		}
	}
}

// tellStep tells of one block that left or joined the best chain: a block may
// have 8 MiB, and there may be many followers.
func (f *follower) tellStep(ctx context.Context, out sink) (more bool, err error) {
	steps, next, err := f.node.Ledger().Since(f.at, 1)
	if err != nil || len(steps) == 0 {
		return false, err
	}
	e := event{kind: client.EventBlock, id: placeOf(next), data: steps[0].Block.Raw()}
	if steps[0].Revert {
		e.kind, e.data = client.EventRevert, steps[0].Block.Header.Canonical()
	} else if f.headers {
		e.data = steps[0].Block.Header.Canonical()
	}
	f.at = next
	return true, out.send(ctx, e)
}

func (f *follower) tellTransactions(ctx context.Context, out sink) error {
	ids, next := f.node.Ledger().PoolNews(f.news, newsBatch)
	f.news = next
	for _, id := range ids {
		s, err := f.node.Ledger().Transaction(id)
		if err != nil {
			return err
		}
		if s.State != ledger.TxPending && s.State != ledger.TxIncluded {
			continue // it has left the pool already
		}
		data, err := marshal(client.News{ID: id, Transaction: client.Signed{Transaction: s.Transaction}})
		if err != nil {
			return err
		}
		if err := out.send(ctx, event{kind: client.EventTransaction, data: data}); err != nil {
			return err
		}
	}
	return nil
}

// tellPeers tells of peers that came, were met, left or were refused.
func (f *follower) tellPeers(ctx context.Context, out sink) error {
	known := f.node.Network().Peers()
	now := make(map[peer.ID]standing, len(known))
	for _, p := range known {
		told := peerOf(p)
		now[p.ID] = standingOf(told)
		if f.peers[p.ID] == now[p.ID] {
			continue
		}
		data, err := marshal(told)
		if err != nil {
			return err
		}
		if err := out.send(ctx, event{kind: client.EventPeer, data: data}); err != nil {
			return err
		}
	}
	f.peers = now
	return nil
}

func standingOf(p client.Peer) standing { return standing{p.State, p.Since, p.Reason} }

// marshal returns one line of JSON, with the canonical bytes in it as they are.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("marshal an event: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte{'\n'}), nil
}
