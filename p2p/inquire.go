package p2p

import (
	"context"
	"fmt"
	"time"

	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/lp2pnode/lp2pnode/chain"
)

// Stranger is what a node said in one status exchange (protocol §8).
type Stranger struct {
	Agent   string
	Genesis chain.Hash
	Height  uint64
	Offset  time.Duration // its clock minus ours
	Took    time.Duration // the exchange
}

// Inquire exchanges statuses with a connected peer for somebody who holds the
// chain's first block only, and runs no Network on h. It fails when the peer
// does not answer before ctx ends, or not by the protocol.
func Inquire(ctx context.Context, h host.Host, id peer.ID, rules *chain.Rules, agent string) (Stranger, error) {
	genesis := rules.Genesis()
	ours := line(status{
		Agent:   agent,
		Genesis: genesis.Hash,
		Time:    uint64(time.Now().UnixMilli()),
		Tip:     genesis.Hash,
		Work:    chain.Work{}.Add(genesis.Difficulty),
	})
	st, err := h.NewStream(network.WithNoDial(ctx, statusProtocol), id, statusProtocol)
	if err != nil {
		return Stranger{}, fmt.Errorf("open %s: %w", statusProtocol, err)
	}
	stop := context.AfterFunc(ctx, func() { _ = st.Reset() })
	defer stop()
	defer func() { _ = st.Close() }()
	sent := time.Now()
	if _, err := st.Write(ours); err != nil {
		return Stranger{}, fmt.Errorf("write status: %w", err)
	}
	if err := st.CloseWrite(); err != nil {
		return Stranger{}, fmt.Errorf("write status: %w", err)
	}
	theirs, err := readStatus(patient{st, statusSilence})
	if err != nil {
		return Stranger{}, err
	}
	took := time.Since(sent)
	return Stranger{
		Agent: printable(theirs.Agent), Genesis: theirs.Genesis, Height: theirs.Height,
		Offset: time.UnixMilli(int64(theirs.Time)).Sub(sent.Add(took / 2)), Took: took,
	}, nil
}

// statusSilence bounds the wait for a peer's line.
const statusSilence = 10 * time.Second
