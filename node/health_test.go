package node_test

import (
	"crypto/ed25519"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/node"
)

// watched is an open node that does not run, and the clock that it sees.
type watched struct {
	*node.Node
	disk *vfs.MemFS
	skew atomic.Int64 // nanoseconds that its clock is ahead
}

func watch(t *testing.T, change func(*node.Config)) *watched {
	t.Helper()
	w := &watched{disk: vfs.NewMem()}
	cfg := node.DefaultConfig()
	cfg.MDNS, cfg.Mine, cfg.FS = false, false, w.disk
	cfg.Now = func() time.Time { return time.Now().Add(time.Duration(w.skew.Load())) }
	cfg.Params = node.LANParams()
	cfg.Params.ChainID, cfg.Params.InitialDifficulty, cfg.Params.BlockIntervalMS = "health", 2, 1000
	cfg.Params.Timestamp = uint64(time.Now().Add(-time.Hour).UnixMilli())
	change(&cfg)
	var err error
	if w.Node, err = node.Open(cfg); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return w
}

func (w *watched) pass(d time.Duration) { w.skew.Add(int64(d)) }

// mine puts a block of now on the tip.
func (w *watched) mine(t *testing.T) {
	t.Helper()
	b, _, err := w.Ledger().Template(chain.AddressOf(make([]byte, ed25519.PublicKeySize)), "")
	if err != nil {
		t.Fatal(err)
	}
	for b.Hash = b.ComputeHash(); w.Rules().Engine.Sealed(&b.Header) != nil; b.Hash = b.ComputeHash() {
		b.Nonce++
	}
	if err := w.SubmitBlock(t.Context(), chain.NewBlock(b.Header, b.Transactions)); err != nil {
		t.Fatal(err)
	}
}

// record puts a record into the pool.
func (w *watched) record(t *testing.T) {
	t.Helper()
	key := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	tx := chain.Transaction{Data: "a record", From: chain.AddressOf(key.Public().(ed25519.PublicKey))}
	tx.Signature = chain.Signature(ed25519.Sign(key, tx.SignedBytes(w.Rules().Genesis().Hash)))
	if err := w.SubmitTransaction(t.Context(), chain.NewTransaction(tx)); err != nil {
		t.Fatal(err)
	}
}

// wants checks that just these checks fail, by name, with a word of the cause.
func (w *watched) wants(t *testing.T, when string, failing map[string]string) {
	t.Helper()
	checks := w.Checks()
	if node.Fit(checks) != (len(failing) == 0) {
		t.Errorf("%s: fit is %t", when, node.Fit(checks))
	}
	for _, c := range checks {
		cause, fails := failing[c.Name]
		if c.OK == fails || !strings.Contains(c.Detail, cause) || c.Detail == "" {
			t.Errorf("%s: want failing %v, got %+v", when, failing, c)
		}
	}
	if len(checks) != 6 {
		t.Errorf("%s: want 6 checks, got %+v", when, checks)
	}
}

func TestStuckTipIsNotReady(t *testing.T) {
	w := watch(t, func(*node.Config) {})
	w.wants(t, "opened on an old genesis", nil)
	w.pass(2 * time.Minute)
	w.wants(t, "without a first block", map[string]string{"tip": "no new block for 2m0"})
	w.mine(t)
	w.wants(t, "with a block", nil)
	w.pass(30 * time.Second)
	w.wants(t, "30 intervals later, within a minute", nil)
	w.pass(40 * time.Second)
	w.wants(t, "after 70 s", map[string]string{"tip": "nobody mines"})
}

func TestIdleChainIsReadyUntilTransactionsAreLeftWaiting(t *testing.T) {
	w := watch(t, func(c *node.Config) { c.Params.RetargetWindow = 0 })
	w.mine(t)
	w.pass(time.Hour)
	w.wants(t, "idle for an hour", nil)
	w.record(t)
	w.wants(t, "with a transaction that has just come", nil)
	w.pass(2 * time.Minute)
	w.wants(t, "with a transaction that nobody mines", map[string]string{"tip": "no new block for 2m0"})
	w.mine(t)
	w.wants(t, "with the transaction mined", nil)
}

func TestKnownPeersThatAreMissingMakeNotReady(t *testing.T) {
	w := watch(t, func(c *node.Config) { c.Bootstrap = []string{"/ip4/127.0.0.1/tcp/1"} })
	w.wants(t, "with an entry", map[string]string{"peers": "none connected"})
}

func TestFullDiskIsNotReady(t *testing.T) {
	w := watch(t, func(*node.Config) {})
	w.disk.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1 << 20, TotalBytes: 1 << 40})
	w.wants(t, "with 1 MiB left", map[string]string{"disk": "1 MiB free"})
	w.disk.TestingSetDiskUsage(vfs.DiskUsage{AvailBytes: 1 << 39, TotalBytes: 1 << 40})
	w.wants(t, "with room again", nil)
}

func TestBehindIsNotReady(t *testing.T) {
	cfg := node.DefaultConfig()
	cfg.Mine, cfg.MDNS, cfg.Listen = false, false, []string{"/ip4/127.0.0.1/tcp/0"}
	n := open(t, cfg)
	claimant(t, n, "99999999999999999999")
	await(t, "the claim", func() bool { return n.Network().Sync().Lags() })
	for _, c := range n.Checks() {
		if c.Name == "sync" && (c.OK || !strings.Contains(c.Detail, "height 0 of 9")) {
			t.Errorf("want a node that is behind, got %+v", c)
		}
	}
}

func TestClosedStoreIsNotReady(t *testing.T) {
	w := watch(t, func(*node.Config) {})
	if !node.Fit(w.Alive()) {
		t.Errorf("want a node that lives, got %+v", w.Alive())
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	w.wants(t, "closed", map[string]string{"store": "store is closed"})
}
