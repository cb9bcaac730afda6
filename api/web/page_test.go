package web_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/lp2pnode/lp2pnode/api/web"
	"github.com/lp2pnode/lp2pnode/chain"
)

const (
	desktopWidth, desktopHeight = 1280, 860
	phoneWidth, phoneHeight     = 390, 844
)

func three(t *testing.T) []*liveNode {
	t.Helper()
	return cluster(t, params(), "lp2pnode/1.0 (one)", "lp2pnode/1.0 (two)", "lp2pnode/1.0 (three)")
}

// TestBlocksAppearAsTheyAreAdopted: mined by another node, shown by this one's
// page. How long that takes is logged.
func TestBlocksAppearAsTheyAreAdopted(t *testing.T) {
	b := openTab(t, desktopWidth, desktopHeight)
	nodes := three(t)
	b.open(nodes[0].url + "/")
	eval[bool](b, `(() => {
		window.shownAt = {};
		const e = document.querySelector("#height");
		new MutationObserver(() => { window.shownAt[e.textContent] ??= Date.now(); }).observe(e, { childList: true, characterData: true, subtree: true });
		return true;
	})()`)
	var worst time.Duration
	for i := range 5 {
		tip := nodes[1+i%2].mine(4, "", 1)
		follow(tip, nodes...)
		adopted := time.Now()
		b.await(fmt.Sprintf(`window.shownAt[%q]`, itoa(int(tip.Height))))
		shown := time.UnixMilli(eval[int64](b, fmt.Sprintf(`window.shownAt[%q]`, itoa(int(tip.Height)))))
		worst = max(worst, shown.Sub(adopted))
		b.awaitText(".strip li:first-child", itoa(int(tip.Height)))
	}
	t.Logf("shown %s after adoption at worst", worst)
	b.view("#/chain")
	tip := nodes[2].mine(4, "a note in a block", 1)
	b.awaitText("tbody tr:first-child", itoa(int(tip.Height)))
	b.awaitText("tbody tr:first-child .note", "a note in a block")
	b.quiet(nodes[0].url)
}

// TestForkIsDrawnAndItsReorganisationTold: a node that was cut off comes back
// with a heavier branch.
func TestForkIsDrawnAndItsReorganisationTold(t *testing.T) {
	b := openTab(t, desktopWidth, desktopHeight)
	p := params()
	nodes := cluster(t, p, "lp2pnode/1.0 (one)", "lp2pnode/1.0 (two)")
	follow(nodes[0].mine(4, "", 3), nodes...)
	away := newNode(t, p, "lp2pnode/1.0 (away)", nodes[0])
	away.copyFrom(nodes[0])
	moves := nodes[0].send(1, chain.Transaction{Data: "goes from here to there"})
	follow(nodes[0].mine(4, "", 2), nodes...)
	other := away.mine(5, "", 3)
	b.open(nodes[0].url + "/#/forks")
	b.awaitText(".tree-rows", "tip")
	b.awaitText(".stories", "None yet")
	away.run()
	follow(other, nodes...)
	b.await(`document.querySelectorAll(".tree-rows li.side").length === 2`)
	b.await(`document.querySelectorAll(".tree path.side").length === 2`)
	for _, words := range []string{
		"blocks 4 to 5 (2 blocks) gave way to blocks 4 to 6 (3 blocks)", "Both branches stand on block 3", "more work",
		"The block that tipped the scale was fetched from peer", "held 1 transaction. It is waiting in the pool", moves.ID().String()[:6],
	} {
		b.awaitText(".story", words)
	}
	b.awaitText(".branches li.best", "6")
	b.awaitText(".branches li.side", "behind")
	// Back in time by the keyboard: first there was genesis alone.
	b.do(chromedp.Focus(chromedp.CSS("#when")), chromedp.KeyEvent(kb.Home))
	b.await(`document.querySelectorAll(".tree-rows li.side").length === 0 && document.querySelector("output").innerText !== "now"`)
	// Before the other branch came, what is now a side branch was the chain.
	b.do(chromedp.KeyEvent(kb.End))
	b.await(`document.querySelector("output").innerText === "now" && document.querySelectorAll(".tree-rows li.side").length === 2`)
	for range 3 {
		b.do(chromedp.KeyEvent(kb.ArrowLeft))
	}
	side := eval[string](b, `document.querySelector(".tree-rows li.best").dataset.hash`)
	if side == other.Hash.String() {
		t.Error("the slider went back, and the chain of now is shown")
	}
	b.quiet(nodes[0].url)
}

// slash presses / to go to the search field. DevTools would type the letter
// although the page has taken the key, so the event is the page's own.
func (b *tab) slash() {
	b.t.Helper()
	if taken := eval[bool](b, `!document.dispatchEvent(new KeyboardEvent("keydown", { key: "/", cancelable: true, bubbles: true }))`); !taken {
		b.t.Error("the page leaves the key / to the browser")
	}
	b.await(`document.activeElement.id === "search"`)
}

// TestSearchAndPagingByKeyboardAndClick.
func TestSearchAndPagingByKeyboardAndClick(t *testing.T) {
	b := openTab(t, desktopWidth, desktopHeight)
	n := newNode(t, params(), "lp2pnode/1.0 (one)")
	n.fill(120, func(int) uint64 { return 10_000 })
	tx := n.send(1, chain.Transaction{Data: "to be found " + strings.Repeat("ab", 32)})
	n.mine(4, "", 2)
	b.open(n.url + "/#/now")
	search := func(text, title, words string) {
		t.Helper()
		b.slash()
		b.do(chromedp.KeyEvent(text + kb.Enter))
		b.awaitText("h1", title)
		b.awaitText("main", words)
	}
	search("57", "Block 57", "the header hashes to the hash")
	b.await(`document.activeElement.tagName === "H1"`) // a screen reader begins there
	hash, err := n.Ledger().Store().HashAt(99)
	if err != nil {
		t.Fatal(err)
	}
	search(hash.String(), "Block 99", hash.String())
	search(tx.ID().String(), "Transaction", "the signature is the sender’s")
	b.awaitText(".state", "included")
	search(string(tx.From), "Account", "sent")
	search(strings.Repeat("ab", 32), "Record and verify", "Recorded once")
	b.slash()
	b.do(chromedp.KeyEvent("nonsense" + kb.Enter))
	b.awaitText("#searched", "want a height, a hash")
	if got := eval[int](b, `document.querySelectorAll(".findings .fails").length`); got != 0 {
		t.Errorf("%d findings fail", got)
	}

	b.view("#/chain")
	b.awaitText("tbody tr:first-child", "122")
	older := func() { b.do(chromedp.Click(chromedp.CSS(`.pager a[href^="#/chain/"]`), chromedp.NodeVisible)) }
	older()
	b.awaitText("tbody tr:first-child", "97")
	b.do(chromedp.Focus(chromedp.CSS("#jump")), chromedp.KeyEvent("30"+kb.Enter))
	b.awaitText("tbody tr:first-child", "30")
	b.do(chromedp.Focus(chromedp.CSS(`tbody tr:first-child a`)), chromedp.KeyEvent(kb.Enter))
	b.awaitText("h1", "Block 30")
	b.quiet(n.url)
}

// TestRecordReceiptAndVerificationInTheBrowser: with a key that the node never
// sees, from a file to its receipt, and a receipt that was tampered with.
func TestRecordReceiptAndVerificationInTheBrowser(t *testing.T) {
	b := openTab(t, desktopWidth, desktopHeight)
	nodes := three(t)
	follow(nodes[0].mine(4, "", 2), nodes...)
	dir := t.TempDir()
	report := []byte("what was agreed\n")
	file := filepath.Join(dir, "minutes.txt")
	write(t, file, report)
	b.open(nodes[0].url + "/#/records")
	b.do(chromedp.SetUploadFiles(chromedp.CSS("#findfile"), []string{file}))
	b.awaitText("#found", "No block on this node’s best chain records minutes.txt")

	b.do(chromedp.Focus(chromedp.CSS("#makekey")), chromedp.KeyEvent(kb.Enter))
	b.await(`document.querySelector("#recordfile")`)
	b.do(chromedp.SetUploadFiles(chromedp.CSS("#recordfile"), []string{file}))
	sum := sha256.Sum256(report)
	want := record("minutes.txt", hex.EncodeToString(sum[:]), len(report))
	b.await(`document.querySelector("#data").value === ` + quote(want))
	b.do(chromedp.Focus(chromedp.CSS("#record")), chromedp.KeyEvent(kb.Enter))
	b.awaitText("#recorded", "Handed in")
	nodes[2].until("the record has reached another node", func() bool { return nodes[2].Ledger().Pool(0).Count == 1 })
	tip := nodes[2].mine(5, "", 1)
	follow(tip, nodes...)
	b.awaitText("#fate", "block 3")
	follow(nodes[1].mine(5, "", 2), nodes...)
	b.await(`document.querySelector("#fate a.button:not([hidden])")`)
	b.do(chromedp.Focus(chromedp.CSS("#fate a.button:not([hidden])")), chromedp.KeyEvent(kb.Enter))
	b.awaitText("#verdict", "Verified by this page")
	b.awaitText(".proved", "minutes.txt")
	b.awaitText(".compare + p, .proved", "the tip is on its best chain")
	if n := eval[int](b, `document.querySelectorAll(".steps li.holds").length`); n != 8 {
		t.Errorf("%d steps hold, want 8", n)
	}
	b.do(chromedp.Focus(chromedp.CSS("#trust")), chromedp.KeyEvent(strings.Repeat("0", 64)))
	b.awaitText("#trusted", "another block’s hash")

	txs := tip.Transactions
	if len(txs) != 1 || txs[0].Data != want {
		t.Fatalf("the block holds %+v", txs)
	}
	receipt, err := nodes[0].Ledger().Receipt(txs[0].ID())
	if err != nil {
		t.Fatal(err)
	}
	for step, change := range map[string][2]string{
		"transaction path": {"minutes.txt", "minutez.txt"},
		"header hash":      {`"header":{"data":""`, `"header":{"data":"x"`},
		"history path":     {`"history_proof":["` + receipt.HistoryProof[0].String()[:4], `"history_proof":["` + flip(receipt.HistoryProof[0].String()[:4])},
		"form":             {`{"header"`, `{ "header"`},
	} {
		bad := bytes.Replace(receipt.Canonical(), []byte(change[0]), []byte(change[1]), 1)
		if bytes.Equal(bad, receipt.Canonical()) {
			t.Fatalf("%s: nothing was changed", step)
		}
		path := filepath.Join(dir, "bad.json")
		write(t, path, bad)
		b.do(chromedp.SetUploadFiles(chromedp.CSS("#receiptfile"), []string{path}))
		b.await(fmt.Sprintf(`document.querySelector(".steps li.fails")?.dataset.step === %q`, step))
		b.awaitText("#verdict", "does not hold")
	}
	b.view("#/records")
	b.do(chromedp.SetUploadFiles(chromedp.CSS("#findfile"), []string{file}))
	b.awaitText("#found", "Recorded once. The first time was in block 3")
	b.quiet(nodes[0].url)
}

// flip returns other hex digits.
func flip(digits string) string {
	if digits[0] == 'a' {
		return "b" + digits[1:]
	}
	return "a" + digits[1:]
}

func write(t *testing.T, path string, content []byte) {
	t.Helper()
	if err := os.WriteFile(path, content, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestOfflineFileVerifiesFromDisk with the network off.
func TestOfflineFileVerifiesFromDisk(t *testing.T) {
	b := openTab(t, desktopWidth, desktopHeight)
	n := newNode(t, params(), "lp2pnode/1.0 (one)")
	dir := t.TempDir()
	report := []byte("a file\n")
	sum := sha256.Sum256(report)
	tx := n.send(1, chain.Transaction{Data: record("a.txt", hex.EncodeToString(sum[:]), len(report))})
	n.mine(4, "", 4)
	receipt, err := n.Ledger().Receipt(tx.ID())
	if err != nil {
		t.Fatal(err)
	}
	page, err := web.Checker()
	if err != nil {
		t.Fatal(err)
	}
	html, good, bad, file := filepath.Join(dir, "verify.html"), filepath.Join(dir, "good.json"), filepath.Join(dir, "bad.json"), filepath.Join(dir, "a.txt")
	write(t, html, page)
	write(t, good, append(receipt.Canonical(), '\n'))
	write(t, bad, bytes.Replace(receipt.Canonical(), []byte("a.txt"), []byte("b.txt"), 1))
	write(t, file, report)

	call(b, network.OverrideNetworkState, network.OverrideNetworkStateParams{Offline: true})
	b.do(chromedp.Navigate("file://" + html))
	b.do(chromedp.SetUploadFiles(chromedp.CSS("#receiptfile"), []string{good}))
	b.awaitText("#verdict", "Verified by this page")
	b.do(chromedp.Focus(chromedp.CSS("#trust")), chromedp.KeyEvent(receipt.Tip.Hash.String()))
	b.awaitText("#trusted", "It is the same")
	b.do(chromedp.SetUploadFiles(chromedp.CSS("#thefile"), []string{file}))
	b.awaitText("#filefound", "names this file’s SHA-256")
	b.do(chromedp.SetUploadFiles(chromedp.CSS("#receiptfile"), []string{bad}))
	b.await(`document.querySelector(".steps li.fails")?.dataset.step === "transaction path"`)
	for _, url := range b.requests() {
		if url != "file://"+html {
			t.Errorf("the file asks for %s", url)
		}
	}
	if c := b.complaints(); len(c) > 0 {
		t.Errorf("the file complains: %q", c)
	}
}

// TestHostileStringsStayText in block notes, transaction data and agent names.
func TestHostileStringsStayText(t *testing.T) {
	b := openTab(t, desktopWidth, desktopHeight)
	const evil = `<img src=x onerror="window.pwned=1"><script>window.pwned=1</script>`
	nodes := cluster(t, params(), "lp2pnode/1.0", `<img src=x onerror=pwned=1>`)
	tx := nodes[0].send(1, chain.Transaction{Data: evil + "\u202e\u0000</pre>"})
	tip := nodes[0].mine(4, evil, 1)
	nodes[0].send(1, chain.Transaction{Data: evil, Nonce: 1})
	follow(tip, nodes...)
	b.open(nodes[0].url + "/")
	for _, hash := range []string{"#/now", "#/chain", "#/block/1", "#/tx/" + tx.ID().String(), "#/account/" + string(tx.From), "#/pool", "#/peers", "#/forks", "#/" + evil} {
		b.view(hash)
		if got := eval[int](b, `document.querySelectorAll("main img, main script, main iframe").length + (window.pwned ? 100 : 0)`); got != 0 {
			t.Errorf("%s: a string became markup: %d", hash, got)
		}
	}
	b.view("#/block/1")
	b.awaitText(".fields", evil)
	b.view("#/peers")
	b.awaitText("main", `<img src=x onerror=pwned=1>`)
	b.quiet(nodes[0].url)
}

// TestLostConnectionIsSaidAndResumedWithoutAGap.
func TestLostConnectionIsSaidAndResumedWithoutAGap(t *testing.T) {
	b := openTab(t, phoneWidth, phoneHeight)
	n := newNode(t, params(), "lp2pnode/1.0 (one)")
	n.mine(4, "", 2)
	b.open(n.url + "/")
	b.awaitText("#connection", "live")
	n.down.Store(true)
	n.api.CloseClientConnections()
	b.awaitText("#connection", "connection lost")
	n.mine(4, "", 6)
	n.down.Store(false)
	b.awaitText("#connection", "live")
	b.awaitText("#height", "8")
	b.await(`[...document.querySelectorAll(".strip b")].map((e) => e.innerText).join() === "8,7,6,5,4,3,2,1,0"`)
}
