package main_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
)

// meets tells whether the node at an address takes the stranger in: it answers
// its status.
func (s *stranger) meets(addr string) bool {
	s.t.Helper()
	info, err := peer.AddrInfoFromString(addr)
	if err != nil {
		s.t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	if s.host.Connect(ctx, *info) != nil {
		return false
	}
	st, err := s.host.NewStream(ctx, info.ID, "/lp2p/status/1")
	if err != nil {
		return false
	}
	defer st.Close()
	_ = st.SetDeadline(time.Now().Add(5 * time.Second))
	_, _ = st.Write(s.statusLine())
	_ = st.CloseWrite()
	line, err := bufio.NewReader(st).ReadBytes('\n')
	return err == nil && bytes.Contains(line, []byte(s.r.genesis))
}

// command runs lp2pnode against the node's API, with its directory for the token.
func (p *process) command(args ...string) string {
	p.t.Helper()
	cmd := exec.Command("lp2pnode", append(args, "--api", p.url())...)
	cmd.Env = append(os.Environ(), "LP2P_DATA_DIR="+p.dir)
	out, err := cmd.CombinedOutput()
	if err != nil {
		p.t.Fatalf("lp2pnode %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// known is what /v1/peers tells of a peer.
type known struct {
	ID, State, Reason, Detail string
	Deeds                     []struct {
		Act, Reason string
		At          time.Time
		Times       int
	}
}

// known returns what the node tells of a peer; it is zero if it knows none.
func (p *process) known(id string) (found known) {
	p.t.Helper()
	var peers []known
	if err := p.get("/v1/peers", &peers); err != nil {
		p.t.Fatal(err)
	}
	for _, peer := range peers {
		if peer.ID == id {
			found = peer
		}
	}
	return found
}

func (k known) isBannedForBadBlocks(t *testing.T) {
	t.Helper()
	if k.Reason != "banned" || !strings.HasPrefix(k.Detail, "bad block: ") {
		t.Errorf("of the banned peer it tells %+v", k)
	}
	acts := ""
	for _, d := range k.Deeds {
		acts += d.Act + " "
		if time.Since(d.At) > time.Minute {
			t.Errorf("deed %+v is long ago", d)
		}
	}
	if !strings.Contains(acts, "offended banned left ") {
		t.Errorf("its deeds are %+v", k.Deeds)
	}
}

// bans returns the node's list, as the command prints it.
func (p *process) bans() (bans []struct{ ID, Reason, Detail string }) {
	p.t.Helper()
	if err := json.Unmarshal([]byte(p.command("ban", "list", "--json")), &bans); err != nil {
		p.t.Fatal(err)
	}
	return bans
}

// counts waits until these metrics are above 0.
func (p *process) counts(metrics ...string) {
	p.t.Helper()
	for _, name := range metrics {
		p.await("a count in "+name, 10*time.Second, func() bool {
			v, _ := p.metricIfAny(name)
			return v > 0
		})
	}
}

// TestBadPeerIsBannedOverARestartUntilLifted: a stranger that sends two bad
// blocks is thrown out and told of by peers and ban list; kill -9 and a restart
// do not let it in again, lifting the ban does; a ban by hand throws it out anew.
func TestBadPeerIsBannedOverARestartUntilLifted(t *testing.T) {
	if testing.Short() {
		t.Skip("runs a process; not with -short")
	}
	genesis := fastGenesis(t, map[string]any{"initial_difficulty": 1})
	node := start(t, "node", "--genesis", genesis, "--mine=false")
	params := paramsOf(t, genesis)
	bad, good := newStranger(t, newReplica(t, params), node.addr()), newStranger(t, newReplica(t, params), node.addr())
	id := bad.host.ID().String()
	block := canon(mine(bad.r.child(address(bytes.Repeat([]byte{7}, 32)))))
	for _, text := range []string{" " + string(block), string(block) + " "} {
		bad.publish([]byte(text))
	}

	find := func() known { return node.known(id) }
	node.await("the ban", 30*time.Second, func() bool { return find().State == "banned" })
	find().isBannedForBadBlocks(t)
	if out := node.command("peers"); !strings.Contains(out, "banned: bad block: ") || !strings.Contains(out, "; the ban ends in ") {
		t.Errorf("peers shows\n%s", out)
	}
	if bans := node.bans(); len(bans) != 1 || bans[0].ID != id || bans[0].Reason != "bad block" {
		t.Fatalf("the bans are %+v", bans)
	}
	node.counts("lp2pnode_bans", `lp2pnode_peer_acts_total{act="offended",reason="bad block"}`,
		`lp2pnode_peer_acts_total{act="banned",reason="bad block"}`)
	if bad.meets(node.addr()) {
		t.Error("the banned peer was let in again")
	}
	node.counts(`lp2pnode_peer_acts_total{act="refused",reason="banned"}`)
	if !good.meets(node.addr()) {
		t.Error("another peer was thrown out with it")
	}

	node.kill()
	node.run()
	if bans := node.bans(); len(bans) != 1 || bans[0].ID != id {
		t.Fatalf("after a restart the bans are %+v", bans)
	}
	node.await("it is told of", 30*time.Second, func() bool { // one try need not reach the node
		if bad.meets(node.addr()) {
			t.Error("after a restart the banned peer was let in")
		}
		return find().State == "banned"
	})
	if out := node.command("ban", "remove", id); !strings.Contains(out, "banned no more") {
		t.Errorf("ban remove says %q", out)
	}
	node.await("the peer to be let in", 30*time.Second, func() bool { return bad.meets(node.addr()) })
	node.await("the peer to be met", 10*time.Second, func() bool { return find().State == "connected" })

	if out := node.command("ban", "add", id, "--for", "2h", "--reason", "we know you"); !strings.Contains(out, id+" is banned until ") {
		t.Errorf("ban add says %q", out)
	}
	node.await("the peer to be gone", 10*time.Second, func() bool { return find().State == "banned" })
	if bad.meets(node.addr()) {
		t.Error("banned by hand, it was let in")
	}
	if out := node.command("ban", "list"); !strings.Contains(out, "by hand: we know you") || !strings.Contains(out, "  in ") {
		t.Errorf("ban list shows\n%s", out)
	}
	node.stop()
}
