package main_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/node/doctor"
)

// TestLANNewcomersHour is the way through docs/operating.md, by
// machines in network namespaces: a chain of one's own on a LAN of three, a
// machine that joins from another network behind a router, a record with its
// receipt, probes, a backup, a machine that is lost and restored, an upgrade in
// place. (TestDocumentedCommands runs each command as it stands.)
func TestLANNewcomersHour(t *testing.T) {
	l := newLAN(t)
	if _, err := exec.LookPath("curl"); err != nil {
		t.Skip("the probes are read with curl, which is not here: install it")
	}
	begin := time.Now()
	told := func(what string) { t.Logf("%s after %s", what, time.Since(begin).Round(100*time.Millisecond)) }
	h := &hour{lan: l, shelf: t.TempDir()}
	h.genesis = filepath.Join(h.shelf, "our-lab.json")
	typed(t, exec.Command("lp2pnode", "genesis", "new", h.genesis, "--chain-id", "our-lab", "--interval", "1s", "--difficulty", "20000"))
	h.flags = []string{"--genesis", h.genesis, slow}

	// A LAN of three: looked at first, then started, without any address.
	h.first, h.second, h.third = l.boot(h.flags...), l.boot(h.flags...), l.boot(h.flags...)
	meet(time.Minute, 2, h.first, h.second, h.third)
	_, tip := together(2*time.Minute, 3, h.first, h.second, h.third)
	told("a LAN of three is on one tip")
	h.joinFromElsewhere(tip)
	told("a machine elsewhere has joined")
	id := h.record()
	told("a record is confirmed everywhere and its receipt verified")
	h.watch()
	told("all are ready and watched")
	h.loseAndRestore()
	told("a lost machine is restored")
	h.upgrade()
	typed(t, h.second.command("tx", id))
	told("a machine is upgraded")
}

// hour is what there is on the newcomer's way.
type hour struct {
	*lan
	shelf, genesis            string // a directory of files, and one in it
	flags                     []string
	first, second, third, far *machine
}

// joinFromElsewhere: a machine behind a router of its own names one that can be
// reached. The doctor says before how far that leads.
func (h *hour) joinFromElsewhere(tip client.Status) {
	h.t.Helper()
	h.plug()
	inside := h.behind("host4")
	h.far = &machine{process: &process{t: h.t, name: inside, dir: h.t.TempDir(), log: &lockedBuffer{}}}
	h.far.wrap = []string{"ip", "netns", "exec", h.prefix + inside}
	join := append([]string{"--bootstrap", h.entry(h.first.name)}, h.flags...)
	seen := h.far.doctor(join...)
	seen.well(h.t, "bootstrap")
	seen.finding(h.t, "nated")
	h.far.start(join...)
	h.far.await("the chain of the LAN", time.Minute, func() bool {
		s, ok := ask[client.Status](h.far, "status")
		return ok && s.Peers > 0 && s.Height >= tip.Height
	})
}

// record makes a record on the machine elsewhere, which is confirmed, and whose
// receipt holds without a node, and returns its id.
func (h *hour) record() string {
	h.t.Helper()
	report := filepath.Join(h.shelf, "report.pdf")
	if err := os.WriteFile(report, []byte("what was found"), 0o600); err != nil {
		h.t.Fatal(err)
	}
	typed(h.t, h.far.command("key", "new", "--no-passphrase", "--data-dir", h.far.dir))
	var recorded struct{ ID string }
	decoded(h.t, typed(h.t, h.far.command("record", "--file", report, "--data-dir", h.far.dir, "--json")), &recorded)
	typed(h.t, h.first.command("tx", recorded.ID, "--wait", "2", "--timeout", "2m"))
	receipt := filepath.Join(h.shelf, "report.json")
	typed(h.t, h.second.command("receipt", recorded.ID, "--out", receipt))
	typed(h.t, h.second.command("verify", receipt, "--api", "127.0.0.1:9471", "--file", report))
	return recorded.ID
}

// watch: the probes answer on each machine, and the doctor agrees.
func (h *hour) watch() {
	h.t.Helper()
	for _, m := range []*machine{h.first, h.second, h.third, h.far} {
		m.await("readiness", time.Minute, func() bool {
			return h.at(m.name, "curl", "-sf", "http://127.0.0.1:9471/readyz").Run() == nil
		})
		if raw := typed(h.t, h.at(m.name, "curl", "-sf", "http://127.0.0.1:9471/metrics")); !strings.Contains(raw, "lp2p") {
			h.t.Errorf("%s serves no metrics: %.300s", m.name, raw)
		}
		for _, r := range m.doctor(h.flags...).Results {
			if r.Outcome == doctor.Finding && r.ID != "nated" && r.Check != "disk" { // a loaded disk is slow
				h.t.Errorf("%s: %+v", m.name, r)
			}
		}
	}
}

// loseAndRestore: a machine that was backed up while it ran is lost and
// restored, with the same identity on the same chain.
func (h *hour) loseAndRestore() {
	h.t.Helper()
	third := h.third
	copied := filepath.Join(h.shelf, "backup")
	typed(h.t, third.command("backup", copied, "--data-dir", third.dir))
	before, _ := ask[client.Status](third, "status")
	key, err := os.ReadFile(filepath.Join(third.dir, "node.key"))
	if err != nil {
		h.t.Fatal(err)
	}
	third.kill()
	if err := os.RemoveAll(third.dir); err != nil {
		h.t.Fatal(err)
	}
	typed(h.t, third.command("restore", copied, "--data-dir", third.dir))
	if err := os.WriteFile(filepath.Join(third.dir, "node.key"), key, 0o600); err != nil {
		h.t.Fatal(err)
	}
	typed(h.t, third.command("chain", "verify", "--data-dir", third.dir, "--genesis", h.genesis))
	third.start(h.flags...)
	third.await("the others' chain again", 2*time.Minute, func() bool {
		s, ok := ask[client.Status](third, "status")
		there, _ := ask[client.Status](h.first, "status")
		return ok && s.PeerID == before.PeerID && s.Peers >= 2 && s.Height > before.Height && s.Tip == there.Tip
	})
}

// upgrade stops a machine's node, puts another binary there and starts it again.
func (h *hour) upgrade() {
	h.t.Helper()
	second := h.second
	was, _ := ask[client.Status](second, "status")
	second.stop()
	binary := filepath.Join(h.shelf, "lp2pnode")
	replaceBinary(h.t, binary)
	second.binary = binary
	second.start(h.flags...)
	second.await("its own chain and peers again", time.Minute, func() bool {
		s, ok := ask[client.Status](second, "status")
		return ok && s.PeerID == was.PeerID && s.Height >= was.Height && s.Peers >= 2
	})
}

// typed runs a command that has to succeed, and returns what it prints.
func typed(t *testing.T, cmd *exec.Cmd) string {
	t.Helper()
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s: %v\n%s%s", strings.Join(cmd.Args, " "), err, out, errs.String())
	}
	return string(out)
}

func decoded(t *testing.T, text string, v any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), v); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
}

// start starts the machine's node, again after it was stopped.
func (m *machine) start(args ...string) {
	m.t.Helper()
	m.cmd = m.command(append([]string{"--data-dir", m.dir}, args...)...)
	m.cmd.Stdout, m.cmd.Stderr = m.log, m.log
	if err := m.cmd.Start(); err != nil {
		m.t.Fatalf("start %s: %v", m.name, err)
	}
	m.begun = time.Now()
	m.t.Cleanup(m.kill)
}

// replaceBinary puts the program to a path of its own, as an upgrade does.
func replaceBinary(t *testing.T, path string) {
	t.Helper()
	from, err := exec.LookPath("lp2pnode")
	if err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path+".new", raw, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(path+".new", path); err != nil {
		t.Fatal(err)
	}
}
