package doctor

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/libp2p/go-libp2p"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/pow"
	"github.com/lp2pnode/lp2pnode/chain/store"
	"github.com/lp2pnode/lp2pnode/node"
	"github.com/lp2pnode/lp2pnode/p2p"
)

// on returns a patient of the built-in chain with a directory on this disk, no
// node running and nobody to ask.
func on(t *testing.T, disk vfs.FS) *patient {
	t.Helper()
	cfg := Config{Node: node.DefaultConfig()}
	cfg.Node.Params, cfg.Node.DataDir = node.LANParams(), "/data"
	rules, err := chain.NewRules(cfg.Node.Params, pow.Engine{})
	if err != nil {
		t.Fatal(err)
	}
	if err := disk.MkdirAll("/data", 0o700); err != nil {
		t.Fatal(err)
	}
	return &patient{cfg: cfg, fs: disk, rules: rules, survey: func() *survey { return &survey{} }}
}

// want fails unless a check has this finding and no other.
func want(t *testing.T, id string, results []Result) Result {
	t.Helper()
	found := slices.DeleteFunc(slices.Clone(results), func(r Result) bool { return r.Outcome != Finding })
	if len(found) != 1 || found[0].ID != id || found[0].Cause == "" || found[0].Cure == "" {
		t.Fatalf("want finding %s alone, with cause and cure, got %+v", id, results)
	}
	return found[0]
}

// slowDisk takes so long for each sync, or fails.
type slowDisk struct {
	vfs.FS
	sync time.Duration
	err  error
	free uint64 // bytes
}

func (d slowDisk) GetDiskUsage(string) (vfs.DiskUsage, error) {
	return vfs.DiskUsage{AvailBytes: d.free, TotalBytes: 1 << 40}, nil
}

func (d slowDisk) Create(name string, c vfs.DiskWriteCategory) (vfs.File, error) {
	f, err := d.FS.Create(name, c)
	return slowFile{f, d}, err
}

type slowFile struct {
	vfs.File
	disk slowDisk
}

func (f slowFile) Sync() error {
	time.Sleep(f.disk.sync)
	return f.disk.err
}

func TestSlowAndBrokenDisksAreNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, row := range []struct {
			disk slowDisk
			id   string
		}{
			{slowDisk{sync: time.Millisecond}, ""},
			{slowDisk{sync: 400 * time.Millisecond}, "disk-slow"},
			{slowDisk{err: errors.New("input/output error")}, "disk-broken"},
		} {
			row.disk.FS = vfs.NewMem()
			p := on(t, row.disk)
			results := p.within(t.Context(), check{"disk", (*patient).checkDisk}, deadline)
			if row.id == "" {
				if results[0].Outcome != OK || !strings.Contains(results[0].Found, "1ms") {
					t.Errorf("a good disk: %+v", results)
				}
			} else if r := want(t, row.id, results); row.id == "disk-slow" && !strings.Contains(r.Cause, "400ms") {
				t.Errorf("it does not say how slow: %+v", r)
			}
			if left, err := row.disk.List("/data"); err != nil || len(left) > 0 {
				t.Errorf("the check left %v, %v", left, err)
			}
		}
	})
}

// TestAFullDiskIsOneFinding: that nothing can be written has the same cause. One
// that is full though room is left is broken, or has no more entries.
func TestAFullDiskIsOneFinding(t *testing.T) {
	for free, id := range map[uint64]string{0: "space-low", 1 << 30: "disk-broken"} {
		p := on(t, slowDisk{FS: vfs.NewMem(), err: syscall.ENOSPC, free: free})
		want(t, id, append(p.checkDisk(t.Context()), p.checkSpace(t.Context())...))
	}
}

// TestADirectoryInUseIsUsable: also when the one who has it, its disk being
// full, could not name itself there.
func TestADirectoryInUseIsUsable(t *testing.T) {
	p := on(t, vfs.NewMem())
	lock, err := store.LockDir("/data", p.fs)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	if r := p.checkFormat("/data"); r.Outcome != OK || !strings.Contains(r.Found, "in use") {
		t.Errorf("%+v", r)
	}
}

// TestACheckThatHangsEndsNoOther: it becomes a finding of its own.
func TestACheckThatHangsEndsNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := on(t, vfs.NewMem())
		release := make(chan struct{})
		defer close(release)
		begin := time.Now()
		stuck := p.within(t.Context(), check{"stuck", func(*patient, context.Context) []Result { <-release; return nil }}, deadline)
		if r := want(t, "no-end", stuck); r.Check != "stuck" || time.Since(begin) > deadline+2*time.Second {
			t.Errorf("after %s: %+v", time.Since(begin), r)
		}
		slow := p.within(t.Context(), check{"slow", func(_ *patient, ctx context.Context) []Result {
			<-ctx.Done()
			return one(ok("", "what was found until then"))
		}}, deadline)
		if slow[0].Outcome != OK {
			t.Errorf("a check that ends with its context is not heard: %+v", slow)
		}
	})
}

func TestOlderVersionsAreNamed(t *testing.T) {
	for _, row := range []struct{ ours, theirs, running, id string }{
		{"lp2pnode/v1.2.0", "lp2pnode/v1.3.0", "", "version-old"},
		{"lp2pnode/v1.2.0", "lp2pnode/v2.0.0", "", "version-old"},
		{"lp2pnode/v1.2.0", "lp2pnode/v1.2.9", "", ""},
		{"lp2pnode/v1.2.0", "lp2pnode/v1.1.0", "", ""},
		{"lp2pnode/v1.2.0", "another/v9.0.0", "", ""},
		{"lp2pnode/devel", "lp2pnode/v9.0.0", "", ""},
		{"lp2pnode/v1.3.0", "lp2pnode/v1.3.0", "lp2pnode/v1.2.0", "version-restart"},
	} {
		p := on(t, vfs.NewMem())
		p.cfg.Node.Agent = row.ours
		if row.running != "" {
			p.running.status = &client.Status{Agent: row.running}
		}
		said := p2p.Stranger{Agent: row.theirs, Genesis: p.rules.Genesis().Hash}
		p.survey = func() *survey { return &survey{contacts: []contact{{said: said}}} }
		results := p.checkVersion(t.Context())
		if row.id != "" {
			want(t, row.id, results)
		} else if len(results) != 1 || results[0].Outcome != OK || !strings.Contains(results[0].Found, row.theirs) {
			t.Errorf("%+v: %+v", row, results)
		}
	}
}

// TestOneClockOfManyDoesNotCount: it takes more than half to say that ours is off.
func TestOneClockOfManyDoesNotCount(t *testing.T) {
	for _, row := range []struct {
		offsets []time.Duration
		id      string
	}{
		{[]time.Duration{0, time.Second, time.Hour}, ""},
		{[]time.Duration{0, time.Hour}, ""},
		{[]time.Duration{time.Minute, time.Hour, 0}, "clock-off"},
		{[]time.Duration{-time.Minute}, "clock-off"},
	} {
		p := on(t, vfs.NewMem())
		s := &survey{}
		for _, off := range row.offsets {
			s.contacts = append(s.contacts, contact{said: p2p.Stranger{Offset: off}})
		}
		s.contacts = append(s.contacts, contact{err: errors.New("silent"), said: p2p.Stranger{Offset: 5 * time.Hour}})
		p.survey = func() *survey { return s }
		results := p.checkClock(t.Context())
		if row.id != "" {
			want(t, row.id, results)
		} else if results[0].Outcome != OK {
			t.Errorf("%v: %+v", row.offsets, results)
		}
	}
}

// TestANewerFormatIsNamed: a directory that a later version has written.
func TestANewerFormatIsNamed(t *testing.T) {
	disk := vfs.NewMem()
	p := on(t, disk)
	lock, err := store.LockDir("/data", disk)
	if err != nil {
		t.Fatal(err)
	}
	s, err := store.Open(lock, p.rules, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(s.Close(), lock.Close()); err != nil {
		t.Fatal(err)
	}
	if r := p.checkFormat("/data"); r.Outcome != OK {
		t.Fatalf("before: %+v", r)
	}
	db, err := pebble.Open("/data/chain", &pebble.Options{FS: disk, FormatMajorVersion: pebble.FormatNewest})
	if err != nil {
		t.Fatal(err)
	}
	later := []byte{0, 0, 0, 0, 0, 0, 0, 99}
	if err := errors.Join(db.Set([]byte("mf"), later, pebble.Sync), db.Close()); err != nil {
		t.Fatal(err)
	}
	if r := want(t, "newer-format", one(p.checkFormat("/data"))); !strings.Contains(r.Found, "99") {
		t.Errorf("it does not name the format: %+v", r)
	}
}

// TestWhatTheNodeSaysOfItselfIsAFinding: each part of its readiness by name.
func TestWhatTheNodeSaysOfItselfIsAFinding(t *testing.T) {
	p := on(t, vfs.NewMem())
	p.running.status = &client.Status{}
	p.running.health = &client.Health{Checks: []client.Check{{Name: "sync", Detail: "at height 1 of 9"}, {Name: "clock", OK: true}}}
	if r := want(t, "not-ready", p.checkNode(t.Context())); r.Of != "sync" || r.Found != "at height 1 of 9" || strings.Contains(r.Cure, "{") {
		t.Errorf("got %+v", r)
	}
}

// TestAPlainLibp2pHostIsNoNode: it answers, and not by our protocol.
func TestAPlainLibp2pHostIsNoNode(t *testing.T) {
	h, err := libp2p.New(libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"), libp2p.DisableMetrics(), libp2p.DisableRelay())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = h.Close() }()
	p := on(t, vfs.NewMem())
	p.cfg.Node.MDNS = false
	p.cfg.Node.Bootstrap = []string{h.Addrs()[0].String()}
	s := p.ask(t.Context())
	p.survey = func() *survey { return s }
	r := want(t, "no-status", p.checkBootstrap(t.Context()))
	if last := r.Steps[len(r.Steps)-1]; last.Name != "genesis" || last.OK {
		t.Errorf("want only the last step to fail, got %+v", r.Steps)
	}
}

// TestEveryFindingIsProvoked: here, in the transcripts, or in a network
// namespace, each kind by its id.
func TestEveryFindingIsProvoked(t *testing.T) {
	var texts strings.Builder
	for _, pattern := range []string{"*_test.go", "../../cmd/lp2pnode/doctor*_test.go", "../../cmd/lp2pnode/testdata/script/doctor*.txtar"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %v", pattern, files, err)
		}
		for _, file := range files {
			raw, err := os.ReadFile(file)
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				t.Fatal(err)
			}
			texts.Write(raw)
		}
	}
	seen := map[string]bool{}
	for _, k := range Kinds() {
		if seen[k.ID] {
			t.Errorf("two kinds are called %s", k.ID)
		}
		seen[k.ID] = true
		if !strings.Contains(texts.String(), `"`+k.ID+`"`) && !strings.Contains(texts.String(), "id: "+k.ID+"$") {
			t.Errorf("no test provokes finding %s", k.ID)
		}
	}
}
