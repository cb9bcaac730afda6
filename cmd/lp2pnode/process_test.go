package main_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

// long says whether the full proofs are wanted; otherwise the same tests run
// at a size that fits `go test ./...`.
func long() bool { return os.Getenv("LP2P_TEST_LONG") != "" }

func needProcesses(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("runs processes; not with -short")
	}
}

// slow keeps several miners from taking all of a small machine.
const slow = "--max-hashrate=20000"

// TestLongFiveNodesInAChainAgree: each knows one other; all are on one tip
// within 10 s of any block; a sixth catches up with all of it in under 5 s.
func TestLongFiveNodesInAChainAgree(t *testing.T) {
	needProcesses(t)
	blocks, interval := uint64(30), 1000
	if long() {
		blocks, interval = 500, 250
	}
	genesis := fastGenesis(t, map[string]any{"block_interval_ms": interval, "initial_difficulty": 5000})
	nodes := []*process{start(t, "node1", "--genesis", genesis, slow)}
	for i := 2; i <= 5; i++ {
		before := nodes[len(nodes)-1]
		nodes = append(nodes, start(t, fmt.Sprintf("node%d", i), "--genesis", genesis, slow, "--bootstrap", before.addr()))
	}
	worst := time.Duration(0)
	height := uint64(0)
	for height < blocks {
		nodes[0].await("the next block", 2*time.Minute, func() bool { return nodes[0].status().Height > height })
		took, at := oneTip(10*time.Second, height+1, nodes...)
		worst, height = max(worst, took), at.Height
	}
	sixth := start(t, "node6", "--genesis", genesis, "--mine=false", "--bootstrap", nodes[2].addr())
	took := sixth.await("the whole chain", 5*time.Second, func() bool { return sixth.status().Height >= height })
	t.Logf("%d blocks of %d ms by five miners: one tip at most %s after a block was seen; a sixth node had all %s after its API answered", height, interval, worst, took)
}

// TestLongTwoGroupsHeal: two groups mine apart, then one --bootstrap joins
// them: one tip within 10 s, the lighter side reorganised, nobody restarted.
func TestLongTwoGroupsHeal(t *testing.T) {
	needProcesses(t)
	apart := 8 * time.Second
	if long() {
		apart = time.Minute
	}
	genesis := fastGenesis(t, nil)
	group := func(name string, rate int) []*process {
		flags := []string{"--genesis", genesis, fmt.Sprintf("--max-hashrate=%d", rate)}
		first := start(t, name+"1", flags...)
		with := append(flags, "--bootstrap", first.addr())
		return []*process{first, start(t, name+"2", with...), start(t, name+"3", with...)}
	}
	heavy, light := group("heavy", 20000), group("light", 8000)
	split := time.NewTimer(apart)
	<-split.C // the groups mine apart for as long as the claim says
	_, h := oneTip(20*time.Second, 3, heavy...)
	_, l := oneTip(20*time.Second, 2, light...)
	if h.Tip == l.Tip {
		t.Fatal("the groups were never apart")
	}
	joiner := start(t, "joiner", "--genesis", genesis, "--mine=false", "--bootstrap", heavy[0].addr()+","+light[0].addr())
	all := append(append([]*process{joiner}, heavy...), light...)
	took, tip := oneTip(10*time.Second, 3, all...)
	silent := func(n *process) bool { return !strings.Contains(n.log.String(), "reorganised") }
	joiner.await("each node of one group to tell of a reorganisation", 10*time.Second, func() bool {
		// Mining is a lottery: the heavier side need not be the faster.
		return !slices.ContainsFunc(light, silent) || !slices.ContainsFunc(heavy, silent)
	})
	t.Logf("apart for %s at heights %d and %d; one tip at height %d, %s after joining", apart, h.Height, l.Height, tip.Height, took)
}

// TestLongKilledMinerLosesNothing kills a mining node −9 again and again: its
// tip is never older than what it had announced, and its database re-proves
// from genesis each time.
func TestLongKilledMinerLosesNothing(t *testing.T) {
	needProcesses(t)
	rounds := 5
	if long() {
		rounds = 25
	}
	path := fastGenesis(t, map[string]any{"block_interval_ms": 100, "initial_difficulty": 300, "retarget_window": 0})
	rules := rulesOf(t, path)
	node := start(t, "miner", "--genesis", path, "--mine-alone", "--max-hashrate=15000")
	var height uint64
	for round := range rounds {
		goal := height + 3 + rand.Uint64N(40)
		var announced status
		node.await("more blocks", time.Minute, func() bool {
			announced = node.status()
			return announced.Height >= goal
		})
		node.kill()
		height = requireProved(t, node.dir, rules, announced)
		t.Logf("round %d: announced %d, kept %d, re-proved", round, announced.Height, height)
		node.run()
	}
	node.stop()
}

func requireProved(t *testing.T, dir string, rules *chain.Rules, announced status) uint64 {
	t.Helper()
	lock, err := store.LockDir(dir, vfs.Default)
	if err != nil {
		t.Fatal(err)
	}
	defer lock.Close()
	st, err := store.Open(lock, rules, store.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer st.Close()
	if err := st.Verify(context.Background(), nil); err != nil {
		t.Fatalf("the database does not re-prove: %v", err)
	}
	hash, err := st.HashAt(announced.Height)
	if err != nil || hash.String() != announced.Tip {
		t.Fatalf("block %d was announced as %s, the database has %s (%v)", announced.Height, announced.Tip, hash, err)
	}
	tip, err := st.Tip()
	if err != nil {
		t.Fatal(err)
	}
	return tip.Tip.Height
}

// TestNodeEndsCleanlyOnSignal: SIGTERM ends it within 5 s and the next start
// finds the chain where it was.
func TestNodeEndsCleanlyOnSignal(t *testing.T) {
	needProcesses(t)
	genesis := fastGenesis(t, map[string]any{"initial_difficulty": 1000})
	node := start(t, "node", "--genesis", genesis, "--mine-alone", slow)
	node.await("a block", time.Minute, func() bool { return node.status().Height >= 1 })
	before := node.status()
	begin := time.Now()
	node.stop()
	if took := time.Since(begin); took > 5*time.Second {
		t.Errorf("took %s to end", took)
	}
	node.args = append(node.args, "--mine=false")
	node.run()
	if after := node.status(); after.Height < before.Height || after.PeerID != before.PeerID {
		t.Errorf("before the restart %+v, after it %+v", before, after)
	}
}
