package ledger_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/ledger"
)

// lines returns the canonical bytes of named blocks as a file has them.
func (w *world) lines(names ...string) string {
	var b strings.Builder
	for _, name := range names {
		b.Write(w.blocks[name].Raw())
		b.WriteByte('\n')
	}
	return b.String()
}

func (w *world) take(text string) (added, known uint64, err error) {
	got, err := w.ledger.Import(w.t.Context(), strings.NewReader(text), nil)
	return got.Added, got.Known, err
}

func TestImportChecksEveryRuleAndGoesOnWhereItEnded(t *testing.T) {
	w := newWorld(t)
	pay := w.pay("alice", "bob", 0, 10)
	forged := w.pay("alice", "bob", 0, 20)
	forged.Signature[3] ^= 1
	forged = chain.NewTransaction(*forged)
	w.draw("g─a─b─c─d─e\n└─x─y", map[string][]*chain.Transaction{"b": {pay}})
	w.grow("forged", "b", forged)
	w.grow("poor", "c", w.pay("bob", "alice", 0, 1_000_000))
	for _, row := range []struct {
		name, text   string
		added, known uint64
		wrong        string
		kind         error
	}{
		{"nothing", "", 0, 0, "", nil},
		{"genesis and two", w.lines("g", "a", "b"), 2, 1, "", nil},
		{"the whole again", w.lines("g", "a", "b", "c"), 1, 3, "", nil},
		{"without the last end of line", strings.TrimSuffix(w.lines("c"), "\n"), 0, 1, "", nil},
		{"a side branch", w.lines("x", "y"), 2, 0, "", nil},
		{"no block", w.lines("a") + "{}\n", 0, 1, "line 2: ", chain.ErrInvalid},
		{"an empty line", w.lines("a") + "\n" + w.lines("d"), 0, 1, "line 2: ", chain.ErrInvalid},
		{"line ends of Windows", strings.ReplaceAll(w.lines("d"), "\n", " \r\n"), 0, 0, "line 1: rule form", chain.ErrInvalid},
		{"a forged signature", w.lines("a", "forged"), 0, 1, "line 2: transaction", chain.ErrInvalid},
		{"what cannot be executed", w.lines("poor", "d"), 0, 0, "line 1: block", chain.ErrUnfit},
		{"good before bad", w.lines("d", "e") + "[]\n", 1, 1, "line 3: ", chain.ErrInvalid},
		{"an endless line", w.lines("a") + strings.Repeat("x", 200_000), 0, 1, "line 2: rule size: want a block of at most 100000 bytes", chain.ErrInvalid},
	} {
		added, known, err := w.take(row.text)
		if added != row.added || known != row.known || !errors.Is(err, row.kind) || err != nil && !strings.HasPrefix(err.Error(), row.wrong) {
			t.Errorf("%s: want %d added, %d known, %q; got %d, %d, %v", row.name, row.added, row.known, row.wrong, added, known, err)
		}
	}
	w.requireBest("g a b c d e")
	other := newWorld(t)
	other.now = w.now
	if _, _, err := other.take(w.lines("b")); !errors.Is(err, chain.ErrUnknownParent) {
		t.Errorf("a block without its parent: %v", err)
	}
	foreign := bytes.Replace(w.blocks["g"].Raw(), []byte(`"data":""`), []byte(`"data":"x"`), 1)
	if _, _, err := w.take(string(foreign)); err == nil {
		t.Error("the genesis of another chain was taken")
	}
}

// TestImportOfManyBlocksIsOneOfWindows: each window whole, in order.
func TestImportOfManyBlocksIsOneOfWindows(t *testing.T) {
	w := newWorld(t)
	var names []string
	parent := "g"
	for i := range 1200 {
		name := fmt.Sprint("n", i)
		w.grow(name, parent)
		names, parent = append(names, name), name
	}
	w.now = w.now.Add(time.Hour)
	var told []uint64
	got, err := w.ledger.Import(t.Context(), strings.NewReader(w.lines(names...)), func(i ledger.Imported) { told = append(told, i.Added) })
	if err != nil || got.Added != 1200 || w.ledger.Tip().Tip.Height != 1200 || fmt.Sprint(told) != "[512 1024 1200]" {
		t.Fatalf("%+v, %v, told %d", got, err, told)
	}
}

func TestImportWaitsWhileTheLedgerIsHeld(t *testing.T) {
	w := newWorld(t)
	w.draw("g─a─b", nil)
	w.ledger.Hold("the disk is full")
	done := make(chan error, 1)
	go func() {
		_, _, err := w.take(w.lines("a", "b"))
		done <- err
	}()
	for range 3 { // it looks again at every change, and waits on
		w.ledger.Hold("still")
	}
	select {
	case err := <-done:
		t.Fatalf("it did not wait: %v", err)
	default:
	}
	w.ledger.Hold("")
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	w.requireBest("g a b")
	w.grow("c", "b")
	w.ledger.Hold("the disk is full")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		_, err := w.ledger.Import(ctx, strings.NewReader(w.lines("c")), nil)
		done <- err
	}()
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Errorf("%v; want it cancelled", err)
	}
}

// FuzzImport: whatever the lines are, the ledger is whole after them.
func FuzzImport(f *testing.F) {
	w := newWorld(f)
	w.draw("g─a─b\n└─x─y─z", map[string][]*chain.Transaction{"b": {w.pay("alice", "bob", 0, 10)}})
	f.Add(w.lines("g", "a", "b"))
	f.Add(w.lines("x", "y", "z") + "\n\n")
	f.Add(w.lines("b", "a") + "{}")
	f.Fuzz(func(t *testing.T, text string) {
		got, err := w.ledger.Import(t.Context(), strings.NewReader(text), nil)
		if lines := uint64(strings.Count(text, "\n") + 1); got.Added+got.Known > lines || err == nil && got.Added+got.Known == 0 && text != "" {
			t.Errorf("%+v of %d lines: %v", got, lines, err)
		}
		if tip, err := w.store.Tip(); err != nil || tip.Tip.Hash != w.ledger.Tip().Tip.Hash {
			t.Errorf("the tip is %s, the store's %s: %v", w.ledger.Tip().Tip.Hash, tip.Tip.Hash, err)
		}
	})
}
