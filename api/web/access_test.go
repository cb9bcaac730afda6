package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/lp2pnode/lp2pnode/chain"
)

// audit is what a reader of the page with other eyes needs: it returns what is
// wrong, by WCAG 2.2's criteria.
const audit = `(() => {
	const wrong = [];
	const shown = (e) => e.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true }) && e.getClientRects().length > 0;
	const name = (e) => (e.getAttribute("aria-label") || (e.labels && [...e.labels].map((l) => l.innerText || l.textContent).join(" ")) || e.innerText || e.textContent || e.title || "").trim();
	const where = (e) => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + "." + (e.getAttribute("class") || "") + " “" + (e.textContent || "").trim().slice(0, 30) + "”";
	// 1.3.1, 4.1.2: what can be used has a name; a field's is not its placeholder.
	for (const e of document.querySelectorAll("a[href], button, input, textarea, summary, [role=img], [role=region]")) {
		if (name(e) === "") wrong.push("no name: " + where(e));
	}
	// 4.1.1: an id is of one element.
	const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
	for (const id of ids) if (ids.indexOf(id) !== ids.lastIndexOf(id)) wrong.push("id twice: " + id);
	// 2.4.2, 2.4.6, 3.1.1: title, one h1, no level of headings left out, language.
	if (document.title.trim() === "" || document.documentElement.lang !== "en") wrong.push("no title or language");
	const levels = [...document.querySelectorAll("h1, h2, h3, h4, h5, h6")].map((e) => Number(e.tagName[1]));
	if (levels.filter((l) => l === 1).length !== 1) wrong.push("headings of level 1: " + levels);
	levels.reduce((before, l) => { if (l > before + 1) wrong.push("headings jump: " + levels); return l; }, 0);
	// 1.3.1: tables have captions and heads.
	for (const t of document.querySelectorAll("table")) if (!t.caption || !t.querySelector("th[scope=col]")) wrong.push("table without caption or heads: " + where(t));
	// 1.4.10: nothing is wider than the window.
	if (document.documentElement.scrollWidth > innerWidth + 1) wrong.push("the page is " + document.documentElement.scrollWidth + " wide in a window of " + innerWidth);
	// 2.5.8: what is pressed has 24 pixels, or stands in a line of text.
	for (const e of document.querySelectorAll("button, a.button, summary, header nav a, input[type=file]")) {
		if (shown(e) && (e.getBoundingClientRect().height < 24 || e.getBoundingClientRect().width < 24)) wrong.push("too small to press: " + where(e));
	}
	// 1.4.3: contrast of all text.
	const canvas = Object.assign(document.createElement("canvas"), { width: 1, height: 1 }).getContext("2d", { willReadFrequently: true });
	const rgba = (color) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = color; canvas.fillRect(0, 0, 1, 1); const d = canvas.getImageData(0, 0, 1, 1).data; return [d[0], d[1], d[2], d[3] / 255]; };
	const over = (top, under) => [0, 1, 2].map((i) => top[i] * top[3] + under[i] * (1 - top[3])).concat(1);
	const ground = (e) => { let layers = []; for (let p = e; p; p = p.parentElement) { const c = rgba(getComputedStyle(p).backgroundColor); if (c[3] > 0) layers.push(c); if (c[3] === 1) break; } return layers.reverse().reduce((under, top) => over(top, under), [255, 255, 255, 1]); };
	const light = (c) => { const [r, g, b] = c.slice(0, 3).map((v) => { v /= 255; return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4; }); return 0.2126 * r + 0.7152 * g + 0.0722 * b; };
	let texts = 0;
	for (const e of document.querySelectorAll("body *")) {
		if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim() !== "") || !shown(e) || e.closest(".hidden, .skip, noscript, .off, .strip, [aria-hidden=true]")) continue;
		texts++;
		const style = getComputedStyle(e);
		const back = ground(e);
		const fore = over(rgba(e instanceof SVGElement ? style.fill : style.color), back);
		const [a, b] = [light(fore), light(back)].sort((x, y) => y - x);
		const ratio = (a + 0.05) / (b + 0.05);
		const size = parseFloat(style.fontSize);
		const want = size >= 24 || size >= 18.66 && Number(style.fontWeight) >= 700 ? 3 : 4.5;
		if (ratio < want) wrong.push("contrast " + ratio.toFixed(2) + ": " + where(e));
	}
	if (texts < 10) wrong.push("only " + texts + " texts were looked at");
	return wrong;
})()`

// TestEveryViewIsAccessible in light and dark, on a phone and a desk.
func TestEveryViewIsAccessible(t *testing.T) {
	b := openTab(t, desktopWidth, desktopHeight)
	nodes := cluster(t, params(), "lp2pnode/1.0 (one)", "lp2pnode/1.0 (two)")
	n := nodes[0]
	tx := n.send(1, chain.Transaction{Data: "a record"})
	fork := n.Ledger().Tip()
	n.mine(4, "", 3)
	n.branch(fork, 4)
	n.mine(4, "a note", 2)
	n.send(1, chain.Transaction{Data: "waits"})
	for _, size := range [][2]int64{{desktopWidth, desktopHeight}, {phoneWidth, phoneHeight}} {
		for _, scheme := range []string{"light", "dark"} {
			b.do(chromedp.EmulateViewport(size[0], size[1]))
			b.prefer("color-scheme", scheme)
			b.open(n.url + "/")
			for _, hash := range []string{
				"#/now", "#/chain", "#/block/5", "#/tx/" + tx.ID().String(), "#/account/" + string(tx.From),
				"#/pool", "#/forks", "#/peers", "#/records/receipt/" + tx.ID().String(),
			} {
				b.view(hash)
				for _, wrong := range eval[[]string](b, audit) {
					t.Errorf("%s, %d wide, %s: %s", hash, size[0], scheme, wrong)
				}
			}
		}
	}
	b.quiet(n.url)
}

// branch puts a heavier branch on a state, as if another node had found it.
func (n *liveNode) branch(on chain.State, count int) {
	n.t.Helper()
	_, miner := keyOf(9)
	for range count {
		b := n.seal(on.Child(miner, "other", on.Tip.Timestamp+10_000), nil)
		if _, err := n.Ledger().AddBlocks(chain.Source{Via: chain.ViaSync, Peer: string(miner)}, b); err != nil {
			n.t.Fatal(err)
		}
		on = on.Extend(&b.Header)
	}
}

// TestFocusGoesThroughThePageInItsOrder and can be seen wherever it is.
func TestFocusGoesThroughThePageInItsOrder(t *testing.T) {
	b := openTab(t, desktopWidth, desktopHeight)
	n := newNode(t, params(), "lp2pnode/1.0 (one)")
	n.mine(4, "", 3)
	b.open(n.url + "/#/chain")
	b.do(chromedp.KeyEvent(kb.Tab))
	if first := eval[string](b, `document.activeElement.className`); first != "skip" {
		t.Errorf("the first stop is %q, want the link to the content", first)
	}
	eval[bool](b, `(window.stops = [document.activeElement], true)`)
	for range 12 {
		b.do(chromedp.KeyEvent(kb.Tab))
		got := eval[string](b, `(() => {
			const [before, e] = [window.stops.at(-1), document.activeElement];
			window.stops.push(e);
			const style = getComputedStyle(e);
			if (e === document.body) return "the focus is lost";
			if (!(before.compareDocumentPosition(e) & Node.DOCUMENT_POSITION_FOLLOWING)) return "goes back to " + e.outerHTML.slice(0, 80);
			if (style.outlineStyle === "none" || parseFloat(style.outlineWidth) < 2) return "cannot be seen on " + e.outerHTML.slice(0, 80);
			return "";
		})()`)
		if got != "" {
			t.Errorf("focus: %s", got)
		}
	}
	text := eval[string](b, `window.stops.map((e) => e.innerText || e.id).join(" | ")`)
	for _, want := range []string{"Now | Chain | Forks | Peers | Records | search"} {
		if !strings.Contains(text, want) {
			t.Errorf("stops are %s, want %s", text, want)
		}
	}
}

// TestNothingMovesForThoseWhoWantItSo.
func TestNothingMovesForThoseWhoWantItSo(t *testing.T) {
	b := openTab(t, desktopWidth, desktopHeight)
	n := newNode(t, params(), "lp2pnode/1.0 (one)")
	n.mine(4, "", 3)
	const moving = `[...document.querySelectorAll("*")].filter((e) => { const s = getComputedStyle(e); return s.animationName !== "none" || s.transitionDuration.split(",").some((d) => parseFloat(d) > 0); }).length`
	for _, want := range []struct {
		motion string
		moves  bool
	}{{"no-preference", true}, {"reduce", false}} {
		b.prefer("reduced-motion", want.motion)
		b.open(n.url + "/")
		if got := eval[int](b, moving); (got > 0) != want.moves {
			t.Errorf("%s: %s", want.motion, fmt.Sprintf("%d elements move", got))
		}
	}
}
