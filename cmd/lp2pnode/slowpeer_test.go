package main_test

import (
	"fmt"
	"net"
	"slices"
	"strings"
	"testing"
	"time"
)

// TestLongSlowPeerCostsLittle: new processes with 2,000 blocks to fetch, in
// turns from three peers and from these and a slow one, of 64 kB/s and a round
// trip of 200 ms. In the median of the pairs the slow one costs less than 20 %.
func TestLongSlowPeerCostsLittle(t *testing.T) {
	needProcesses(t)
	blocks, pairs := 500, 1
	if long() {
		blocks, pairs = 2000, 7
	}
	c := makeChain(t, blocks, 10_000, nil)
	common := []string{"--genesis", c.genesis, "--mine=false"}
	serve := func(name string) *process {
		p := &process{t: t, name: name, dir: c.copied(t), args: common}
		p.run()
		return p
	}
	var quick []string
	for i := range 3 {
		quick = append(quick, serve(fmt.Sprintf("quick%d", i)).addr())
	}
	behind := serve("slow").addr() // /ip4/127.0.0.1/tcp/PORT/p2p/ID
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		slowness{delay: 100 * time.Millisecond, rate: 64_000}.relay(ln, "127.0.0.1:"+strings.Split(behind, "/")[4])
	}()
	t.Cleanup(func() { _ = ln.Close(); <-ended }) // after the newcomers are gone
	slow := fmt.Sprintf("/ip4/127.0.0.1/tcp/%d/p2p/%s", ln.Addr().(*net.TCPAddr).Port, behind[strings.LastIndex(behind, "/")+1:])

	catchUp := func(peers []string) time.Duration {
		began := time.Now()
		n := start(t, "newcomer", append(common, "--bootstrap", strings.Join(peers, ","))...)
		n.await("the whole chain", 5*time.Minute, func() bool { return n.status().Height == c.height })
		took := time.Since(began)
		n.await("all peers", time.Minute, func() bool { return n.status().Peers == len(peers) })
		n.stop()
		return took
	}
	var ratios []float64
	for i := range pairs {
		without, with := catchUp(quick), catchUp(append([]string{slow}, quick...))
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
