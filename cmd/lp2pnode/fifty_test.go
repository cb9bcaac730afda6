package main_test

import (
	"bytes"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestLongFiftyProcessesOnOneMachine: fifty nodes on loopback, two of which
// mine, each knowing three others: all catch up with a chain of 1,000 blocks,
// agree on every block that comes, and need less than 4 GB together.
func TestLongFiftyProcessesOnOneMachine(t *testing.T) {
	needProcesses(t)
	count, blocks, difficulty := 8, 100, 80 // at 80 hashes a second
	if long() {
		count, blocks, difficulty = 50, 1000, 400
	}
	const budget = 4 << 30 / 50 // bytes a node
	c := makeChain(t, blocks, 2000, map[string]any{"block_interval_ms": 5000, "initial_difficulty": difficulty})
	first := &process{t: t, name: "node1", dir: c.copied(t), args: []string{"--genesis", c.genesis, "--max-hashrate=40", "--profile=pi", "--cache-mib=4"}}
	first.run()
	nodes, addrs := []*process{first}, []string{first.addr()}
	for i := 2; i <= count; i++ {
		known := []string{addrs[(i-2)/2], addrs[i/3], addrs[len(addrs)-1]}
		n := start(t, fmt.Sprintf("node%d", i), "--genesis", c.genesis, fmt.Sprintf("--mine=%t", i == 2), "--max-hashrate=40", "--profile=pi", "--cache-mib=4",
			"--bootstrap", strings.Join(slices.Compact(known), ","))
		nodes, addrs = append(nodes, n), append(addrs, n.addr())
	}
	took, s := oneTip(5*time.Minute, c.height, nodes...)
	t.Logf("%d processes on the chain of %d blocks, %s after the last one's start", count, s.Height, took.Round(time.Millisecond))
	for range 3 {
		took, s = oneTip(2*time.Minute, s.Height+1, nodes...)
		t.Logf("one tip at height %d after %s", s.Height, took.Round(time.Millisecond))
	}
	var resident, proportional, most int
	for _, n := range nodes {
		rss, pss := memory(t, n.cmd.Process.Pid)
		resident, proportional, most = resident+rss, proportional+pss, max(most, rss)
	}
	t.Logf("%d processes: resident %d MB in all, %d MB a node, %d MB the largest; with shared pages counted once %d MB in all, %d MB a node",
		count, resident>>20, resident/count>>20, most>>20, proportional>>20, proportional/count>>20)
	if resident >= count*budget {
		t.Errorf("%d MB are resident, want less than %d", resident>>20, count*budget>>20)
	}
}

// memory returns a process's resident bytes, and those with each page shared by
// n processes counted as an nth.
func memory(t *testing.T, pid int) (resident, proportional int) {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
	if err != nil {
		t.Skipf("memory of processes is not told here: %v", err)
	}
	for line := range bytes.Lines(raw) {
		f := strings.Fields(string(line))
		kb, err := strconv.Atoi(f[1])
		if err != nil {
			continue
		}
		switch f[0] {
		case "Rss:":
			resident = kb << 10
		case "Pss:":
			proportional = kb << 10
		}
	}
	return resident, proportional
}
