package bootstrap

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/libp2p/go-libp2p/core/sec"
	"github.com/libp2p/go-libp2p/p2p/net/swarm"
	ma "github.com/multiformats/go-multiaddr"
)

const (
	dialTimeout = 30 * time.Second // of one try, names and all addresses included
	maxAnswers  = 16               // addresses of one open entry that are asked
)

// job is one try; it shares nothing with the loop but the target's name.
type job struct {
	target *target // only handed back
	id     peer.ID // "" for an open entry
	addrs  []ma.Multiaddr
	other  bool // counted as a dial to a peer that nobody configured
}

// answer says who is at an address.
type answer struct {
	id   peer.ID
	addr ma.Multiaddr
	own  bool // the address is our own
}

// outcome is what became of a job.
type outcome struct {
	job
	resolved []ma.Multiaddr // where the addresses led to
	answers  []answer       // at an open entry; of a peer: those of others at its addresses
	reached  bool           // somebody wanted is connected
	refused  bool           // all who answered may not be dialled now
	err      error          // if not reached
}

// dial runs a job. It touches nothing that the loop owns.
func (f *Finder) dial(ctx context.Context, j job) outcome {
	ctx, cancel := context.WithTimeout(ctx, dialTimeout)
	defer cancel()
	ctx = network.WithAllowLimitedConn(ctx, "bootstrap")
	out := outcome{job: j}
	out.resolved, out.err = f.resolve(ctx, j.id, j.addrs)
	switch {
	case len(out.resolved) == 0:
		return out
	case j.id == "":
		f.askAll(ctx, &out)
		f.connectAnswers(ctx, &out)
	case j.id == f.host.ID():
		f.askAll(ctx, &out)
	default:
		out.err = f.connect(ctx, j.id, out.resolved)
		out.reached = out.err == nil
		out.answers = f.mismatches(out.err)
	}
	return out
}

// connect dials a peer at its addresses, and at those the peerstore knows. The
// swarm's own backoff, which grows beyond ours, is put aside.
func (f *Finder) connect(ctx context.Context, id peer.ID, addrs []ma.Multiaddr) error {
	f.clearBackoff(id)
	return f.host.Connect(ctx, peer.AddrInfo{ID: id, Addrs: addrs})
}

func (f *Finder) clearBackoff(id peer.ID) {
	if s, ok := f.host.Network().(interface{ Backoff() *swarm.DialBackoff }); ok {
		s.Backoff().Clear(id)
	}
}

// askAll finds out who is at each of the addresses of an open entry.
func (f *Finder) askAll(ctx context.Context, out *outcome) {
	var mu sync.Mutex // guards out
	var errs []error
	var wg sync.WaitGroup
	for _, full := range out.resolved[:min(len(out.resolved), maxAnswers)] {
		wg.Go(func() {
			addr, id := peer.SplitAddr(full)
			var err error
			if id == "" || id == f.host.ID() {
				id, err = f.ask(ctx, addr)
			}
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, err)
				return
			}
			out.answers = append(out.answers, answer{id: id, addr: addr, own: id == f.host.ID() && f.ownAddr(addr)})
		})
	}
	wg.Wait()
	out.err = errors.Join(errs...)
}

// ask dials with a throw-away peer id: the handshake fails, and its error says
// who answered. At one of our own addresses it is us, and nothing is dialled.
func (f *Finder) ask(ctx context.Context, addr ma.Multiaddr) (peer.ID, error) {
	nobody, err := throwAwayID()
	if err != nil {
		return "", err
	}
	defer func() {
		f.clearBackoff(nobody)
		f.host.Peerstore().ClearAddrs(nobody)
		f.host.Peerstore().RemovePeer(nobody)
	}()
	err = f.host.Connect(ctx, peer.AddrInfo{ID: nobody, Addrs: []ma.Multiaddr{addr}})
	var mismatch sec.ErrPeerIDMismatch
	switch {
	case errors.As(err, &mismatch):
		return mismatch.Actual, nil
	case errors.Is(err, swarm.ErrDialToSelf):
		return f.host.ID(), nil
	case err == nil:
		return "", fmt.Errorf("%s answers to any peer id", addr)
	}
	return "", err
}

func throwAwayID() (peer.ID, error) {
	_, public, err := crypto.GenerateEd25519Key(rand.Reader)
	if err != nil {
		return "", fmt.Errorf("make a throw-away peer id: %w", err)
	}
	return peer.IDFromPublicKey(public)
}

// connectAnswers dials those who answered, each at its addresses.
func (f *Finder) connectAnswers(ctx context.Context, out *outcome) {
	where := make(map[peer.ID][]ma.Multiaddr)
	for _, a := range out.answers {
		if a.id != f.host.ID() {
			where[a.id] = append(where[a.id], a.addr)
		}
	}
	var mu sync.Mutex // guards out
	var wg sync.WaitGroup
	allowed := 0
	for id, addrs := range where {
		if f.cfg.Network.Refused(id) {
			continue
		}
		allowed++
		wg.Go(func() {
			err := f.connect(ctx, id, addrs)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				out.reached = true
			} else {
				out.err = errors.Join(out.err, err)
			}
		})
	}
	wg.Wait()
	out.refused = len(where) > 0 && allowed == 0
}

// mismatches lists who else answered at the addresses of a peer.
func (f *Finder) mismatches(err error) []answer {
	var failed *swarm.DialError
	if !errors.As(err, &failed) {
		return nil
	}
	var others []answer
	for _, e := range failed.DialErrors {
		var mismatch sec.ErrPeerIDMismatch
		if errors.As(e.Cause, &mismatch) {
			others = append(others, answer{id: mismatch.Actual, addr: e.Address, own: f.ownAddr(e.Address)})
		}
	}
	return others
}
