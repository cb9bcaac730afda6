package web_test

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/lp2pnode/lp2pnode/chain"
)

func itoa(n int) string { return strconv.Itoa(n) }

// scene is a class's network after two hours: three nodes, a fork healed, a
// file recorded.
func scene(t *testing.T) (nodes []*liveNode, recorded *chain.Transaction, report []byte) {
	t.Helper()
	p := params()
	seed := newNode(t, p, "lp2pnode/1.0 (lab)")
	rng := rand.New(rand.NewPCG(7, 26))
	seed.fill(700, func(i int) uint64 { return uint64(1000 + rng.ExpFloat64()*9200) })
	seed.run()
	nodes = []*liveNode{seed}
	for _, agent := range []string{"lp2pnode/1.0 (window seat)", "lp2pnode/1.0 (back row)"} {
		n := newNode(t, p, agent, nodes...)
		n.run()
		nodes = append(nodes, n)
	}
	report = []byte("The report of group 4, as it was on Monday.\n")
	sum := sha256.Sum256(report)
	_, bob := keyOf(2)
	recorded = seed.send(1, chain.Transaction{Data: record("report-group-4.pdf", hex.EncodeToString(sum[:]), len(report))})
	seed.send(1, chain.Transaction{To: bob, Amount: 250, Fee: 2})
	tip := seed.mine(4, "hello from the lab", 1)
	follow(tip, nodes...)
	tip = seed.mine(5, "", 4)
	follow(tip, nodes...)
	// A node that was cut off comes back with a heavier branch.
	late := newNode(t, p, "lp2pnode/1.0 (library)")
	late.copyFrom(seed)
	seed.send(2, chain.Transaction{Data: "minutes of 28 November: the budget is agreed"})
	seed.mine(4, "", 1)
	tip = nodes[1].awaitTip(seed).mine(5, "", 1)
	follow(tip, nodes...)
	other := late.mine(6, "mined in the library", 3)
	back := newNode(t, p, "lp2pnode/1.0 (library)", nodes...)
	back.copyFrom(late)
	back.run()
	nodes = append(nodes, back)
	follow(other, nodes...)
	tip = nodes[1].mine(4, "", 2)
	follow(tip, nodes...)
	seed.send(1, chain.Transaction{To: bob, Amount: 12, Fee: 1, Data: "lunch"})
	return nodes, recorded, report
}

// copyFrom takes another node's best chain, as sync does.
func (n *liveNode) copyFrom(other *liveNode) {
	n.t.Helper()
	hashes, err := other.Ledger().Store().Hashes(1, 100_000)
	if err != nil {
		n.t.Fatal(err)
	}
	for _, hash := range hashes {
		b, err := other.Ledger().Store().Block(hash)
		if err != nil {
			n.t.Fatal(err)
		}
		if has, err := n.Ledger().Has(hash); err != nil || has {
			continue
		}
		if _, err := n.Ledger().AddBlocks(chain.Source{Via: chain.ViaSync, Peer: other.ID()}, b); err != nil {
			n.t.Fatal(err)
		}
	}
}

func (n *liveNode) awaitTip(other *liveNode) *liveNode {
	want := other.Ledger().Tip().Tip.Hash
	n.until("the other's tip", func() bool { return n.Ledger().Tip().Tip.Hash == want })
	return n
}

// TestScreens takes pictures of each view into the directory LP2P_SCREENS, for
// people to look at.
func TestScreens(t *testing.T) {
	dir := os.Getenv("LP2P_SCREENS")
	if dir == "" {
		t.Skip("LP2P_SCREENS names no directory for the pictures")
	}
	nodes, recorded, report := scene(t)
	n := nodes[0]
	file := filepath.Join(t.TempDir(), "report-group-4.pdf")
	if err := os.WriteFile(file, report, 0o600); err != nil {
		t.Fatal(err)
	}
	views := []struct{ name, hash string }{
		{"now", "#/now"},
		{"chain", "#/chain"},
		{"block", "#/block/701"},
		{"tx", "#/tx/" + recorded.ID().String()},
		{"forks", "#/forks"},
		{"peers", "#/peers"},
		{"records", "#/records/receipt/" + recorded.ID().String()},
		{"account", "#/account/" + string(recorded.From)},
	}
	for _, size := range []struct {
		name          string
		width, height int64
	}{{"wide", 1280, 860}, {"phone", 390, 844}} {
		for _, scheme := range []string{"light", "dark"} {
			b := openTab(t, size.width, size.height)
			b.prefer("color-scheme", scheme)
			b.open(n.url + "/")
			for _, v := range views {
				b.view(v.hash)
				if v.name == "records" {
					b.do(chromedp.SetUploadFiles(chromedp.CSS("#findfile"), []string{file}))
					b.awaitText("#found", "Recorded")
				}
				b.do(chromedp.Sleep(400 * time.Millisecond)) // for what moves
				png, err := run(b, chromedp.FullScreenshot(100))
				if err != nil {
					t.Fatal(err)
				}
				name := fmt.Sprintf("%s-%s-%s.png", v.name, size.name, scheme)
				if err := os.WriteFile(filepath.Join(dir, name), png, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			b.quiet(n.url)
		}
	}
}
