package sim

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/libp2p/go-libp2p"
	"github.com/libp2p/go-libp2p/core/crypto"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"

	"github.com/lp2pnode/lp2pnode/node"
)

const (
	dataDir    = "/lp2pnode" // of a node in memory
	cacheBytes = 256 << 10   // of its store
)

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
	key, id, err := identity(s.cfg.Seed, i)
	if err != nil {
		return nil, err
	}
	n.id = id
	return n, keepKey(n.disk, key)
}

// identity returns the key of a number, and its peer id.
func identity(seed uint64, i int) (crypto.PrivKey, peer.ID, error) {
	var bytes [ed25519.SeedSize]byte
	binary.BigEndian.PutUint64(bytes[:], seed)
	binary.BigEndian.PutUint64(bytes[8:], uint64(i)+1)
	key, err := crypto.UnmarshalEd25519PrivateKey(ed25519.NewKeyFromSeed(bytes[:]))
	if err != nil {
		return nil, "", fmt.Errorf("make key: %w", err)
	}
	id, err := peer.IDFromPrivateKey(key)
	if err != nil {
		return nil, "", fmt.Errorf("make key: %w", err)
	}
	return key, id, nil
}

// newDisk returns an empty disk; a lean one cannot crash.
func newDisk(lean bool) *vfs.MemFS {
	if lean {
		return vfs.NewMem()
	}
	return vfs.NewCrashableMem()
}

// keepKey writes a node's key where the node looks for it.
func keepKey(disk *vfs.MemFS, key crypto.PrivKey) error {
	raw, err := crypto.MarshalPrivateKey(key)
	if err != nil {
		return fmt.Errorf("encode key: %w", err)
	}
	if err := disk.MkdirAll(dataDir, 0o700); err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	f, err := disk.Create(disk.PathJoin(dataDir, "node.key"), vfs.WriteCategoryUnspecified)
	if err != nil {
		return fmt.Errorf("write key: %w", err)
	}
	_, err = io.WriteString(f, base64.StdEncoding.EncodeToString(raw))
	err = errors.Join(err, f.Sync(), f.Close())
	for _, dir := range []string{"/", dataDir} {
		d, openErr := disk.OpenDir(dir)
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
func (n *Node) Addr() string { return addrOf(n.Machine, n.id) }

func addrOf(m *Machine, id peer.ID) string {
	return fmt.Sprintf("/ip4/%s/tcp/%d/p2p/%s", m.Addr(), node.DefaultPort, id)
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
	cfg.CacheSize = cacheBytes
	cfg.Logger = n.sim.log.of(n.String())
	cfg.FS = n.disk
	cfg.Sealer = n.Power
	cfg.Now = n.Now
	cfg.Libp2p = n.sim.hostOptions(n.Machine)
	var err error
	n.Node, err = node.Open(cfg)
	return err
}

// hostOptions are those of every host on a machine. Where nobody is bad, nobody
// counts resources.
func (s *Sim) hostOptions(m *Machine) []libp2p.Option {
	options := []libp2p.Option{
		libp2p.NoTransports,
		libp2p.Transport(m.Transport()),
		libp2p.DisableIdentifyAddressDiscovery(), // it stalls virtual time
	}
	if s.cfg.Bad == 0 {
		options = append(options, libp2p.ResourceManager(&network.NullResourceManager{}))
	}
	return options
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

func (n *Node) listensAt() netip.AddrPort {
	return netip.AddrPortFrom(n.Machine.Addr(), node.DefaultPort)
}
