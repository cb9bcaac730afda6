package node

import (
	"errors"
	"fmt"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

const (
	// A tip older than so many block intervals, and no less than stuckAtLeast,
	// is stuck: a gap that long comes by chance once in 2^29 blocks.
	stuckIntervals = 20
	stuckAtLeast   = time.Minute
	// A change of the ledger that takes longer will not end: the longest honest
	// ones, deep reorganisations, are done at thousands of blocks a second.
	endlessChange = 10 * time.Minute
	// maxWaiting bounds how many transactions are looked at for the oldest.
	maxWaiting = 1000
)

// Check is one part of a node's health.
type Check struct {
	Name   string // "peers", "tip", "sync", "disk", "clock", "store"
	OK     bool
	Detail string // what was found, and what is wrong if it is not OK
}

// Alive returns what only a restart cures: whether the ledger still does its
// work. A store whose disk has failed is opened again without one. It never
// blocks.
func (n *Node) Alive() []Check {
	return []Check{n.ledgerCheck()}
}

// Checks returns whether the node is fit for use, by its parts: that it has the
// peers it knows of, that its tip is young, that it is not behind, and that
// disk, clock and store are well.
func (n *Node) Checks() []Check {
	return []Check{n.peersCheck(), n.tipCheck(), n.syncCheck(), n.diskCheck(), n.clockCheck(), n.storeCheck()}
}

// Fit tells whether all checks hold.
func Fit(checks []Check) bool {
	for _, c := range checks {
		if !c.OK {
			return false
		}
	}
	return true
}

func (n *Node) ledgerCheck() Check {
	if busy := n.ledger.Busy(); busy > endlessChange {
		return Check{Name: "ledger", Detail: fmt.Sprintf("one change has been under way for %s", busy.Round(time.Second))}
	}
	return Check{Name: "ledger", OK: true, Detail: "no change is stuck"}
}

func (n *Node) peersCheck() Check {
	met := len(n.net.Met())
	switch {
	case met > 0:
		return Check{Name: "peers", OK: true, Detail: fmt.Sprintf("%d connected", met)}
	case n.finder.HasPeers():
		return Check{Name: "peers", Detail: "none connected, though some are known; lp2pnode peers says why"}
	}
	return Check{Name: "peers", OK: true, Detail: "none connected and none known: the first node of its chain, so far"}
}

// tipCheck finds a tip that does not move any more.
func (n *Node) tipCheck() Check {
	age := n.TipAge()
	params := n.plan.rules.Params
	limit := max(stuckIntervals*params.BlockInterval(), stuckAtLeast)
	if params.RetargetWindow == 0 {
		// Its miners may wait for transactions: only those show that it is stuck.
		waiting := n.longestWait()
		if waiting == 0 {
			return Check{Name: "tip", OK: true, Detail: fmt.Sprintf("%s old, and no transaction waits", age)}
		}
		age = min(age, waiting)
	}
	if age > limit {
		return Check{Name: "tip", Detail: fmt.Sprintf("no new block for %s, of a chain with one each %s: nobody mines, or their blocks do not come here", age, params.BlockInterval())}
	}
	return Check{Name: "tip", OK: true, Detail: fmt.Sprintf("%s old", age)}
}

// TipAge returns the time since the tip's timestamp, to the millisecond; at
// genesis, which has no miner, the time since the node was opened.
func (n *Node) TipAge() time.Duration {
	tip := n.ledger.Tip().Tip
	made := time.UnixMilli(int64(tip.Timestamp))
	if tip.Height == 0 && made.Before(n.started) {
		made = n.started
	}
	return max(0, n.cfg.Now().Sub(made)).Round(time.Millisecond)
}

// longestWait returns for how long the first transactions that could be mined
// have waited; 0 if there is none.
func (n *Node) longestWait() time.Duration {
	var longest time.Duration
	for _, e := range n.ledger.Pool(maxWaiting).Entries {
		if !e.Waiting {
			longest = max(longest, n.cfg.Now().Sub(e.Seen), time.Millisecond)
		}
	}
	return longest.Round(time.Millisecond)
}

func (n *Node) syncCheck() Check {
	sync := n.net.Sync()
	if sync.Lags() {
		return Check{Name: "sync", Detail: fmt.Sprintf("at height %d of %d", sync.Height, sync.Target)}
	}
	return Check{Name: "sync", OK: true, Detail: "no peer has shown more work"}
}

// diskCheck sees that there is room in the data directory, and that what comes
// is written.
func (n *Node) diskCheck() Check {
	d := n.Disk()
	free, err := n.FreeSpace()
	switch {
	case d.Held != "":
		return Check{Name: "disk", Detail: "nothing is written: " + d.Held}
	case errors.Is(err, vfs.ErrUnsupported):
		return Check{Name: "disk", OK: true, Detail: "everything is in memory"}
	case err != nil:
		return Check{Name: "disk", Detail: fmt.Sprintf("room in %s: %v", n.plan.dir, err)}
	}
	return Check{Name: "disk", OK: free >= d.MinFree, Detail: fmt.Sprintf("%d MiB free in %s, of at least %d", free>>20, n.plan.dir, d.MinFree>>20)}
}

// FreeSpace returns the bytes free for the data directory. The error matches
// vfs.ErrUnsupported when it is in memory.
func (n *Node) FreeSpace() (uint64, error) {
	usage, err := n.cfg.FS.GetDiskUsage(n.plan.dir)
	return usage.AvailBytes, err
}

// clockCheck holds as long as others accept the timestamps of this clock
// (protocol §7).
func (n *Node) clockCheck() Check {
	offset, peers := n.net.ClockOffset()
	most := time.Duration(n.plan.rules.Params.MaxAheadMS()) * time.Millisecond
	if peers == 0 {
		return Check{Name: "clock", OK: true, Detail: "there is no peer to compare it with"}
	}
	return Check{Name: "clock", OK: offset.Abs() <= most, Detail: fmt.Sprintf("%s off the median of %d peers", -offset, peers)}
}

// storeCheck reads the tip from the disk.
func (n *Node) storeCheck() Check {
	tip := n.ledger.Tip().Tip
	if _, err := n.store.RawHeader(tip.Hash); err != nil {
		return Check{Name: "store", Detail: fmt.Sprintf("the tip cannot be read: %v", err)}
	}
	return Check{Name: "store", OK: true, Detail: fmt.Sprintf("the tip is at %d", tip.Height)}
}
