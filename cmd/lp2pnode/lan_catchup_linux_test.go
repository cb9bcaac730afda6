package main_test

import (
	"bufio"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/api/client"
)

// The wires of this proof.
const (
	wireRate  = "5mbit"
	wireLoss  = "0.02"
	wireDelay = 50 * time.Millisecond // each way
)

// badWire makes a machine's cable bad: so many bits a second each way, packets
// lost, and, where the kernel can do it (it says so), late.
func (l *lan) badWire(name string) (delayed bool) {
	l.t.Helper()
	ns := l.prefix + name
	for _, end := range [][2]string{{ns, "eth0"}, {l.prefix + "switch", name}} {
		delay := exec.Command("tc", "-n", end[0], "qdisc", "add", "dev", end[1], "root", "handle", "1:", "netem", "delay", wireDelay.String())
		at := []string{"root"}
		if delay.Run() == nil {
			delayed, at = true, []string{"parent", "1:1", "handle", "10:"}
		}
		limit := slices.Concat([]string{"-n", end[0], "qdisc", "add", "dev", end[1]}, at,
			[]string{"tbf", "rate", wireRate, "burst", "10kb", "latency", "200ms"})
		if out, err := exec.Command("tc", limit...).CombinedOutput(); err != nil {
			l.t.Skipf("no tbf here: %v: %s", err, strings.TrimSpace(string(out)))
		}
	}
	l.lose(name)
	return delayed
}

// lose loses packets that come in to a machine.
func (l *lan) lose(name string) {
	l.t.Helper()
	out, err := exec.Command("ip", "netns", "exec", l.prefix+name, "iptables", "-A", "INPUT", "-i", "eth0",
		"-m", "statistic", "--mode", "random", "--probability", wireLoss, "-j", "DROP").CombinedOutput()
	if err != nil {
		l.t.Skipf("no iptables with statistic match here: %v: %s", err, strings.TrimSpace(string(out)))
	}
}

// run starts a program on a machine and returns the first line that it prints.
func (l *lan) run(name string, args ...string) string {
	l.t.Helper()
	cmd := exec.Command("ip", slices.Concat([]string{"netns", "exec", l.prefix + name}, args)...)
	log := &lockedBuffer{}
	cmd.Stderr = log
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		l.t.Fatalf("start %s: %v", args[0], err)
	}
	l.t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		l.t.Fatalf("%s printed nothing: %v: %s", args[0], err, log)
	}
	return strings.TrimSpace(line)
}

// TestLANCatchesUpOverBadWires: four peers, each behind 5 Mbit/s, 2 % loss and
// a round trip of 100 ms; one hangs when it is asked for bodies, one answers
// with garbage. A node that is 5,000 blocks behind has them all from these four
// sooner than from the better one of the good two, and says what is wrong with
// the others. Its own wire only loses: of 5 Mbit/s one peer could fill all.
func TestLANCatchesUpOverBadWires(t *testing.T) {
	l := newLAN(t)
	blocks := 1500
	if long() {
		blocks = 5000
	}
	c := makeChain(t, blocks, 4000, nil)
	common := []string{"--genesis", c.genesis, "--mdns=false", "--mine=false"}
	var peers []string
	for _, manner := range []string{"good", "good", "hang", "garbage"} {
		peers = append(peers, l.badlyWired(c, manner, common))
	}
	catchUp := func(from ...string) (time.Duration, *machine) {
		name := l.plug()
		l.lose(name)
		m := l.bootIn(name, l.t.TempDir(), slices.Concat(common, []string{"--bootstrap", strings.Join(from, ",")})...)
		done := fmt.Sprintf("height=%d tip=%s", c.height, c.tip[:8])
		took := m.await("the whole chain", 20*time.Minute, func() bool { return strings.Contains(m.log.String(), done) })
		if s, ok := ask[client.Status](m, "status"); !ok || s.Tip.String() != c.tip {
			t.Fatalf("%s is at %d %s, want %d %s", m.name, s.Height, s.Tip, c.height, c.tip)
		}
		return took, m
	}
	first, _ := catchUp(peers[0])
	second, _ := catchUp(peers[1])
	all, m := catchUp(peers...)
	t.Logf("%d blocks, %d kB: from one good peer %.1f s, from the other %.1f s, from four of which two are bad %.1f s",
		blocks, c.bytes/1000, first.Seconds(), second.Seconds(), all.Seconds())
	if best := min(first, second); all >= best {
		t.Errorf("four peers took %s, the best single one %s", all, best)
	}
	reasons := map[string][]string{"hang": {"stalled"}, "garbage": {"bad headers", "bad answer", "bad blocks"}}
	list, _ := ask[[]client.Peer](m, "peers")
	for _, p := range list {
		want, bad := reasons[p.Agent]
		got := []string{p.PauseReason, p.Reason}
		if bad && !slices.ContainsFunc(want, func(r string) bool { return slices.Contains(got, r) }) {
			t.Errorf("the peer that does %s was left for %q, want one of %q", p.Agent, got, want)
		}
		if !bad && !slices.Contains([]string{"", "stalled", "busy"}, p.PauseReason) { // its wire is bad, after all
			t.Errorf("a good peer was left for %q", p.PauseReason)
		}
		delete(reasons, p.Agent)
	}
	if len(reasons) > 0 {
		t.Errorf("of %v nothing is told among %+v", reasons, list)
	}
}

// badlyWired puts a peer with the chain behind a bad wire, and returns where
// it is reached.
func (l *lan) badlyWired(c chainOnDisk, manner string, args []string) string {
	l.t.Helper()
	name := l.plug()
	delayed := l.badWire(name)
	outside := fmt.Sprintf("/ip4/%s/tcp/9470", l.address(name))
	listen := outside
	if !delayed {
		listen = "/ip4/127.0.0.1/tcp/9472"
	}
	var id string
	if manner == "good" {
		m := l.bootIn(name, c.copied(l.t), append(args, "--listen", listen)...)
		m.await("its chain", time.Minute, func() bool {
			s, ok := ask[client.Status](m, "status")
			id = s.PeerID
			return ok && s.Height == c.height
		})
	} else {
		printed := l.run(name, "badpeer", "-manner", manner, "-listen", listen, "-headers", c.headers)
		id = printed[strings.LastIndex(printed, "/")+1:]
	}
	if !delayed {
		l.run(name, "slowwire", "-listen", l.address(name)+":9470", "-target", "127.0.0.1:9472", "-delay", wireDelay.String())
	}
	return outside + "/p2p/" + id
}
