package web_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	cdpruntime "github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// patience is for a browser on a machine that does much else.
const patience = 90 * time.Second

// browser is the one Chromium of all tests of this package.
var browser = struct {
	once sync.Once
	ctx  context.Context
	stop func()
	err  error
}{stop: func() {}}

func TestMain(m *testing.M) {
	code := m.Run()
	browser.stop()
	os.Exit(code)
}

// errAbsent says that there is no browser to test with.
var errAbsent = errors.New("no chromium or google-chrome in PATH; Debian has it as the package chromium")

func launch() (context.Context, func(), error) {
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		return nil, func() {}, errAbsent
	}
	alloc, stopAlloc := chromedp.NewExecAllocator(context.Background(),
		append(chromedp.DefaultExecAllocatorOptions[:],
			chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.DisableGPU,
			chromedp.Flag("disable-dev-shm-usage", true), // containers have little of it
			chromedp.Flag("renderer-process-limit", "2"),
			chromedp.WSURLReadTimeout(patience))...)
	ctx, stop := chromedp.NewContext(alloc)
	return ctx, func() { stop(); stopAlloc() }, chromedp.Do(ctx)
}

// tab is a page in the browser, with all that it asked for and complained of.
type tab struct {
	t   *testing.T
	ctx context.Context

	mu       sync.Mutex
	asked    []string // URLs; guarded by mu
	complain []string // exceptions, console errors, violated policies; guarded by mu
}

// openTab opens an empty tab of a size in CSS pixels.
func openTab(t *testing.T, width, height int64) *tab {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes time")
	}
	browser.once.Do(func() { browser.ctx, browser.stop, browser.err = launch() })
	if errors.Is(browser.err, errAbsent) {
		t.Skip("NOT TESTED: the page in a browser:", browser.err)
	}
	if browser.err != nil {
		t.Fatal(browser.err)
	}
	ctx, closeTab := chromedp.NewContext(browser.ctx)
	t.Cleanup(closeTab)
	b := &tab{t: t, ctx: ctx}
	if err := chromedp.Do(ctx); err != nil { // the first call starts the tab, whose life is its context's
		t.Fatal(err)
	}
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	call(b, network.Enable, network.EnableParams{})
	call(b, cdplog.Enable, cdp.Empty{})
	call(b, cdpruntime.Enable, cdp.Empty{})
	b.do(chromedp.EmulateViewport(width, height))
	return b
}

// call sends a command of the DevTools protocol.
func call[P, R any](b *tab, c cdp.Command[P, R], params P) R {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	result, err := chromedp.Call(ctx, c, params)
	if err != nil {
		b.t.Fatalf("%s: %v", c.Method, err)
	}
	return result
}

// run runs an action, which has its time, and returns its value.
func run[T any](b *tab, a chromedp.Action[T]) (T, error) {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, a)
}

func (b *tab) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		b.asked = append(b.asked, e.Request.URL)
	case *cdpruntime.EventExceptionThrown:
		b.complain = append(b.complain, fmt.Sprintf("exception: %s %+v", e.ExceptionDetails.Text, e.ExceptionDetails.Exception))
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.EntryLevelError {
			b.complain = append(b.complain, string(e.Entry.Source)+": "+e.Entry.Text+" "+e.Entry.URL)
		}
	}
}

// do runs actions, which have their time.
func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	for _, action := range actions {
		_, err := run(b, action)
		for err != nil && strings.Contains(err.Error(), "Could not find node with given id") {
			_, err = run(b, action) // the page drew that element anew meanwhile
		}
		if err != nil {
			b.t.Fatalf("%v\nthe page says: %.2000s\ncomplaints: %q", err, b.text(), b.complaints())
		}
	}
}

func (b *tab) text() string {
	text, _ := run(b, chromedp.Evaluate[string](`document.body ? document.body.innerText : ""`)) // for a message only
	return text
}

func (b *tab) complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.complain...)
}

func (b *tab) requests() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string{}, b.asked...)
}

// open goes to a URL and waits until the page shows its view.
func (b *tab) open(url string) {
	b.t.Helper()
	b.do(chromedp.Navigate(url))
	b.await(`document.body.dataset.ready === "true"`)
}

// view goes to another view of the page.
func (b *tab) view(hash string) {
	b.t.Helper()
	eval[bool](b, fmt.Sprintf(`(() => { document.querySelector(".view").dataset.old = "1"; location.hash = %s; return true })()`, quote(hash)))
	b.await(`document.querySelector(".view:not([data-old])") !== null`)
}

// await waits until an expression is true.
func (b *tab) await(expression string) {
	b.t.Helper()
	if _, err := run(b, chromedp.Poll[bool]("!!("+expression+")", chromedp.WithPollingInterval(20*time.Millisecond), chromedp.WithPollingTimeout(patience-time.Second))); err != nil {
		b.t.Fatalf("in vain for %s: %v\nthe page says: %.2000s\ncomplaints: %q", expression, err, b.text(), b.complaints())
	}
}

// awaitText waits until an element has a text in it.
func (b *tab) awaitText(selector, text string) {
	b.t.Helper()
	b.await(fmt.Sprintf(`[...document.querySelectorAll(%s)].some((e) => e.innerText.includes(%s))`, quote(selector), quote(text)))
}

// eval returns the value of an expression, which may be a promise.
func eval[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := run(b, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return v
}

// prefer sets what a user prefers: "color-scheme" or "reduced-motion".
func (b *tab) prefer(what, value string) {
	b.t.Helper()
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-" + what, Value: value}}})
}

// quote writes a text as JavaScript does.
func quote(s string) string {
	raw, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string always marshals
	}
	return string(raw)
}

// quiet fails if the page complained, or asked anybody but its node.
func (b *tab) quiet(origin string) {
	b.t.Helper()
	for _, c := range b.complaints() {
		b.t.Errorf("the page complains: %s", c)
	}
	for _, url := range b.requests() {
		if !strings.HasPrefix(url, origin+"/") && !strings.HasPrefix(url, "blob:"+origin) && url != "about:blank" {
			b.t.Errorf("the page asks elsewhere: %s", url)
		}
	}
}
