package node

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lp2pnode/lp2pnode/chain/ledger"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

const (
	// DefaultMinFree is the room on disk, in bytes, below which a node stops
	// writing. The store merges its tables into new ones before it removes the
	// old, which takes more than 64 MiB at times.
	DefaultMinFree = 256 << 20

	lookEvery = time.Second // at the disk's room: it is one cheap call
	lastMend  = time.Minute // at most, between two tries to write again
)

// Disk is how the disk of a node is.
type Disk struct {
	Free    uint64 // bytes free for the data directory; 0 if Unknown
	MinFree uint64 // bytes below which nothing is written
	Unknown bool   // the room cannot be told, as of a node in memory
	Held    string // why nothing is written now; "" if it is
	Breaks  uint64 // how often a write has failed since the start
}

// keeper sees that a store is only written to while its disk has room, and
// opens it again after a write has failed: to read at once, which takes no
// room, and to write when there is room. Meanwhile the ledger adds nothing.
type keeper struct {
	fs     vfs.FS
	dir    string
	store  *store.Store
	ledger *ledger.Ledger
	log    *slog.Logger
	tell   func(held string) // called when that changes

	next  time.Time // not to be opened for writing before; owned by run
	tries int       // breaks, each soon after the one before; owned by run

	mu   sync.Mutex
	disk Disk // guarded by mu
}

func newKeeper(cfg *Config, dir string, st *store.Store, l *ledger.Ledger, tell func(string)) *keeper {
	k := &keeper{fs: cfg.FS, dir: dir, store: st, ledger: l, log: cfg.Logger, tell: tell}
	k.disk.MinFree = cfg.MinFree
	if st.ReadOnly() {
		k.disk.Held = "the disk was full at the start"
	}
	k.look()
	return k
}

// run looks at the disk until ctx ends.
func (k *keeper) run(ctx context.Context) error {
	for {
		broken := k.store.Broken()
		if !k.look() {
			broken = nil // tried again at the next tick
		} else if k.store.Err() == nil {
			broken = k.store.Broken()
		} // else it broke while look looked, and broken is closed
		var tick <-chan time.Time
		if d := k.state(); !d.Unknown || d.Held != "" {
			tick = time.After(lookEvery)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-broken:
		case <-tick:
		}
	}
}

func (k *keeper) state() Disk {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.disk
}

// setMinFree takes another watermark, 0 for DefaultMinFree; it counts from the
// next look on.
func (k *keeper) setMinFree(bytes uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.disk.MinFree = cmp.Or(bytes, DefaultMinFree)
}

// look measures the room, mends the store if it is broken, or was and there is
// room again, and lets write or not. It returns false if the store could not be
// opened.
func (k *keeper) look() (opened bool) {
	roomy, enough := k.measure()
	broken := k.store.Err()
	if broken != nil {
		k.hold(fmt.Sprintf("the disk of %s has failed: %v", k.dir, broken))
		k.broke()
	}
	due := roomy && !time.Now().Before(k.next)
	opened = true
	if broken != nil || k.store.ReadOnly() && due {
		opened = k.mend(!due)
	}
	switch {
	case k.store.Err() != nil:
		k.hold(fmt.Sprintf("the store in %s cannot be opened: %v", k.dir, k.store.Err()))
	case !roomy:
		k.hold(fmt.Sprintf("the disk is full: %d MiB have to be free in %s", (enough+1<<20-1)>>20, k.dir))
	case k.store.ReadOnly():
		k.hold(fmt.Sprintf("the disk of %s has failed and is tried again", k.dir))
	default:
		k.hold("")
	}
	return opened
}

// measure asks for the room on disk and tells whether it lets write, and how
// many bytes let write again once it was missing: some more, or a node would
// stop and go with each file that somebody makes and removes.
func (k *keeper) measure() (roomy bool, enough uint64) {
	usage, err := k.fs.GetDiskUsage(k.dir)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.disk.Unknown, k.disk.Free = err != nil, usage.AvailBytes
	enough = k.disk.MinFree + k.disk.MinFree/4
	if k.store.ReadOnly() {
		enough = max(enough, store.SpareRoom) // or it could not be opened for writing
	}
	wanted := enough
	if k.disk.Held == "" {
		wanted = k.disk.MinFree
	}
	return k.disk.Unknown || k.disk.Free >= wanted, enough
}

// broke counts a failure and puts off the next try to write: at once after the
// first one, then ever longer, since each leaves some memory behind.
func (k *keeper) broke() {
	if time.Since(k.next) > lastMend {
		k.tries = 0
	}
	k.next = time.Now()
	if k.tries > 0 {
		k.next = k.next.Add(min(time.Second<<min(k.tries, 10), lastMend))
	}
	k.tries++
	k.mu.Lock()
	defer k.mu.Unlock()
	k.disk.Breaks++
}

// mend opens the store again, and tells whether it could.
func (k *keeper) mend(readOnly bool) bool {
	err := k.store.Reopen(readOnly)
	if err != nil && !readOnly {
		k.log.Warn("store cannot be written to", "dir", k.dir, "error", err)
		k.broke()
		err = k.store.Reopen(true)
	}
	if err == nil {
		err = k.ledger.Reload()
	}
	if err != nil {
		k.log.Error("store cannot be opened", "dir", k.dir, "error", err)
		return false
	}
	k.log.Info("store opened again", "read_only", k.store.ReadOnly())
	return true
}

// hold stops what writes, or with "" lets it go on.
func (k *keeper) hold(why string) {
	k.mu.Lock()
	was, free := k.disk.Held, k.disk.Free
	k.disk.Held = why
	k.mu.Unlock()
	if why == was {
		return
	}
	k.ledger.Hold(why)
	k.tell(why)
	switch {
	case was == "":
		k.log.Error("nothing is written for now", "reason", why, "free", free, "hint", "see that the disk is well and has room; the node goes on by itself")
	case why == "":
		k.log.Info("writing goes on", "free", free)
	}
}
