package ledger_test

import (
	"bytes"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/ledger"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

func TestReorganisationsAreCountedByDepth(t *testing.T) {
	w := newWorld(t)
	w.draw("g─a─b─c\n  └─x─y─z\n    └─p─q─r", nil)
	for _, name := range strings.Fields("a b c x y z p q r") {
		if err := w.hear(name); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	w.requireBest("g a x p q r")
	s := w.ledger.Stats()
	if want := map[int]uint64{2: 2}; !maps.Equal(s.Depths, want) {
		t.Errorf("want reorganisations %v, got %v", want, s.Depths)
	}
	var all uint64
	for _, n := range s.Adopted {
		all += n
	}
	if all != 9 { // a b c, x y z for b c, p q r for y z
		t.Errorf("want 9 blocks adopted, got %v", s.Adopted)
	}
}

// TestWayOfABlockIsToldStageByStage: in the log at level debug, and to whoever
// observes.
func TestWayOfABlockIsToldStageByStage(t *testing.T) {
	w := newWorld(t)
	w.draw("g─a─b─c", nil)
	lock, err := store.LockDir("way", vfs.NewMem())
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	st, err := store.Open(lock, w.rules, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	var log bytes.Buffer
	seen := map[ledger.Stage]int{}
	l, err := ledger.Open(st, w.rules, ledger.Config{
		Logger:  slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Now:     func() time.Time { return w.now },
		Observe: func(s ledger.Stage, _ time.Duration) { seen[s]++ },
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.AddBlocks(chain.Source{Via: chain.ViaMiner}, w.blocks["a"]); err != nil {
		t.Fatal(err)
	}
	if _, err := l.AddBlocks(chain.Source{Via: chain.ViaSync}, w.blocks["b"], w.blocks["c"]); err != nil {
		t.Fatal(err)
	}
	for _, s := range []ledger.Stage{ledger.StageScreen, ledger.StageVerify, ledger.StageWait, ledger.StageExecute, ledger.StageCommit} {
		if seen[s] != 1 {
			t.Errorf("want stage %s observed of the block that came alone, got %d times", s, seen[s])
		}
		if !strings.Contains(log.String(), " "+string(s)+"=") {
			t.Errorf("stage %s is not in the log:\n%s", s, log.String())
		}
	}
	if want := "blocks=2 taken=2"; !strings.Contains(log.String(), want) {
		t.Errorf("want %q in the log:\n%s", want, log.String())
	}
}
