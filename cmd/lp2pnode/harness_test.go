package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/pow"
)

// process is one lp2pnode process on loopback with a data directory of its own.
type process struct {
	t    testing.TB
	name string
	dir  string
	args []string
	cmd  *exec.Cmd
	log  *lockedBuffer
	api  atomic.Value // string, http://127.0.0.1:port
	wrap []string
	// ownListen: args say where to listen
	ownListen bool
}

// lockedBuffer collects what a process prints.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer // guarded by mu
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// fastGenesis is a chain for tests: blocks of a second or so at trifling work.
func fastGenesis(t testing.TB, change map[string]any) string {
	t.Helper()
	params := map[string]any{
		"allocations": map[string]any{}, "block_interval_ms": 1000, "chain_id": "test", "consensus": "pow",
		"halving_interval": 0, "initial_difficulty": 20000, "max_block_bytes": 200000, "max_data_bytes": 4096,
		"retarget_window": 20, "reward": 50, "timestamp": time.Now().Add(-time.Minute).UnixMilli(),
	}
	for name, value := range change {
		params[name] = value
	}
	raw, err := json.Marshal(params)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "genesis.json")
	if err := os.WriteFile(path, raw, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// rulesOf returns the rules of the chain of a genesis file.
func rulesOf(t testing.TB, genesis string) *chain.Rules {
	t.Helper()
	raw, err := os.ReadFile(genesis)
	if err != nil {
		t.Fatal(err)
	}
	params, err := chain.ParseParams(raw)
	if err != nil {
		t.Fatal(err)
	}
	rules, err := chain.NewRules(params, pow.Engine{})
	if err != nil {
		t.Fatal(err)
	}
	return rules
}

// start runs a new node with these flags and waits until its API answers.
func start(t testing.TB, name string, args ...string) *process {
	t.Helper()
	p := &process{t: t, name: name, dir: t.TempDir(), args: args}
	p.run()
	return p
}

// run starts the process, again after kill or stop, on the same data.
func (p *process) run() {
	p.t.Helper()
	args := append([]string{"run", "--data-dir", p.dir, "--api", "127.0.0.1:0", "--mdns=false"}, p.args...)
	if !p.ownListen {
		args = append(args, "--listen", "/ip4/127.0.0.1/tcp/0")
	}
	command := append(append([]string{}, p.wrap...), "lp2pnode")
	p.cmd = exec.Command(command[0], append(command[1:], args...)...)
	p.log = &lockedBuffer{}
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	if err := p.cmd.Start(); err != nil {
		p.t.Fatalf("start %s: %v", p.name, err)
	}
	p.t.Cleanup(func() {
		p.kill()
		if p.t.Failed() {
			p.t.Logf("log of %s ends:\n%s", p.name, tail(p.log.String(), 25))
		}
	})
	p.await("its API and addresses", 20*time.Second, func() bool {
		var holder struct{ API string }
		raw, err := os.ReadFile(filepath.Join(p.dir, "node.json"))
		if err != nil || json.Unmarshal(raw, &holder) != nil || holder.API == "" {
			return false
		}
		p.api.Store(holder.API)
		var s status
		return p.get("/v1/status", &s) == nil && len(s.Addresses) > 0
	})
}

// url is where the API is; a restart moves it.
func (p *process) url() string { return p.api.Load().(string) }

// kill is kill −9; it may be called again.
func (p *process) kill() {
	if p.cmd.ProcessState != nil {
		return
	}
	_ = p.cmd.Process.Kill()
	_ = p.cmd.Wait()
	_ = os.Remove(filepath.Join(p.dir, "node.json")) // so that run does not read the old one
}

// stop asks the process to end and fails the test if it does not end well.
func (p *process) stop() {
	p.t.Helper()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		p.t.Fatalf("stop %s: %v", p.name, err)
	}
	if err := p.cmd.Wait(); err != nil {
		p.t.Fatalf("%s ended with %v\n%s", p.name, err, p.log)
	}
}

// prove stops a node and proves its directory anew.
func (p *process) prove(genesis string) {
	p.t.Helper()
	p.stop()
	requireVerified(p.t, p.dir, genesis)
}

func requireVerified(t testing.TB, dir, genesis string) {
	t.Helper()
	if out, err := exec.Command("lp2pnode", "chain", "verify", "--data-dir", dir, "--genesis", genesis).CombinedOutput(); err != nil {
		t.Fatalf("the chain in %s does not hold: %v\n%s", dir, err, out)
	}
}

// await polls a condition, as outside processes offer nothing to wait on, and
// fails the test with the node's log after the limit.
func (p *process) await(what string, limit time.Duration, ok func() bool) time.Duration {
	p.t.Helper()
	begin := time.Now()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		if time.Since(begin) > limit {
			p.t.Fatalf("%s: waited %s for %s in vain; its log ends:\n%s", p.name, limit, what, tail(p.log.String(), 40))
		}
		<-tick.C
	}
	return time.Since(begin)
}

func tail(s string, lines int) string {
	all := strings.Split(strings.TrimRight(s, "\n"), "\n")
	return strings.Join(all[max(0, len(all)-lines):], "\n")
}

// get reads JSON from the node's API, or only the status code when v is nil.
func (p *process) get(path string, v any) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url()+path, nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s", path, resp.Status)
	}
	if v == nil {
		_, err = io.Copy(io.Discard, resp.Body)
		return err
	}
	return json.NewDecoder(resp.Body).Decode(v)
}

// status is what these tests read of /v1/status.
type status struct {
	Genesis   string   `json:"genesis"`
	Height    uint64   `json:"height"`
	Tip       string   `json:"tip"`
	Work      string   `json:"work"`
	PeerID    string   `json:"peer_id"`
	Addresses []string `json:"addresses"`
	Peers     int      `json:"peers"`
}

func (p *process) status() status {
	p.t.Helper()
	var s status
	if err := p.get("/v1/status", &s); err != nil {
		p.t.Fatalf("%s: %v\n%s", p.name, err, tail(p.log.String(), 40))
	}
	return s
}

// addr returns the multiaddr under which others reach the node.
func (p *process) addr() string {
	p.t.Helper()
	for _, a := range p.status().Addresses {
		if strings.HasPrefix(a, "/ip4/127.") {
			return a
		}
	}
	p.t.Fatalf("%s: no loopback address among %v", p.name, p.status().Addresses)
	return ""
}

// oneTip waits until all are on one tip, of at least this height.
func oneTip(limit time.Duration, height uint64, nodes ...*process) (time.Duration, status) {
	nodes[0].t.Helper()
	var first status
	took := nodes[0].await(fmt.Sprintf("one tip of %d nodes at height %d or more", len(nodes), height), limit, func() bool {
		first = nodes[0].status()
		if first.Height < height {
			return false
		}
		for _, n := range nodes[1:] {
			if n.status().Tip != first.Tip {
				return false
			}
		}
		return true
	})
	return took, first
}
