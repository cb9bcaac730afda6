package p2p

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/lp2pnode/lp2pnode/chain"
)

// busyTries is how often a peer that has too many requests is asked in a row.
const busyTries = 3

// ask sends one request of /lp2p/sync/1 and hands each line of the answer to
// take, which gets memory of its own. Errors carry the reason by which the
// peer is left alone, but for those of ctx.
func (n *Network) ask(ctx context.Context, id peer.ID, request any, maxLines, lineLimit int, take func([]byte) error) error {
	r := n.remote(id)
	if r == nil {
		return blame(ReasonBroken, "%w", network.ErrNoConn)
	}
	for tries := 1; ; tries++ {
		if err := r.requests.ours.Wait(ctx); err != nil {
			return fmt.Errorf("wait before a request: %w", errors.Join(ctx.Err(), err))
		}
		err := n.askOnce(ctx, id, request, maxLines, lineLimit, take)
		if err == nil || reasonOf(err) != ReasonBusy || tries == busyTries {
			return err
		}
		select {
		case <-time.After(n.whileBusy()):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (n *Network) askOnce(ctx context.Context, id peer.ID, request any, maxLines, lineLimit int, take func([]byte) error) error {
	ctx, cancel := context.WithTimeout(ctx, n.timing.request)
	defer cancel()
	return n.converse(ctx, id, syncProtocol, func(st patient) error {
		if _, err := st.Write(line(request)); err != nil {
			return fmt.Errorf("write request: %w", err)
		}
		if err := st.CloseWrite(); err != nil {
			return fmt.Errorf("write request: %w", err)
		}
		in := n.buffers.reader(st)
		defer n.buffers.putReader(in)
		for size, count := 0, 0; ; count++ {
			raw, err := readLine(in, max(lineLimit, maxLine))
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return fmt.Errorf("read answer: %w", err)
			}
			text, refused := parseRefusal(raw)
			switch {
			case refused && count == 0 && strings.HasPrefix(text, tooMany):
				return blame(ReasonBusy, "%.200q", text)
			case refused:
				return blame(ReasonRefused, "%.200q", text)
			}
			size += len(raw) + 1
			if count >= maxLines || count > 0 && size > maxAnswer {
				return blame(ReasonBadAnswer, "more than %d lines or %d bytes", maxLines, maxAnswer)
			}
			if err := take(raw); err != nil {
				return err
			}
		}
	})
}

// askHeaders asks for the headers after a locator. They are decoded, not
// checked against a state.
func (n *Network) askHeaders(ctx context.Context, id peer.ID, locator []chain.Hash, take func(*chain.Header) error) error {
	request := headersRequest{Limit: maxHeaders, Locator: locator, Type: "headers"}
	return n.ask(ctx, id, request, maxHeaders, chain.MaxHeaderBytes, func(raw []byte) error {
		h, err := n.rules.DecodeHeader(raw)
		if err != nil {
			return blame(ReasonBadHeaders, "decode header: %w", undecoded(raw, err))
		}
		return take(&h)
	})
}

// askTransactions asks for a peer's pool.
func (n *Network) askTransactions(ctx context.Context, id peer.ID, take func(*chain.Transaction) error) error {
	request := transactionsRequest{Type: "transactions"}
	return n.ask(ctx, id, request, maxTransactions, int(n.rules.Params.MaxBlockBytes), func(raw []byte) error {
		tx, err := n.rules.DecodeTransaction(raw)
		if err != nil {
			return blame(ReasonBadAnswer, "decode transaction: %w", err)
		}
		return take(tx)
	})
}
