package main_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/node/doctor"
)

// addr returns where a machine is on the LAN.
func (l *lan) addr(name string) string {
	return fmt.Sprintf("10.77.%d.%s", os.Getpid()%256, strings.TrimPrefix(name, "host"))
}

// entry is the multiaddr of the node of a machine.
func (l *lan) entry(name string) string { return "/ip4/" + l.addr(name) + "/tcp/9470" }

// on runs a command of a machine, which has to succeed.
func (l *lan) on(name string, line ...string) {
	l.t.Helper()
	if out, err := l.at(name, line...).CombinedOutput(); err != nil {
		l.t.Fatalf("%s: %s: %v: %s", name, strings.Join(line, " "), err, out)
	}
}

func (l *lan) at(name string, line ...string) *exec.Cmd {
	line = slices.Concat([]string{"ip", "netns", "exec", l.prefix + name}, line)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, "LP2P_") })
	return cmd
}

// drop makes the firewall of a machine drop what matches.
func (l *lan) drop(name string, match ...string) {
	l.t.Helper()
	if _, err := exec.LookPath("iptables"); err != nil {
		l.t.Skip("iptables is not here, with which a firewall would be made")
	}
	l.on(name, slices.Concat([]string{"iptables"}, match, []string{"-j", "DROP"})...)
}

// strange starts a node of the built-in chain whose clock and name are given.
func (l *lan) strange(clock time.Duration, agent string) string {
	l.t.Helper()
	name := l.plug()
	cmd := l.at(name, "strange-node")
	cmd.Env = append(cmd.Env, "STRANGE_CLOCK="+clock.String(), "STRANGE_AGENT="+agent)
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	return name
}

// nobodyID is a well-formed peer id whose key nobody has.
const nobodyID = "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN"

// diagnosis is what the doctor says, and its exit code.
type diagnosis struct {
	doctor.Report
	code int
}

// diagnose runs the doctor, which must say in JSON what it has found.
func diagnose(t testing.TB, cmd *exec.Cmd) diagnosis {
	t.Helper()
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	var d diagnosis
	if exit := new(exec.ExitError); errors.As(err, &exit) {
		d.code = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(stdout.Bytes(), &d.Report); err != nil {
		t.Fatalf("doctor: %v in %q, and on stderr %q", err, stdout.String(), stderr.String())
	}
	if want := map[bool]int{true: 0, false: 1}[d.OK]; d.code != want || d.OK != (d.Findings == 0) {
		t.Errorf("exit code %d with %d findings", d.code, d.Findings)
	}
	return d
}

// finding returns the finding of a kind, which must name cause and cure.
func (d diagnosis) finding(t testing.TB, id string) doctor.Result {
	t.Helper()
	for _, r := range d.Results {
		if r.ID != id {
			continue
		}
		if r.Outcome != doctor.Finding || r.Cause == "" || r.Cure == "" || strings.ContainsAny(r.Cause+r.Cure, "{}") {
			t.Errorf("%s is not told whole: %+v", id, r)
		}
		return r
	}
	t.Errorf("want finding %s, got:\n%s", id, d)
	return doctor.Result{}
}

// well fails if one of these checks has a finding, or was not made.
func (d diagnosis) well(t testing.TB, checks ...string) {
	t.Helper()
	for _, name := range checks {
		seen := false
		for _, r := range d.Results {
			seen = seen || r.Check == name && r.Outcome == doctor.OK
			if r.Check == name && r.Outcome == doctor.Finding {
				t.Errorf("check %s: %+v", name, r)
			}
		}
		if !seen {
			t.Errorf("check %s has found nothing to be well:\n%s", name, d)
		}
	}
}

func (d diagnosis) String() string {
	raw, err := json.MarshalIndent(d.Report, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(raw)
}

// doctor examines a machine without a node, with a new data directory.
func (l *lan) doctor(name string, args ...string) diagnosis {
	l.t.Helper()
	line := []string{"lp2pnode", "doctor", "--json"}
	if !slices.Contains(args, "--data-dir") && !slices.Contains(args, "--ephemeral") {
		line = append(line, "--data-dir", filepath.Join(l.t.TempDir(), "data"))
	}
	return diagnose(l.t, l.at(name, append(line, args...)...))
}

func (m *machine) doctor(args ...string) diagnosis {
	m.t.Helper()
	return diagnose(m.t, m.command(append([]string{"doctor", "--json", "--data-dir", m.dir}, args...)...))
}

// TestDoctorFindsNothingOnAHealthyLAN: beside a running node and without one.
func TestDoctorFindsNothingOnAHealthyLAN(t *testing.T) {
	l := newLAN(t)
	a, b := l.boot("--mine=false"), l.boot("--mine=false")
	meet(time.Minute, 1, a, b)
	healthy := []string{"directory", "space", "files", "ports", "multicast", "clock", "version", "addresses"}
	d := a.doctor("--bootstrap", l.entry(b.name))
	d.well(t, append(healthy, "node", "bootstrap")...)
	alone := l.doctor(l.plug(), "--bootstrap", l.entry(b.name))
	alone.well(t, append(healthy, "bootstrap")...)
	for _, r := range append(d.Results, alone.Results...) {
		if r.Of == "neighbours" && !strings.Contains(r.Found, "announce themselves") {
			t.Errorf("the neighbours were not heard: %s", r.Found)
		}
	}
}

// TestDoctorNamesBlockedMulticast: a firewall drops mDNS.
func TestDoctorNamesBlockedMulticast(t *testing.T) {
	l := newLAN(t)
	host := l.plug()
	l.on(host, "sysctl", "-qw", "net.ipv6.conf.eth0.disable_ipv6=1")
	l.drop(host, "-A", "INPUT", "-p", "udp", "--dport", "5353")
	d := l.doctor(host)
	if r := d.finding(t, "multicast-blocked"); r.Of != "eth0" || !strings.Contains(r.Cause, "eth0") || !strings.Contains(r.Cure, "5353") {
		t.Errorf("it names neither interface nor port: %+v", r)
	}
	out := l.plug()
	l.on(out, "sysctl", "-qw", "net.ipv6.conf.eth0.disable_ipv6=1")
	l.drop(out, "-A", "OUTPUT", "-p", "udp", "--dport", "5353")
	l.doctor(out).finding(t, "multicast-blocked")
	l.on(out, "ip", "link", "set", "eth0", "down")
	l.on(out, "ip", "link", "set", "lo", "down")
	l.doctor(out).finding(t, "no-interface")
}

// TestDoctorNamesClosedPorts: at the machine whose firewall is shut, and at one
// that would join it.
func TestDoctorNamesClosedPorts(t *testing.T) {
	l := newLAN(t)
	shut, other := l.boot("--mine=false"), l.plug()
	shut.await("its API", time.Minute, func() bool { _, ok := ask[client.Status](shut, "status"); return ok })
	l.doctor(other, "--bootstrap", l.entry(shut.name)).well(t, "bootstrap")
	l.drop(shut.name, "-A", "INPUT", "-p", "tcp", "--dport", "9470")
	if r := shut.doctor().finding(t, "port-closed"); !strings.Contains(r.Of, l.addr(shut.name)) || !strings.Contains(r.Cure, "9470/tcp") {
		t.Errorf("it does not say which port to open: %+v", r)
	}
	d := l.doctor(other, "--bootstrap", l.entry(shut.name))
	if r := d.finding(t, "entry-silent"); len(r.Steps) != 2 || !r.Steps[0].OK || r.Steps[1].OK {
		t.Errorf("want it to resolve and not to be dialled, got %+v", r.Steps)
	}
	nobody := "/ip4/" + l.addr(other) + "/tcp/9999"
	l.doctor(other, "--bootstrap", nobody).finding(t, "entry-refused")
	l.doctor(other, "--bootstrap", "/ip4/198.51.100.7/tcp/9470").finding(t, "entry-unreachable")
	l.doctor(other, "--bootstrap", "/dns4/no-such-host.invalid/tcp/9470").finding(t, "name-unresolved")
	l.doctor(other, "--announce", "/dns4/no-such-host.invalid/tcp/9470").finding(t, "announce-unresolved")
}

// TestDoctorNamesStrangers: another chain, another identity, another program.
func TestDoctorNamesStrangers(t *testing.T) {
	l := newLAN(t)
	stranger := l.boot("--genesis", fastGenesis(t, map[string]any{"chain_id": "other"}), "--mine=false", "--api", "0.0.0.0:9471")
	stranger.await("its API", time.Minute, func() bool { _, ok := ask[client.Status](stranger, "status"); return ok })
	host := l.plug()
	r := l.doctor(host, "--bootstrap", l.entry(stranger.name)).finding(t, "other-genesis")
	s, _ := ask[client.Status](stranger, "status")
	if !strings.Contains(r.Cause, s.Genesis.String()) || !strings.Contains(r.Cure, "--genesis") {
		t.Errorf("it does not name the other chain and the setting: %+v", r)
	}
	if last := r.Steps[len(r.Steps)-1]; last.Name != "genesis" || last.OK || len(r.Steps) != 4 {
		t.Errorf("want all steps but the genesis to be well, got %+v", r.Steps)
	}
	if r := l.doctor(host, "--bootstrap", l.entry(stranger.name)+"/p2p/"+nobodyID).finding(t, "other-identity"); !strings.Contains(r.Cure, "/p2p/"+s.PeerID) {
		t.Errorf("it does not say what the right entry would be: %+v", r)
	}
	api := strings.Replace(l.entry(stranger.name), "9470", "9471", 1)
	l.doctor(host, "--bootstrap", api).finding(t, "entry-no-node")
	// At the stranger's own machine, for who expects the built-in chain there.
	d := l.doctor(stranger.name)
	if r := d.finding(t, "api-stranger"); !strings.Contains(r.Found, "other") {
		t.Errorf("it does not name the chain: %+v", r)
	}
	l.doctor(stranger.name, "--data-dir", stranger.dir, "--api", "127.0.0.1:9472").finding(t, "api-stranger")
}

// TestDoctorNamesClockAndVersion: the clocks of two others agree and ours does
// not; one of them runs a later release.
func TestDoctorNamesClockAndVersion(t *testing.T) {
	l := newLAN(t)
	ahead := []string{l.strange(10*time.Minute, "lp2pnode/v99.1.0"), l.strange(10*time.Minute, "lp2pnode/v99.0.0")}
	host := l.plug()
	entries := l.entry(ahead[0]) + "," + l.entry(ahead[1])
	d := l.awaitEntries(host, entries)
	if r := d.finding(t, "clock-off"); !strings.Contains(r.Cause, "10m0s behind") || !strings.Contains(r.Cure, "NTP") {
		t.Errorf("it does not say how far off the clock is: %+v", r)
	}
	for _, r := range d.Results {
		if r.Check == "version" && !strings.Contains(r.Found, "v99.1.0") {
			t.Errorf("the peers' versions are not told: %+v", r)
		}
	}
}

// awaitEntries runs the doctor until the entries' nodes answer, as strange
// nodes do not tell when they listen.
func (l *lan) awaitEntries(host, entries string) (d diagnosis) {
	l.t.Helper()
	for begin := time.Now(); time.Since(begin) < time.Minute; {
		d = l.doctor(host, "--bootstrap", entries)
		if !slices.ContainsFunc(d.Results, func(r doctor.Result) bool { return r.Check == "bootstrap" && r.Outcome == doctor.Finding }) {
			return d
		}
	}
	l.t.Fatalf("the nodes do not answer:\n%s", d)
	return d
}

// TestDoctorNamesNATedAddress: a machine behind a router that translates
// addresses joins a node outside.
func TestDoctorNamesNATedAddress(t *testing.T) {
	l := newLAN(t)
	outside := l.boot("--mine=false")
	outside.await("its API", time.Minute, func() bool { _, ok := ask[client.Status](outside, "status"); return ok })
	router, inside := l.plug(), l.behind("host2")
	d := l.doctor(inside, "--bootstrap", l.entry(outside.name))
	d.well(t, "bootstrap")
	r := d.finding(t, "nated")
	if want := "--announce /ip4/" + l.addr(router) + "/tcp/9470"; !strings.Contains(r.Cure, want) {
		t.Errorf("want the cure %q, got %+v", want, r)
	}
	l.doctor(inside, "--bootstrap", l.entry(outside.name), "--announce", l.entry(router)).well(t, "addresses")
	l.doctor(inside, "--bootstrap", l.entry(outside.name), "--announce", "/ip4/203.0.113.9/tcp/9470").finding(t, "announce-wrong")
}

// behind plugs a machine into a router of its own, which hides it.
func (l *lan) behind(router string) string {
	l.t.Helper()
	if _, err := exec.LookPath("iptables"); err != nil {
		l.t.Skip("iptables is not here, with which addresses would be translated")
	}
	name := "inside"
	l.ip("netns", "add", l.prefix+name)
	l.t.Cleanup(func() { l.remove(name) })
	l.ip("-n", l.prefix+router, "link", "add", "lan0", "type", "veth", "peer", "name", "eth0", "netns", l.prefix+name)
	l.ip("-n", l.prefix+router, "addr", "add", "192.168.50.1/24", "dev", "lan0")
	l.ip("-n", l.prefix+router, "link", "set", "lan0", "up")
	l.ip("-n", l.prefix+name, "addr", "add", "192.168.50.2/24", "dev", "eth0")
	l.ip("-n", l.prefix+name, "link", "set", "lo", "up")
	l.ip("-n", l.prefix+name, "link", "set", "eth0", "up")
	l.ip("-n", l.prefix+name, "route", "add", "default", "via", "192.168.50.1")
	l.on(router, "sysctl", "-qw", "net.ipv4.ip_forward=1")
	l.on(router, "iptables", "-t", "nat", "-A", "POSTROUTING", "-o", "eth0", "-j", "MASQUERADE")
	return name
}

// TestDoctorNamesADeafNode: the process holds the directory and does nothing.
func TestDoctorNamesADeafNode(t *testing.T) {
	l := newLAN(t)
	m := l.boot("--mine=false")
	m.await("its API", time.Minute, func() bool { _, ok := ask[client.Status](m, "status"); return ok })
	var holder struct{ PID int }
	raw, err := os.ReadFile(filepath.Join(m.dir, "node.json"))
	if err != nil || json.Unmarshal(raw, &holder) != nil || holder.PID == 0 {
		t.Fatalf("who holds %s: %v in %q", m.dir, err, raw)
	}
	if err := syscall.Kill(holder.PID, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = syscall.Kill(holder.PID, syscall.SIGCONT) }()
	if r := m.doctor().finding(t, "node-deaf"); !strings.Contains(r.Cause, fmt.Sprint(holder.PID)) {
		t.Errorf("it does not name the process: %+v", r)
	}
}

// TestDoctorNamesASmallDisk: the data directory is on a file system of 16 MiB.
func TestDoctorNamesASmallDisk(t *testing.T) {
	l := newLAN(t)
	dir := t.TempDir()
	if out, err := exec.Command("mount", "-t", "tmpfs", "-o", "size=16m", "lp2p", dir).CombinedOutput(); err != nil {
		t.Skipf("no file systems can be mounted here: %v: %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v: %s", err, out)
		}
	})
	host := l.plug()
	if r := l.doctor(host, "--data-dir", dir).finding(t, "space-low"); !strings.Contains(r.Found, "16 MiB") {
		t.Errorf("it does not say how large the disk is: %+v", r)
	}
	if out, err := exec.Command("mount", "-o", "remount,ro", dir).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	l.doctor(host, "--data-dir", dir).finding(t, "directory-unusable")
}
