package main_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

// TestLongFloodOfTransactionsStarvesNobody: one peer sends junk and fee-less
// transactions by the ten thousand; memory stays within the cap, blocks keep
// their pace, and another sender's transactions get into the chain.
func TestLongFloodOfTransactionsStarvesNobody(t *testing.T) {
	needProcesses(t)
	count := 5_000
	if long() {
		count = 100_000
	}
	genesis, s := fundedGenesis(t, 1, 1_000_000, map[string]any{"initial_difficulty": 5000})
	node := start(t, "node", "--genesis", genesis, "--mine-alone", "--max-hashrate=5000")
	node.await("a block", 30*time.Second, func() bool { return node.status().Height >= 1 })
	before, heightBefore := residentMB(t, node), node.status().Height
	begin := time.Now()

	params := parse(t, s.rules.Params.Canonical())
	flooder := newStranger(t, newReplica(t, params), node.addr())
	topic, err := flooder.ps.Join("transactions")
	if err != nil {
		t.Fatal(err)
	}
	joins, err := topic.EventHandler()
	if err != nil {
		t.Fatal(err)
	}
	flooder.awaitNode(topic, joins)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	flooded := make(chan int, 1)
	go func() {
		flooded <- flood(ctx, s.rules, count, func(raw []byte) error { return topic.Publish(ctx, raw) })
	}()

	const honest = 10
	for nonce := range uint64(honest) {
		tx := s.rules.Sign(chain.Transaction{Nonce: nonce, Data: "honest"}, s.seeds[0])
		if err := node.submit(tx.Raw()); err != nil {
			t.Fatalf("an honest record during the flood: %v", err)
		}
		node.await("an honest record in the chain", 30*time.Second, func() bool {
			var account struct{ Nonce uint64 }
			return node.get("/v1/accounts/"+string(s.address(0)), &account) == nil && account.Nonce > nonce
		})
	}
	sent := <-flooded
	after, took := residentMB(t, node), time.Since(begin)
	blocks := node.status().Height - heightBefore
	if after > before+200 {
		t.Errorf("resident memory went from %d to %d MB", before, after)
	}
	if rate := took / time.Duration(max(blocks, 1)); rate > 5*time.Second {
		t.Errorf("a block every %s during the flood, of a chain of 1 s", rate)
	}
	t.Logf("%d transactions in %s: memory %d to %d MB, %d blocks, %d honest records mined meanwhile", sent, took.Round(time.Second), before, after, blocks, honest)
}

// flood publishes fee-less records of ever new senders, and junk between them.
func flood(ctx context.Context, rules *chain.Rules, count int, publish func([]byte) error) int {
	for i := range count {
		seed := make([]byte, 32)
		binary.BigEndian.PutUint64(seed, uint64(i)+1)
		raw := rules.Sign(chain.Transaction{Data: fmt.Sprint("flood ", i)}, seed).Raw()
		if i > count/2 && i%10 == 9 { // what is rejected ends the flood soon: first the rest
			raw = append(raw[:len(raw)-1:len(raw)-1], ' ', '}')
		}
		if err := publish(raw); err != nil && (ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded)) {
			return i
		}
	}
	return count
}

func residentMB(t *testing.T, p *process) int {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		t.Skipf("no /proc on this machine: %v", err)
	}
	for _, line := range strings.Split(string(raw), "\n") {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmRSS:" {
			kb, err := strconv.Atoi(fields[1])
			if err != nil {
				t.Fatal(err)
			}
			return kb / 1024
		}
	}
	t.Fatal("no VmRSS in /proc")
	return 0
}
