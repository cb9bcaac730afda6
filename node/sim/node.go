package sim

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/lp2pnode/lp2pnode/node"
)

const dataDir = "/lp2pnode" // of a node in memory

// Node is one machine's node over its restarts: the machine, disk, key and
// hash power stay, what runs on them comes and goes.
type Node struct {
	Index   int
	Machine *Machine
	Power   *Power

	sim     *Sim
	id      peer.ID
	disk    *vfs.MemFS
	entries []string // of the bootstrap list
	ahead   time.Duration

	*node.Node // nil while it does not run
	follower   *follower
	followed   <-chan struct{} // closed once the follower has left
	cancel     context.CancelFunc
	done       chan error // what Run returned
}

func newNode(s *Sim, i int, m *Machine) (*Node, error) {
	n := &Node{
		Index: i, Machine: m, Power: NewPower(s.cfg.HashPower(i), s.cfg.Seed<<20+uint64(i)),
		sim: s, disk: newDisk(s.cfg.Lean), ahead: s.cfg.Clock(i), follower: newFollower(),
	}
	var seed [ed25519.SeedSize]byte
	binary.BigEndian.PutUint64(seed[:], s.cfg.Seed)
	binary.BigEndian.PutUint64(seed[8:], uint64(i)+1)
	key, err := crypto.UnmarshalEd25519PrivateKey(ed25519.NewKeyFromSeed(seed[:]))
	if err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	if n.id, err = peer.IDFromPrivateKey(key); err != nil {
		return nil, fmt.Errorf("make key: %w", err)
	}
	return n, n.keep(key)
}

// newDisk returns an empty disk; a lean one cannot crash.
func newDisk(lean bool) *vfs.MemFS {
	if lean {
		return vfs.NewMem()
	}
	return vfs.NewCrashableMem()
}

// keep writes the node's key where the node looks for it.
func (n *Node) keep(key crypto.PrivKey) error {
	raw, err := crypto.MarshalPrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode key: %w", err)
	}
	if err := n.disk.MkdirAll(dataDir, 0o700); err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	f, err := n.disk.Create(n.disk.PathJoin(dataDir, "node.key"), vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	_, err = io.WriteString(f, base64.StdEncoding.EncodeToString(raw))
	err = errors.Join(err, f.Sync(), f.Close())
	for _, dir := range []string{"/", dataDir} {
		d, openErr := n.disk.OpenDir(dir)
		if openErr != nil {
			return fmt.Errorf("write key: %w", openErr)
		}
		err = errors.Join(err, d.Sync(), d.Close())
	}
	if err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	return nil
}

// String names the node in logs.
func (n *Node) String() string { return fmt.Sprintf("node %d", n.Index) }

// Addr is where others dial the node.
func (n *Node) Addr() string {
	return fmt.Sprintf("/ip4/%s/tcp/%d/p2p/%s", n.Machine.Addr(), node.DefaultPort, n.id)
}

// Now is the node's clock.
func (n *Node) Now() time.Time { return time.Now().Add(n.ahead) }

func (n *Node) running() bool { return n.Node != nil }

// open opens the node on its disk.
func (n *Node) open() error {
	cfg := node.DefaultConfig()
	cfg.Params = n.sim.cfg.Chain
	cfg.Listen = []string{fmt.Sprintf("/ip4/%s/tcp/%d", n.Machine.Addr(), node.DefaultPort)}
	cfg.Bootstrap = n.entries
	cfg.MDNS = false
	cfg.Mine = n.sim.cfg.HashPower(n.Index) > 0
	cfg.MineAlone = true // partitioned groups go on
	cfg.CacheSize = 256 << 10
	cfg.Logger = n.sim.log.of(n.String())
	cfg.FS = n.disk
	cfg.Sealer = n.Power
	cfg.Now = n.Now
	cfg.Libp2p = []libp2p.Option{
		libp2p.NoTransports,
		libp2p.Transport(n.Machine.Transport()),
		libp2p.DisableIdentifyAddressDiscovery(), // it stalls virtual time
		libp2p.ResourceManager(&network.NullResourceManager{}),
	}
	var err error
	n.Node, err = node.Open(cfg)
	return err
}

// run runs the open node until stop.
func (n *Node) run() {
	ctx, cancel := context.WithCancel(context.Background())
	n.cancel, n.done = cancel, make(chan error, 1)
	running, done := n.Node, n.done
	if !n.sim.cfg.Lean {
		n.followed = n.follower.follow(ctx, running.Ledger())
	}
	go func() { done <- running.Run(ctx) }()
}

// stop ends the node as a signal does.
func (n *Node) stop() error {
	n.cancel()
	err := <-n.done
	if n.followed != nil {
		<-n.followed
	}
	err = errors.Join(err, n.Node.Close())
	n.Node = nil
	return err
}
