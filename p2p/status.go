package p2p

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"

	"github.com/libp2p/go-libp2p/core/network"

	"github.com/lp2pnode/lp2pnode/chain"
)

// watchAll starts a watcher for every peer that connects.
func (n *Network) watchAll(ctx context.Context, spawn func(func(context.Context))) {
	for {
		n.mu.Lock()
		fresh := n.fresh
		n.fresh = nil
		n.mu.Unlock()
		for _, r := range fresh {
			spawn(func(ctx context.Context) { n.watch(ctx, r, spawn) })
		}
		select {
		case <-n.arrived:
		case e := <-n.identified.Out():
			n.noteSeen(e)
		case <-ctx.Done():
			return
		}
	}
}

// watch exchanges statuses with one peer while it is connected: at once, every
// so often, and when kicked. Two failures in a row end the connection, and so
// does another genesis.
func (n *Network) watch(ctx context.Context, r *remote, spawn func(func(context.Context))) {
	if ban, banned := n.bans.Find(r.ID); banned { // it came in while it was being banned
		n.part(r, ReasonBanned, ban.why())
		n.disconnect(r)
		return
	}
	for failures := 0; ; {
		err := n.exchange(ctx, r)
		if ctx.Err() != nil {
			return
		}
		wait := n.timing.status
		switch {
		case n.otherGenesis(r):
			n.pauseFor(ctx, r, n.timing.linger)
			n.disconnect(r)
			return
		case err == nil:
			failures = 0
			n.askPool(r, spawn)
		default:
			n.log.Debug("status exchange failed", "peer", r.ID, "error", err)
			if failures++; failures == 2 {
				n.part(r, statusReason(err), err.Error())
				n.disconnect(r)
				n.offend(r.ID, statusReason(err), err)
				return
			}
			wait = n.timing.retry
		}
		if !n.nextExchange(ctx, r, wait) {
			return
		}
	}
}

// nextExchange waits for the time of the next exchange or a kick, but a moment
// at least, and says false when there will be none.
func (n *Network) nextExchange(ctx context.Context, r *remote, wait time.Duration) bool {
	moment := min(wait, n.timing.retry/4)
	if !n.pauseFor(ctx, r, moment) {
		return false
	}
	timer := time.NewTimer(wait - moment)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.kick:
	case <-r.gone:
		return false
	case <-ctx.Done():
		return false
	}
	return true
}

// pauseFor waits, and says false when the peer or ctx went meanwhile.
func (n *Network) pauseFor(ctx context.Context, r *remote, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-r.gone:
	case <-ctx.Done():
	}
	return false
}

// disconnect closes all connections of a peer.
func (n *Network) disconnect(r *remote) {
	if err := n.host.Network().ClosePeer(r.ID); err != nil {
		n.log.Debug("close connection", "peer", r.ID, "error", err)
	}
}

// otherGenesis tells whether the peer was found on another chain, in our
// exchange or in its own.
func (n *Network) otherGenesis(r *remote) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return r.Reason == ReasonOtherGenesis
}

// errStatus is wrapped by what is wrong with a status that did arrive.
var errStatus = errors.New("bad status")

func statusReason(err error) Reason {
	if errors.Is(err, errStatus) {
		return ReasonBadStatus
	}
	return ReasonNoAnswer
}

// ownStatus is our line.
func (n *Network) ownStatus() []byte {
	tip := n.ledger.Tip()
	return line(status{
		Agent:   n.agent,
		Genesis: n.rules.Genesis().Hash,
		Height:  tip.Tip.Height,
		Time:    uint64(n.now().UnixMilli()),
		Tip:     tip.Tip.Hash,
		Work:    tip.Work,
	})
}

// exchange opens /lp2p/status/1 and measures what it takes and the peer's clock.
func (n *Network) exchange(ctx context.Context, r *remote) error {
	ctx, cancel := context.WithTimeout(ctx, n.timing.statusWait)
	defer cancel()
	return n.converse(ctx, r.ID, statusProtocol, func(st patient) error {
		sent := n.now()
		if _, err := st.Write(n.ownStatus()); err != nil {
			return fmt.Errorf("write status: %w", err)
		}
		if err := st.CloseWrite(); err != nil {
			return fmt.Errorf("write status: %w", err)
		}
		theirs, err := readStatus(st)
		if err != nil {
			return err
		}
		took := n.now().Sub(sent)
		n.learn(r, theirs, sent, took)
		return nil
	})
}

// serveStatus answers /lp2p/status/1.
func (n *Network) serveStatus(st patient) error {
	r := n.remote(st.Conn().RemotePeer())
	if r == nil {
		return network.ErrNoConn // it has just gone
	}
	if !r.statuses.theirs.Allow() {
		n.turnDown(r, "status exchanges")
		return errOverRate
	}
	if _, err := st.Write(n.ownStatus()); err != nil {
		return fmt.Errorf("write status: %w", err)
	}
	if err := st.CloseWrite(); err != nil {
		return fmt.Errorf("write status: %w", err)
	}
	theirs, err := readStatus(st)
	if err != nil {
		return err
	}
	n.learn(r, theirs, time.Time{}, 0)
	return nil
}

// readStatus reads one line and nothing after it.
func readStatus(st patient) (status, error) {
	in := bufio.NewReader(st)
	raw, err := readLine(in, maxLine)
	if errors.Is(err, errLongLine) {
		return status{}, fmt.Errorf("%w: %w", errStatus, err)
	}
	if err != nil {
		return status{}, fmt.Errorf("read status: %w", err)
	}
	if in.Buffered() > 0 {
		return status{}, fmt.Errorf("%w: more than a line", errStatus)
	}
	theirs, err := parseStatus(raw)
	if err != nil {
		return status{}, fmt.Errorf("%w: %w", errStatus, err)
	}
	return theirs, nil
}

// printable leaves out of a peer's text what a terminal would obey, or would
// hide.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return -1
	}, text)
}

// learn takes in a peer's status; sent and took are of an exchange that we
// opened, zero otherwise.
func (n *Network) learn(r *remote, theirs status, sent time.Time, took time.Duration) {
	if n.bans.Contains(r.ID) {
		return // it is on its way out
	}
	if theirs.Genesis != n.rules.Genesis().Hash {
		n.refuse(r, theirs.Genesis)
		nudge(r.kick)
		return
	}
	n.mu.Lock()
	joined := !r.Met
	r.Met, r.Agent, r.Height, r.Tip, r.Work = true, printable(theirs.Agent), theirs.Height, theirs.Tip, theirs.Work
	if !sent.IsZero() {
		r.Latency, r.measured = took, true
		r.offset = time.UnixMilli(int64(theirs.Time)).Sub(sent.Add(took / 2))
	}
	delete(n.refused, r.ID)
	n.notify()
	n.mu.Unlock()
	if !sent.IsZero() {
		n.watchClock()
	}
	if joined {
		n.log.Info("peer joined", "peer", r.ID, "addr", r.Addr, "direction", r.Direction,
			"agent", printable(theirs.Agent), "height", theirs.Height)
	}
	if joined || theirs.Work.Cmp(n.ledger.Tip().Work) > 0 {
		nudge(n.wake)
	}
}

// maxPools is how many peers are asked for their pools at a time: each may give
// 5000 signatures to check.
const maxPools = 2

// askPool asks a peer once for its pool, when we know the chain it fits.
func (n *Network) askPool(r *remote, spawn func(func(context.Context))) {
	if n.Sync().Behind {
		return
	}
	n.mu.Lock()
	ask := !r.askedPool
	r.askedPool = true
	n.mu.Unlock()
	if !ask {
		return
	}
	spawn(func(ctx context.Context) {
		select {
		case n.pools <- struct{}{}:
			defer func() { <-n.pools }()
		case <-r.gone:
			return
		case <-ctx.Done():
			return
		}
		src := chain.Source{Via: chain.ViaSync, Peer: r.ID.String()}
		err := n.askTransactions(ctx, r.ID, func(tx *chain.Transaction) error {
			err := n.ledger.AddTransaction(src, tx)
			if errors.Is(err, chain.ErrInvalid) {
				return blame(ReasonBadTransaction, "from its pool: %w", err)
			}
			if ours(err) {
				return err
			}
			return nil
		})
		if err != nil {
			n.log.Debug("pool exchange ended early", "peer", r.ID, "error", err)
			n.offend(r.ID, reasonOf(err), err)
		}
	})
}
