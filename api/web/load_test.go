//go:build unix

package web_test

import (
	"context"
	"os"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	cdpruntime "github.com/chromedp/cdproto/runtime"
)

// TestLongPageKeepsUpWithTenBlocksASecond on a chain of 100,000 blocks: its
// heap stays under 200 MB, and the node's cost of a viewer is logged.
func TestLongPageKeepsUpWithTenBlocksASecond(t *testing.T) {
	if os.Getenv("LP2P_TEST_LONG") == "" {
		t.Skip("LP2P_TEST_LONG is not set")
	}
	p := params()
	p.InitialDifficulty, p.RetargetWindow, p.BlockIntervalMS = 1, 0, 100
	n := newNode(t, p, "lp2pnode/1.0 (load)")
	n.fill(100_000, func(int) uint64 { return 60 })
	b := openTab(t, desktopWidth, desktopHeight)
	minutes := func() (cpu time.Duration) {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		var before, after syscall.Rusage
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
		for ctx.Err() == nil {
			n.mine(4, "", 1)
			<-tick.C
		}
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
		return time.Duration(after.Utime.Nano() + after.Stime.Nano() - before.Utime.Nano() - before.Stime.Nano())
	}
	alone := minutes()
	b.open(n.url + "/#/chain")
	for _, hash := range []string{"#/now", "#/chain/50000", "#/chain", "#/forks"} {
		b.view(hash)
		watched := minutes()
		tip := n.Ledger().Tip().Tip.Height
		heap := call(b, cdpruntime.GetHeapUsage, cdp.Empty{})
		t.Logf("%s: node %s of processor in 20 s alone, %s watched; heap %.1f MB of %.1f", hash, alone, watched, float64(heap.UsedSize)/1e6, float64(heap.TotalSize)/1e6)
		if heap.TotalSize > 200e6 {
			t.Errorf("%s: the heap has %.0f bytes", hash, float64(heap.TotalSize))
		}
		if hash == "#/chain" {
			b.awaitText("tbody tr:first-child", group(tip))
		}
	}
	at := time.Now()
	b.view("#/chain/100")
	t.Logf("a page 100,000 blocks back: %s", time.Since(at))
	b.quiet(n.url)
}

func group(n uint64) string {
	s := strconv.FormatUint(n, 10)
	return s[:len(s)-3] + "\u202f" + s[len(s)-3:]
}
