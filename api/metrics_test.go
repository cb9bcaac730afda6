package api_test

import (
	"bufio"
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/node"
)

// series asks a node for its metrics, by name and labels.
func series(t *testing.T, url string) map[string]string {
	t.Helper()
	resp, body := call(t, http.MethodGet, url+"/metrics")
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || !strings.HasPrefix(kind, "text/plain") {
		t.Fatalf("got %s of type %s", resp.Status, kind)
	}
	all := map[string]string{}
	for line := range strings.Lines(string(body)) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), " "); ok && !strings.HasPrefix(line, "#") {
			if at := strings.LastIndex(line, "} "); at > 0 {
				name, value = line[:at+1], strings.TrimSpace(line[at+2:])
			}
			all[name] = value
		}
	}
	return all
}

func wants(t *testing.T, got map[string]string, want map[string]string) {
	t.Helper()
	for name, value := range want {
		if got[name] != value {
			t.Errorf("%s: want %q, got %q", name, value, got[name])
		}
	}
}

func TestMetricsAreServedWithWhatTheAPICounts(t *testing.T) {
	n := newNode(t)
	n.grow(t, n.ledger.Tip(), "", 2)
	n.add(t, n.sign(1, chain.Transaction{Data: "a record"}))
	url, _ := serve(t, n)
	call(t, http.MethodGet, url+"/v1/status")
	call(t, http.MethodGet, url+"/nowhere")
	wants(t, series(t, url), map[string]string{
		"lp2pnode_height_blocks":                    "2",
		"lp2pnode_pool_transactions":                "1",
		`lp2pnode_blocks_adopted_total{via="sync"}`: "2",
		`lp2pnode_check_ok{check="peers"}`:          "1",
		`lp2pnode_api_requests_total{class="2xx"}`:  "1",
		`lp2pnode_api_requests_total{class="4xx"}`:  "1",
		"lp2pnode_api_events_clients":               "0",
	})
	resp, err := http.Get(url + "/v1/events")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if _, err := bufio.NewReader(resp.Body).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	wants(t, series(t, url), map[string]string{"lp2pnode_api_events_clients": "1"})
}

// TestNodesDoNotShareARegistry: what one node counts does not show at another,
// and nothing of ours is in the registry of the process.
func TestNodesDoNotShareARegistry(t *testing.T) {
	a, b := newNode(t), newNode(t)
	a.grow(t, a.ledger.Tip(), "", 3)
	urlA, _ := serve(t, a)
	urlB, _ := serve(t, b)
	commits := `lp2pnode_store_operation_seconds_count{operation="commit"}`
	wants(t, series(t, urlA), map[string]string{"lp2pnode_height_blocks": "3", commits: "3"})
	wants(t, series(t, urlB), map[string]string{"lp2pnode_height_blocks": "0", commits: "0"})
	families, err := prometheus.DefaultGatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		theirs := strings.HasPrefix(f.GetName(), "libp2p_eventbus_") // libp2p's blank host knows no other
		if strings.HasPrefix(f.GetName(), "lp2pnode_") || strings.HasPrefix(f.GetName(), "libp2p_") && !theirs {
			t.Errorf("%s is in the registry of the process", f.GetName())
		}
	}
}

func TestMetricsOfLibp2pAreInTheSameRegistry(t *testing.T) {
	for wanted, config := range map[bool]func(*node.Config){
		true:  func(c *node.Config) { c.Metrics = true },
		false: func(*node.Config) {},
	} {
		cfg := node.DefaultConfig()
		cfg.MDNS, cfg.Mine = false, false
		config(&cfg)
		n, err := node.Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		defer n.Close()
		url, _ := serve(t, n)
		_, body := call(t, http.MethodGet, url+"/metrics")
		if got := bytes.Contains(body, []byte("\nlibp2p_")); got != wanted {
			t.Errorf("want libp2p's metrics %t, got %t", wanted, got)
		}
	}
}
