package node_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/cockroachdb/pebble/v2/vfs/errorfs"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/store"
	"github.com/lp2pnode/lp2pnode/node"
)

// full is a disk without room while it is set.
type full struct {
	atomic.Bool
	inodes bool // an empty file still finds a place, as on most file systems
}

func (*full) String() string { return "full" }

// MaybeError implements errorfs.Injector.
func (f *full) MaybeError(op errorfs.Op) error {
	switch op.Kind {
	case errorfs.OpFileClose, errorfs.OpLock: // of a file that is there
		return nil
	case errorfs.OpFileWrite, errorfs.OpFileWriteAt:
	default:
		if f.inodes {
			return nil
		}
	}
	if f.Load() && op.Kind.ReadOrWrite() == errorfs.OpIsWrite {
		return syscall.ENOSPC
	}
	return nil
}

// onDisk is the configuration of a node alone that mines without end.
func onDisk(fs vfs.FS) node.Config {
	cfg := node.DefaultConfig()
	cfg.MDNS, cfg.MineAlone, cfg.MaxHashrate, cfg.FS, cfg.DataDir = false, true, 2000, fs, "/data"
	cfg.Listen = []string{"/ip4/127.0.0.1/tcp/0"}
	cfg.Params = node.LANParams()
	cfg.Params.ChainID, cfg.Params.InitialDifficulty, cfg.Params.RetargetWindow = "disk", 100, 0
	cfg.Params.Timestamp = uint64(time.Now().Add(-time.Hour).UnixMilli())
	return cfg
}

// run opens and runs a node, and returns how to end it well.
func run(t *testing.T, cfg node.Config) (*node.Node, func()) {
	t.Helper()
	n, err := node.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- n.Run(ctx) }()
	stop := sync.OnceFunc(func() {
		cancel()
		if err := errors.Join(<-done, n.Close()); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return n, stop
}

func height(n *node.Node) uint64 { return n.Ledger().Tip().Tip.Height }

func grows(t *testing.T, n *node.Node) {
	t.Helper()
	from := height(n)
	await(t, "more blocks", func() bool { return height(n) > from+1 })
}

// stopped checks a node that writes nothing: it says so, and serves.
func stopped(t *testing.T, n *node.Node, why string) {
	t.Helper()
	await(t, "that nothing is written", func() bool { return strings.Contains(n.Disk().Held, why) })
	await(t, "that it does not mine", func() bool {
		s := n.Miner().State()
		return !s.Mining && s.Reason == n.Disk().Held
	})
	at := height(n)
	if _, err := n.Ledger().AddBlocks(chain.Source{Via: chain.ViaGossip}, n.Rules().Genesis()); !errors.Is(err, chain.ErrHeld) {
		t.Errorf("want a block refused for now, got %v", err)
	}
	// While the store is being opened again, it cannot be read for a moment.
	await(t, "that only the disk is unfit", func() bool {
		return !slices.ContainsFunc(n.Checks(), func(c node.Check) bool { return c.OK == (c.Name == "disk") })
	})
	if !node.Fit(n.Alive()) {
		t.Errorf("want a node that lives, got %+v", n.Alive())
	}
	tip := n.Ledger().Tip().Tip
	if tip.Height != at {
		t.Errorf("want the tip unmoved, got height %d, then %d", at, tip.Height)
	}
	await(t, "that the tip is served", func() bool {
		_, err := n.Ledger().RawBlock(tip.Hash)
		return err == nil
	})
	await(t, "that the store holds", func() bool { return n.Ledger().Store().Verify(t.Context(), nil) == nil })
}

func TestNodeStopsWritingBelowTheWatermarkAndGoesOnByItself(t *testing.T) {
	disk := vfs.NewMem()
	room := func(bytes uint64) { disk.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: bytes, TotalBytes: 1 << 40}) }
	room(400 << 20)
	n, _ := run(t, onDisk(disk))
	grows(t, n)
	room(node.DefaultMinFree - 1)
	stopped(t, n, "the disk is full: 320 MiB have to be free in /data")
	room(node.DefaultMinFree) // not yet: a little more, or it would stop and go
	stopped(t, n, "the disk is full")
	room(node.DefaultMinFree * 5 / 4)
	grows(t, n)
	if d := n.Disk(); d.Held != "" || d.Breaks != 0 || d.Free != node.DefaultMinFree*5/4 {
		t.Errorf("want a disk that is well, got %+v", d)
	}
}

func TestWatermarkIsReloaded(t *testing.T) {
	disk := vfs.NewMem()
	disk.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 400 << 20, TotalBytes: 1 << 40})
	cfg := onDisk(disk)
	n, _ := run(t, cfg)
	grows(t, n)
	reload := func(least uint64) {
		cfg.MinFree = least
		if err := n.Reload(cfg); err != nil {
			t.Fatal(err)
		}
	}
	reload(401 << 20)
	stopped(t, n, "the disk is full: 502 MiB have to be free in /data")
	reload(0) // the default
	grows(t, n)
	if d := n.Disk(); d.MinFree != node.DefaultMinFree {
		t.Errorf("want the default of %d bytes, got %+v", node.DefaultMinFree, d)
	}
}

// TestFullDiskEndsNoNode: a disk that takes nothing more at any moment costs
// neither the process nor a block that was told of.
func TestFullDiskEndsNoNode(t *testing.T) {
	f, mem := &full{}, vfs.NewMem()
	cfg := onDisk(errorfs.Wrap(mem, f))
	n, stop := run(t, cfg)
	for range 2 {
		grows(t, n)
		told := n.Ledger().Tip().Tip
		f.Store(true)
		stopped(t, n, "has failed and is tried again") // said when the tip is that of the disk
		await(t, fmt.Sprintf("block %d as it was told of, %s", told.Height, told.Hash), func() bool {
			hash, err := n.Ledger().Store().HashAt(told.Height)
			return err == nil && hash == told.Hash
		})
		f.Store(false)
		grows(t, n)
	}
	if d := n.Disk(); d.Breaks < 2 {
		t.Errorf("want two failures counted, got %+v", d)
	}
	stop()
	again, _ := run(t, cfg)
	if err := again.Ledger().Store().Verify(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

// TestNodeStartsOnAFullDisk: to serve what it has.
func TestNodeStartsOnAFullDisk(t *testing.T) {
	for _, inodes := range []bool{false, true} {
		f, mem := &full{inodes: inodes}, vfs.NewMem()
		cfg := onDisk(errorfs.Wrap(mem, f))
		n, stop := run(t, cfg)
		grows(t, n)
		stop()
		f.Store(true)
		n, stop = run(t, cfg)
		stopped(t, n, "the disk of /data has failed and is tried again")
		f.Store(false)
		grows(t, n)
		stop()
	}
}

// TestReadOnlyStoreSaysWhatItTakesToWrite: which may be more than --min-free-mib.
func TestReadOnlyStoreSaysWhatItTakesToWrite(t *testing.T) {
	f, mem := &full{}, vfs.NewMem()
	room := func(bytes uint64) { mem.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: bytes, TotalBytes: 1 << 40}) }
	cfg := onDisk(errorfs.Wrap(mem, f))
	cfg.MinFree = 1
	room(1 << 30)
	n, stop := run(t, cfg)
	grows(t, n)
	stop()
	f.Store(true)
	room(store.SpareRoom - 1)
	n, _ = run(t, cfg)
	stopped(t, n, fmt.Sprintf("the disk is full: %d MiB have to be free in /data", store.SpareRoom>>20))
	f.Store(false)
	room(store.SpareRoom)
	grows(t, n)
}
