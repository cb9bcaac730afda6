package main_test

import (
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// TestLongSlowPeerCostsLittle: new processes with 2,000 blocks to fetch, in
// turns from three peers and from these and a slow one, of 64 kB/s and a round
// trip of 200 ms, which they meet and ask first. In the median of the pairs the
// slow one costs less than 20 %.
func TestLongSlowPeerCostsLittle(t *testing.T) {
	needProcesses(t)
	blocks, pairs := 500, 1
	if long() {
		blocks, pairs = 2000, 7
	}
	c := makeChain(t, blocks, 50_000, nil)
	serve := func(name string) string {
		p := &process{t: t, name: name, dir: c.copied(t), args: []string{"--genesis", c.genesis, "--mine=false"}}
		p.run()
		return p.addr()
	}
	quick := []string{serve("quick1"), serve("quick2"), serve("quick3")}
	slow, brought := behindSlowWire(t, serve("slow"), 64_000)

	var ratios []float64
	for i := range pairs {
		without := c.catchUp(t, quick, "", nil)
		with := c.catchUp(t, quick, slow, brought)
		ratios = append(ratios, float64(with)/float64(without))
		t.Logf("pair %d: %.2f s without the slow peer, %.2f s with it", i+1, without.Seconds(), with.Seconds())
	}
	slices.Sort(ratios)
	median := ratios[len(ratios)/2]
	t.Logf("%d blocks, %d kB: with the slow peer %.2f times as long, median of %d pairs (%.2f to %.2f)",
		blocks, c.bytes/1000, median, pairs, ratios[0], ratios[len(ratios)-1])
	if long() && median >= 1.2 {
		t.Errorf("the slow peer costs %.0f %%, want less than 20 %%", 100*(median-1))
	}
}

// behindSlowWire returns the address of a peer behind a wire of a round trip of
// 200 ms and so many bytes a second, and counts those that it brings over it.
func behindSlowWire(t *testing.T, addr string, rate int) (slow string, brought *atomic.Int64) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	brought = new(atomic.Int64)
	ended := make(chan struct{})
	parts := strings.Split(addr, "/") // /ip4/127.0.0.1/tcp/PORT/p2p/ID
	go func() {
		defer close(ended)
		slowness{delay: 100 * time.Millisecond, rate: rate, brought: brought}.relay(ln, "127.0.0.1:"+parts[4])
	}()
	t.Cleanup(func() { _ = ln.Close(); <-ended }) // after the newcomers are gone
	return fmt.Sprintf("/ip4/127.0.0.1/tcp/%d/p2p/%s", ln.Addr().(*net.TCPAddr).Port, parts[6]), brought
}

// catchUp starts a newcomer, which meets and asks the slow peer first, if there
// is one, and is told of the quick ones then. It returns after how long from
// there it has the whole chain.
func (c chainOnDisk) catchUp(t *testing.T, quick []string, slow string, brought *atomic.Int64) time.Duration {
	t.Helper()
	peers, file := []string{}, filepath.Join(t.TempDir(), "node.toml")
	know := func(more ...string) {
		t.Helper()
		peers = append(peers, more...)
		list, err := json.Marshal(peers)
		if err == nil {
			err = os.WriteFile(file, fmt.Appendf(nil, "bootstrap = %s\n", list), 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	know()
	if slow != "" {
		brought.Store(0)
		know(slow)
	}
	n := start(t, "newcomer", "--config", file, "--genesis", c.genesis, "--mine=false")
	if slow != "" {
		n.await("headers from the slow peer", time.Minute, func() bool { return n.status().Peers == 1 && brought.Load() > 30_000 })
	}
	if at := n.status().Height; at > 0 {
		t.Errorf("at height %d before it knows a quick peer", at)
	}
	know(quick...)
	began := time.Now()
	if err := n.cmd.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	n.await("the whole chain", 5*time.Minute, func() bool { return n.status().Height == c.height })
	took := time.Since(began)
	n.await("all peers", time.Minute, func() bool { return n.status().Peers == len(peers) })
	n.stop()
	return took
}
