package main_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/api/client"
)

// lan is a switch and machines that are plugged into it: network namespaces.
// The switch has one of its own, since on the host a firewall may drop what
// passes a bridge.
type lan struct {
	t      *testing.T
	prefix string // of the names of all namespaces
	hosts  int    // how many are plugged in
}

// newLAN makes a LAN without hosts, or skips the test where that cannot be.
func newLAN(t *testing.T) *lan {
	t.Helper()
	if os.Getenv("LP2P_TEST_LAN") == "" {
		t.Skip("makes network namespaces; set LP2P_TEST_LAN=1")
	}
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	l := &lan{t: t, prefix: fmt.Sprintf("lp2p%d-", os.Getpid())}
	if out, err := exec.Command("ip", "netns", "add", l.prefix+"switch").CombinedOutput(); err != nil {
		t.Skipf("no network namespaces here: %v: %s", err, strings.TrimSpace(string(out)))
	}
	t.Cleanup(func() { l.remove("switch") })
	if out, err := exec.Command("ip", "-n", l.prefix+"switch", "link", "add", "br0", "type", "bridge").CombinedOutput(); err != nil {
		t.Skipf("no bridges here: %v: %s", err, strings.TrimSpace(string(out)))
	}
	l.ip("-n", l.prefix+"switch", "link", "set", "br0", "up")
	return l
}

func (l *lan) remove(name string) {
	if out, err := exec.Command("ip", "netns", "del", l.prefix+name).CombinedOutput(); err != nil {
		l.t.Errorf("remove namespace %s%s: %v: %s", l.prefix, name, err, out)
	}
}

func (l *lan) ip(args ...string) {
	l.t.Helper()
	if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
		l.t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
	}
}

// plug adds a machine and returns its name.
func (l *lan) plug() string {
	l.t.Helper()
	l.hosts++
	name := fmt.Sprintf("host%d", l.hosts)
	ns := l.prefix + name
	l.ip("netns", "add", ns)
	l.t.Cleanup(func() { l.remove(name) })
	l.ip("-n", l.prefix+"switch", "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", ns)
	l.ip("-n", l.prefix+"switch", "link", "set", name, "master", "br0", "up")
	l.ip("-n", ns, "addr", "add", l.address(name)+"/24", "dev", "eth0")
	l.ip("-n", ns, "link", "set", "lo", "up")
	l.ip("-n", ns, "link", "set", "eth0", "up")
	return name
}

// cable pulls a machine's cable out of the switch, or puts it in ("up").
func (l *lan) cable(name, state string) {
	l.t.Helper()
	l.ip("-n", l.prefix+"switch", "link", "set", name, state)
}

// boot starts a node on a new machine, without any flag but its data directory
// and these.
func (l *lan) boot(args ...string) *machine {
	l.t.Helper()
	return l.bootIn(l.plug(), l.t.TempDir(), args...)
}

// bootIn starts a node on a machine that is plugged in, over a data directory.
func (l *lan) bootIn(name, dir string, args ...string) *machine {
	l.t.Helper()
	m := &machine{process: &process{t: l.t, name: name, dir: dir, log: &lockedBuffer{}}}
	m.wrap = []string{"ip", "netns", "exec", l.prefix + name}
	m.cmd = m.command(append([]string{"--data-dir", m.dir}, args...)...)
	m.cmd.Stdout, m.cmd.Stderr = m.log, m.log
	if err := m.cmd.Start(); err != nil {
		l.t.Fatalf("start %s: %v", name, err)
	}
	m.begun = time.Now()
	l.t.Cleanup(m.kill)
	return m
}

// address is a machine's on the LAN.
func (l *lan) address(name string) string {
	return fmt.Sprintf("10.77.%d.%s", os.Getpid()%256, strings.TrimPrefix(name, "host"))
}

// machine is a node in a namespace of its own: its API answers only there.
type machine struct {
	*process
	begun  time.Time
	binary string // "" is the one that all run
}

// command runs lp2pnode on the machine.
func (m *machine) command(args ...string) *exec.Cmd {
	binary := m.binary
	if binary == "" {
		binary = "lp2pnode"
	}
	line := slices.Concat(m.wrap, []string{binary}, args)
	cmd := exec.Command(line[0], line[1:]...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(entry string) bool { return strings.HasPrefix(entry, "LP2P_") })
	return cmd
}

// ask returns what a command of the machine says in JSON, and false while its
// API does not answer.
func ask[T any](m *machine, command string) (answer T, ok bool) {
	m.t.Helper()
	out, err := m.command(command, "--json").Output()
	if err != nil {
		return answer, false
	}
	if err := json.Unmarshal(out, &answer); err != nil {
		m.t.Fatalf("%s: %s --json: %v in %q", m.name, command, err, out)
	}
	return answer, true
}

// together waits until these are all on one tip of at least this height, and
// connected with all others.
func together(limit time.Duration, height uint64, machines ...*machine) (time.Duration, client.Status) {
	machines[0].t.Helper()
	var first client.Status
	took := machines[0].await(fmt.Sprintf("%d machines together at height %d or more", len(machines), height), limit, func() bool {
		for i, m := range machines {
			s, ok := ask[client.Status](m, "status")
			if i == 0 {
				first = s
			}
			if !ok || s.Height < height || s.Tip != first.Tip || s.Peers != len(machines)-1 {
				return false
			}
		}
		return true
	})
	return took, first
}

// meet waits until each of these has this many peers, and returns how long
// after the last one's start the last connection stood.
func meet(limit time.Duration, peers int, machines ...*machine) time.Duration {
	machines[0].t.Helper()
	var last time.Time
	for _, m := range machines {
		m.await(fmt.Sprintf("%d peers", peers), limit, func() bool {
			connected, _ := ask[[]client.Peer](m, "peers")
			connected = slices.DeleteFunc(connected, func(p client.Peer) bool { return p.State != client.PeerConnected })
			for _, p := range connected {
				if p.Since.After(last) {
					last = p.Since
				}
			}
			return len(connected) == peers
		})
	}
	return last.Sub(machines[len(machines)-1].begun)
}

// TestLANHealsAfterACutCable: three nodes without flags find each other within
// 5 s; one loses its cable for 20 s, mines on alone, and within 30 s after it
// is back all are connected and on one tip.
func TestLANHealsAfterACutCable(t *testing.T) {
	l := newLAN(t)
	nodes := []*machine{l.boot(), l.boot(), l.boot()}
	if took := meet(20*time.Second, 2, nodes...); took > 5*time.Second {
		t.Errorf("all were connected %s after the last one's start, want at most 5s", took)
	} else {
		t.Logf("all connected %s after the last one's start", took.Round(time.Millisecond))
	}
	took, tip := together(time.Minute, 1, nodes...)
	t.Logf("one tip at height %d, %s later", tip.Height, took.Round(time.Millisecond))

	lost, others := nodes[2], nodes[:2]
	l.cable(lost.name, "down")
	begin := time.Now()
	apart := time.NewTimer(20 * time.Second)
	<-apart.C // the cable is out for as long as the claim says
	lost.await("another tip than the others'", 3*time.Minute, func() bool {
		here, _ := ask[client.Status](lost, "status")
		there, ok := ask[client.Status](others[0], "status")
		return ok && here.Tip != there.Tip
	})
	alone, _ := ask[client.Status](lost, "status")
	_, two := together(time.Minute, 1, others...)
	l.cable(lost.name, "up")
	t.Logf("cut for %s: the lost one at height %d with %d peers, the others at %d",
		time.Since(begin).Round(time.Second), alone.Height, alone.Peers, two.Height)

	took, tip = together(30*time.Second, max(alone.Height, two.Height), nodes...)
	t.Logf("together again at height %d, %s after the cable was back", tip.Height, took.Round(time.Millisecond))
}

// TestLANChainsDoNotMeet: a node of another chain on the same LAN gets no peer,
// and nobody has to refuse anybody.
func TestLANChainsDoNotMeet(t *testing.T) {
	l := newLAN(t)
	stranger := l.boot("--genesis", fastGenesis(t, map[string]any{"chain_id": "other"}), slow)
	nodes := []*machine{l.boot("--mine=false"), l.boot("--mine=false")}
	took := meet(20*time.Second, 1, nodes...)
	stranger.await("blocks of its own", time.Minute, func() bool {
		s, ok := ask[client.Status](stranger, "status")
		return ok && s.Height >= 10
	})
	for _, m := range append(nodes, stranger) {
		peers, ok := ask[[]client.Peer](m, "peers")
		if want := map[bool]int{true: 0, false: 1}[m == stranger]; !ok || len(peers) != want {
			t.Errorf("%s: want %d peers, connected or not, got %+v", m.name, want, peers)
		}
		if log := m.log.String(); strings.Contains(log, "refused") || strings.Contains(log, "level=ERROR") {
			t.Errorf("%s has something to say of the other chain:\n%s", m.name, tail(log, 40))
		}
		if _, err := os.Stat(filepath.Join(m.dir, "node.key")); err != nil {
			t.Errorf("%s is not where it was told to be: %v", m.name, err)
		}
	}
	t.Logf("two nodes of one chain met after %s; the stranger mined on alone", took.Round(time.Millisecond))
}
