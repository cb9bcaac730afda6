package main_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/lp2pnode/lp2pnode/api/client"
)

// smallDisk is a real file system of some MiB that a test may fill.
type smallDisk struct {
	t   testing.TB
	dir string
}

// newSmallDisk mounts a tmpfs, or skips the test where that cannot be.
func newSmallDisk(t testing.TB, mib int) *smallDisk {
	t.Helper()
	if os.Getenv("LP2P_TEST_DISK") == "" {
		t.Skip("mounts small file systems; set LP2P_TEST_DISK=1")
	}
	if os.Geteuid() != 0 {
		t.Skip("mounting takes root")
	}
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", fmt.Sprintf("size=%dm,mode=700", mib), "lp2ptest", dir).CombinedOutput(); err != nil {
		t.Skipf("nothing can be mounted here: %v: %s", err, strings.TrimSpace(string(out)))
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("unmount %s: %v: %s", dir, err, out)
		}
	})
	return &smallDisk{t, dir}
}

// fill leaves at most so many bytes, as another program would take the rest.
func (d *smallDisk) fill(leave uint64) {
	d.t.Helper()
	var stat unix.Statfs_t
	if err := unix.Statfs(d.dir, &stat); err != nil {
		d.t.Fatal(err)
	}
	free := stat.Bavail * uint64(stat.Bsize)
	if free <= leave {
		return
	}
	f, err := os.OpenFile(filepath.Join(d.dir, "other"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		d.t.Fatal(err)
	}
	junk := make([]byte, 64<<10)
	for left := free - leave; left > 0; {
		n, err := f.Write(junk[:min(left, uint64(len(junk)))])
		if left -= uint64(n); err != nil {
			break // somebody else was quicker with the last of it
		}
	}
	if err := f.Close(); err != nil {
		d.t.Fatal(err)
	}
}

// resize makes the disk larger.
func (d *smallDisk) resize(mib int) {
	d.t.Helper()
	if out, err := exec.Command("mount", "-o", fmt.Sprintf("remount,size=%dm", mib), d.dir).CombinedOutput(); err != nil {
		d.t.Fatalf("remount %s: %v: %s", d.dir, err, out)
	}
}

// empty gives back what fill took.
func (d *smallDisk) empty() {
	d.t.Helper()
	if err := os.Remove(filepath.Join(d.dir, "other")); err != nil {
		d.t.Fatal(err)
	}
}

// fullChain is a chain whose blocks come quickly and are of some size.
func fullChain(t *testing.T) string {
	return fastGenesis(t, map[string]any{"block_interval_ms": 100, "initial_difficulty": 300, "retarget_window": 0})
}

// startOn is start with the data directory on a disk.
func startOn(d *smallDisk, name string, args ...string) *process {
	p := &process{t: d.t, name: name, dir: filepath.Join(d.dir, name), args: args}
	p.run()
	return p
}

// full waits until the node says that it writes nothing, and checks that it
// serves, and why it is not ready.
func (p *process) full() {
	p.t.Helper()
	var s struct {
		WritesHeld string `json:"writes_held"`
	}
	p.await("that it says that nothing is written", time.Minute, func() bool {
		return p.get("/v1/status", &s) == nil && s.WritesHeld != ""
	})
	p.await("that it serves", time.Minute, func() bool { return p.get("/v1/blocks/latest", nil) == nil })
	if err := p.get("/livez", nil); err != nil {
		p.t.Errorf("%s is taken for dead: %v", p.name, err)
	}
	if err := p.get("/readyz", nil); err == nil || !strings.Contains(err.Error(), "503") {
		p.t.Errorf("%s is ready: %v", p.name, err)
	}
	if disk := p.diskCheck(); disk.OK || !strings.Contains(disk.Detail, "nothing is written: ") {
		p.t.Errorf("%s: readyz says of the disk %+v", p.name, disk)
	}
	if p.metric("lp2pnode_writes_held") != 1 {
		p.t.Errorf("%s does not count it among its metrics", p.name)
	}
	if !strings.Contains(p.log.String(), "nothing is written for now") {
		p.t.Errorf("%s does not log it", p.name)
	}
}

// diskCheck returns what readyz says of the disk, fit or not.
func (p *process) diskCheck() client.Check {
	p.t.Helper()
	response, err := http.Get(p.url() + "/readyz")
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	var health client.Health
	if err := json.NewDecoder(response.Body).Decode(&health); err != nil {
		p.t.Fatal(err)
	}
	for _, c := range health.Checks {
		if c.Name == "disk" {
			return c
		}
	}
	p.t.Fatalf("%s: readyz says nothing of the disk: %+v", p.name, health)
	return client.Check{}
}

// roomy waits until the node says, wherever it said otherwise, that it writes.
func (p *process) roomy() {
	p.t.Helper()
	p.await("that it says that it writes", time.Minute, func() bool {
		return p.metric("lp2pnode_writes_held") == 0 && p.diskCheck().OK
	})
}

func (p *process) grows() {
	p.t.Helper()
	from := p.status().Height
	p.await("more blocks", time.Minute, func() bool { return p.status().Height > from+2 })
}

// Two ways to be full: below the watermark, with which the node has its way, and
// to the last byte, with which a write of the store's fails.
const (
	watermark = "--min-free-mib=8"
	toTheEnd  = "--min-free-mib=1"
)

// leaves is what a test leaves of the disk, for each of the two.
func leaves(flag string) uint64 {
	if flag == watermark {
		return 6 << 20
	}
	return 0
}

// stages calls f for both ways, each on a disk of its own.
func stages(t *testing.T, f func(t *testing.T, d *smallDisk, flag string)) {
	for name, flag := range map[string]string{"below the watermark": watermark, "to the last byte": toTheEnd} {
		t.Run(name, func(t *testing.T) { f(t, newSmallDisk(t, 96), flag) })
	}
}

func TestDiskFullWhileMining(t *testing.T) {
	stages(t, func(t *testing.T, d *smallDisk, flag string) {
		genesis := fullChain(t)
		n := startOn(d, "miner", "--genesis", genesis, "--mine-alone", "--max-hashrate=5000", flag)
		for range 3 {
			n.grows()
			d.fill(leaves(flag))
			n.full()
			d.empty()
			n.roomy()
			n.grows()
		}
		n.prove(genesis)
	})
}

// TestDiskFullWhileSyncing: in the middle of it, and it has the whole chain in
// the end.
func TestDiskFullWhileSyncing(t *testing.T) {
	stages(t, func(t *testing.T, d *smallDisk, flag string) {
		c := makeChain(t, 400, 50_000, nil)
		source := &process{t: t, name: "source", dir: c.copied(t), args: []string{"--genesis", c.genesis, "--mine=false"}}
		source.run()
		wire, _ := behindSlowWire(t, source.addr(), 4_000_000) // or all is there before the disk is full
		d.fill(24 << 20)
		n := startOn(d, "learner", "--genesis", c.genesis, "--mine=false", flag, "--bootstrap", wire)
		n.await("the first blocks", time.Minute, func() bool { return n.status().Height > 0 })
		d.fill(leaves(flag))
		n.full()
		at := n.status().Height
		if t.Logf("full at height %d", at); at >= c.height {
			t.Error("it had all blocks before the disk was full")
		}
		d.empty()
		n.roomy()
		n.await("the whole chain", time.Minute, func() bool { return n.status().Tip == c.tip })
		n.prove(c.genesis)
	})
}

// TestDiskTooSmallForTheChain: the node itself fills it, up to the watermark or
// to where nothing more is taken, and has the whole chain once it is larger. It
// does not break its store again and again meanwhile.
func TestDiskTooSmallForTheChain(t *testing.T) {
	flags := []string{toTheEnd}
	if long() {
		flags = append(flags, watermark)
	}
	for _, flag := range flags {
		t.Run(flag, func(t *testing.T) {
			d := newSmallDisk(t, 24)
			const blocks, transfers = 60, 1000
			w := newWorkload(t, blocks, transfers)
			source := start(t, "source", "--genesis", w.genesis, "--mine=false")
			source.stop()
			w.grow(t, source.dir, blocks, transfers)
			source.run()
			n := startOn(d, "learner", "--genesis", w.genesis, "--mine=false", flag, "--bootstrap", source.addr())
			n.full()
			at := n.status()
			if at.Height == 0 || at.Height == blocks {
				t.Errorf("want a part of the chain, got %+v", at)
			}
			t.Logf("full at height %d, after %d failures of a write", at.Height, n.breaks())
			d.resize(256)
			n.await("the whole chain", 2*time.Minute, func() bool { return n.status().Tip == source.status().Tip })
			if breaks := n.breaks(); breaks > 3 {
				t.Errorf("the store has broken %d times", breaks)
			}
			n.prove(w.genesis)
		})
	}
}

// breaks returns how often a write of the node's has failed.
func (p *process) breaks() int { return strings.Count(p.log.String(), `msg="store broken"`) }

// TestDiskFullWhileReorganising: a node on a branch of its own meets a heavier
// one when it cannot write, and follows it when it can.
func TestDiskFullWhileReorganising(t *testing.T) {
	stages(t, func(t *testing.T, d *smallDisk, flag string) {
		genesis := fullChain(t)
		heavy := start(t, "heavy", "--genesis", genesis, "--mine-alone", "--max-hashrate=20000")
		n := startOn(d, "light", "--genesis", genesis, "--mine-alone", "--max-hashrate=1000", flag)
		n.grows()
		d.fill(leaves(flag))
		n.full()
		light := n.status()
		heavy.await("the heavier chain", time.Minute, func() bool { return heavy.status().Height > light.Height+20 })
		heavy.stop()
		heavy.args = append(heavy.args, "--bootstrap", n.addr())
		heavy.run()
		n.await("the peer with the heavier chain", time.Minute, func() bool { return n.status().Peers > 0 })
		if now := n.status(); now.Tip != light.Tip {
			t.Errorf("it went from %+v to %+v without room", light, now)
		}
		d.empty()
		n.roomy()
		n.await("the heavier chain", time.Minute, func() bool { return strings.Contains(n.log.String(), "reorganised") })
		n.grows()
		n.prove(genesis)
	})
}

// TestDiskFullWhileImporting: the import waits and ends by itself.
func TestDiskFullWhileImporting(t *testing.T) {
	stages(t, func(t *testing.T, d *smallDisk, flag string) {
		genesis := fullChain(t)
		source := start(t, "source", "--genesis", genesis, "--mine-alone", "--max-hashrate=20000")
		source.await("a long chain", 2*time.Minute, func() bool { return source.status().Height > 600 })
		source.stop()
		out, err := exec.Command("lp2pnode", "chain", "export", "-", "--data-dir", source.dir, "--genesis", genesis).Output()
		if err != nil {
			t.Fatal(err)
		}
		blocks := strings.SplitAfter(strings.TrimSuffix(string(out), "\n"), "\n")
		dir := filepath.Join(d.dir, "imported")
		cmd := exec.Command("lp2pnode", "chain", "import", "-", "--data-dir", dir, "--genesis", genesis, flag)
		said, in := &lockedBuffer{}, feed(t, cmd)
		cmd.Stdout, cmd.Stderr = said, said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		in(blocks[:520]...) // more than it adds at a time
		d.fill(leaves(flag))
		source.await("that it waits", time.Minute, func() bool { return strings.Contains(said.String(), "lp2pnode: waiting: the disk") })
		in(blocks[520:]...)
		in()
		d.empty()
		if err := cmd.Wait(); err != nil {
			t.Fatalf("%v\n%s", err, said)
		}
		if want := fmt.Sprintf("%d blocks added", len(blocks)-1); !strings.Contains(said.String(), want) {
			t.Errorf("want %s, got %s", want, said)
		}
		requireVerified(t, dir, genesis)
	})
}

// feed returns what writes lines to a command, and ends its input without any.
func feed(t *testing.T, cmd *exec.Cmd) func(lines ...string) {
	t.Helper()
	pipe, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	return func(lines ...string) {
		t.Helper()
		_, err := io.WriteString(pipe, strings.Join(lines, ""))
		if len(lines) == 0 {
			err = pipe.Close()
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}
