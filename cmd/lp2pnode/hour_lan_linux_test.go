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
	begin := time.Now()
	told := func(what string) { t.Logf("%s after %s", what, time.Since(begin).Round(100*time.Millisecond)) }
	shelf := t.TempDir()
	genesis := filepath.Join(shelf, "our-lab.json")
	typed(t, exec.Command("lp2pnode", "genesis", "new", genesis, "--chain-id", "our-lab", "--interval", "1s", "--difficulty", "20000"))
	flags := []string{"--genesis", genesis, slow}

	// A LAN of three: looked at first, then started, without any address.
	first := l.boot(flags...)
	second := l.boot(flags...)
	third := l.boot(flags...)
	meet(time.Minute, 2, first, second, third)
	_, tip := together(2*time.Minute, 3, first, second, third)
	told("a LAN of three is on one tip")

	// Across networks: a machine behind a router of its own names one that can be
	// reached. The doctor says before how far that leads.
	l.plug()
	inside := l.behind("host4")
	far := &machine{process: &process{t: t, name: inside, dir: t.TempDir(), log: &lockedBuffer{}}}
	far.wrap = []string{"ip", "netns", "exec", l.prefix + inside}
	join := append([]string{"--bootstrap", l.entry(first.name)}, flags...)
	seen := far.doctor(join...)
	seen.well(t, "bootstrap")
	seen.finding(t, "nated")
	far.start(join...)
	far.await("the chain of the LAN", time.Minute, func() bool {
		s, ok := ask[client.Status](far, "status")
		return ok && s.Peers > 0 && s.Height >= tip.Height
	})
	told("a machine elsewhere has joined")

	// A record made there is confirmed, and its receipt holds without a node.
	report := filepath.Join(shelf, "report.pdf")
	if err := os.WriteFile(report, []byte("what was found"), 0o600); err != nil {
		t.Fatal(err)
	}
	typed(t, far.command("key", "new", "--no-passphrase", "--data-dir", far.dir))
	var recorded struct{ ID string }
	decoded(t, typed(t, far.command("record", "--file", report, "--data-dir", far.dir, "--json")), &recorded)
	typed(t, first.command("tx", recorded.ID, "--wait", "2", "--timeout", "2m"))
	receipt := filepath.Join(shelf, "report.json")
	typed(t, second.command("receipt", recorded.ID, "--out", receipt))
	typed(t, second.command("verify", receipt, "--api", "127.0.0.1:9471", "--file", report))
	told("a record is confirmed everywhere and its receipt verified")

	// Monitored: the probes answer on each machine, and the doctor agrees.
	for _, m := range []*machine{first, second, third, far} {
		m.await("readiness", time.Minute, func() bool {
			return l.at(m.name, "curl", "-sf", "http://127.0.0.1:9471/readyz").Run() == nil
		})
		if raw := typed(t, l.at(m.name, "curl", "-sf", "http://127.0.0.1:9471/metrics")); !strings.Contains(raw, "lp2p") {
			t.Errorf("%s serves no metrics: %.300s", m.name, raw)
		}
		for _, r := range m.doctor(flags...).Results {
			if r.Outcome == doctor.Finding && r.ID != "nated" && r.Check != "disk" { // a loaded disk is slow
				t.Errorf("%s: %+v", m.name, r)
			}
		}
	}
	told("all are ready and watched")

	// Backed up while it runs, lost, restored: the same identity on the same chain.
	copied := filepath.Join(shelf, "backup")
	typed(t, third.command("backup", copied, "--data-dir", third.dir))
	before, _ := ask[client.Status](third, "status")
	key, err := os.ReadFile(filepath.Join(third.dir, "node.key"))
	if err != nil {
		t.Fatal(err)
	}
	third.kill()
	if err := os.RemoveAll(third.dir); err != nil {
		t.Fatal(err)
	}
	typed(t, third.command("restore", copied, "--data-dir", third.dir))
	if err := os.WriteFile(filepath.Join(third.dir, "node.key"), key, 0o600); err != nil {
		t.Fatal(err)
	}
	typed(t, third.command("chain", "verify", "--data-dir", third.dir, "--genesis", genesis))
	third.start(flags...)
	third.await("the others' chain again", 2*time.Minute, func() bool {
		s, ok := ask[client.Status](third, "status")
		there, _ := ask[client.Status](first, "status")
		return ok && s.PeerID == before.PeerID && s.Peers >= 2 && s.Height > before.Height && s.Tip == there.Tip
	})
	told("a lost machine is restored")

	// Upgraded in place: stopped, another binary put there, started again.
	was, _ := ask[client.Status](second, "status")
	second.stop()
	binary := filepath.Join(shelf, "lp2pnode")
	replaceBinary(t, binary)
	second.binary = binary
	second.start(flags...)
	second.await("its own chain and peers again", time.Minute, func() bool {
		s, ok := ask[client.Status](second, "status")
		return ok && s.PeerID == was.PeerID && s.Height >= was.Height && s.Peers >= 2
	})
	typed(t, second.command("tx", recorded.ID))
	told("a machine is upgraded")
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
