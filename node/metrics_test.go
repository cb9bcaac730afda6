package node_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	dto "github.com/prometheus/client_model/go"

	"github.com/lp2pnode/lp2pnode/node"
)

// value returns the sum of the series of a metric that have all these labels
// ("name=value"); of histograms, of their counts.
func value(t *testing.T, n *node.Node, name string, labels ...string) float64 {
	t.Helper()
	families, err := n.Metrics().Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum, found := 0.0, false
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			if has(m, labels) {
				found = true
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	if !found {
		t.Errorf("there is no %s with %v", name, labels)
	}
	return sum
}

func has(m *dto.Metric, labels []string) bool {
	got := map[string]bool{}
	for _, l := range m.GetLabel() {
		got[l.GetName()+"="+l.GetValue()] = true
	}
	for _, want := range labels {
		if !got[want] {
			return false
		}
	}
	return true
}

func TestMetricsSayWhereTheNodeStands(t *testing.T) {
	w := watch(t, func(*node.Config) {})
	for range 3 {
		w.mine(t)
	}
	w.record(t)
	w.pass(30 * time.Second)
	for _, row := range []struct {
		name   string
		labels []string
		want   float64
	}{
		{"lp2pnode_info", []string{"chain=health", "agent=lp2pnode", "peer_id=" + w.ID()}, 1},
		{"lp2pnode_height_blocks", nil, 3},
		{"lp2pnode_block_interval_seconds", nil, 1},
		{"lp2pnode_blocks_adopted_total", []string{"via=miner"}, 3},
		{"lp2pnode_block_processing_seconds", []string{"stage=execute"}, 3},
		{"lp2pnode_block_processing_seconds", []string{"stage=commit"}, 3},
		{"lp2pnode_store_operation_seconds", []string{"operation=commit"}, 3},
		{"lp2pnode_store_operation_seconds", []string{"operation=keep"}, 1},
		{"lp2pnode_reorganisation_depth_blocks", nil, 0},
		{"lp2pnode_pool_transactions", nil, 1},
		{"lp2pnode_peers", nil, 0},
		{"lp2pnode_synced", nil, 1},
		{"lp2pnode_mining", nil, 0},
		{"lp2pnode_ready", nil, 1},
	} {
		if got := value(t, w.Node, row.name, row.labels...); got != row.want {
			t.Errorf("%s %v: want %v, got %v", row.name, row.labels, row.want, got)
		}
	}
	if age := value(t, w.Node, "lp2pnode_tip_age_seconds"); math.Abs(age-w.TipAge().Seconds()) > 30 || age < 25 {
		t.Errorf("want the tip %s old, got %v s", w.TipAge(), age)
	}
}

// TestEachCheckIsAMetric: what /readyz says and what is alerted on are the same.
func TestEachCheckIsAMetric(t *testing.T) {
	w := watch(t, func(c *node.Config) { c.Bootstrap = []string{"/ip4/127.0.0.1/tcp/1"} })
	w.pass(time.Hour)
	failing := 0
	for _, c := range w.Checks() {
		want := 1.0
		if !c.OK {
			want = 0
			failing++
		}
		if got := value(t, w.Node, "lp2pnode_check_ok", "check="+c.Name); got != want {
			t.Errorf("%s: want %v, got %v", c.Name, want, got)
		}
	}
	if ready := value(t, w.Node, "lp2pnode_ready"); ready != 0 || failing != 2 {
		t.Errorf("want peers and tip failing and the node not ready, got %d failing, ready %v", failing, ready)
	}
}

// TestMetricsAreNamedAsIsCustomary: units, suffixes and help, by Prometheus'
// own linter.
func TestMetricsAreNamedAsIsCustomary(t *testing.T) {
	w := watch(t, func(*node.Config) {})
	problems, err := testutil.GatherAndLint(w.Metrics())
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		if strings.HasPrefix(p.Metric, "lp2pnode_") {
			t.Errorf("%s: %s", p.Metric, p.Text)
		}
	}
}

// TestGossipIsCountedOnBothSides: a block that spreads shows where it was made
// and where it came, with its delays.
func TestGossipIsCountedOnBothSides(t *testing.T) {
	cfg := node.DefaultConfig()
	cfg.Mine, cfg.MDNS, cfg.Listen = false, false, []string{"/ip4/127.0.0.1/tcp/0"}
	cfg.Params = node.LANParams()
	cfg.Params.ChainID, cfg.Params.InitialDifficulty, cfg.Params.RetargetWindow = "gossip", 1000, 0
	cfg.Params.Timestamp = uint64(time.Now().Add(-time.Hour).UnixMilli())
	listener := open(t, cfg)
	cfg.Bootstrap, cfg.Mine, cfg.MaxHashrate = []string{listener.Addrs()[0]}, true, 20_000
	maker := open(t, cfg)
	await(t, "blocks by gossip", func() bool {
		return value(t, listener, "lp2pnode_gossip_messages_total", "topic=blocks", "fate=accept", "rule=") >= 3
	})
	if got := value(t, maker, "lp2pnode_gossip_messages_total", "topic=blocks", "fate=own"); got < 3 {
		t.Errorf("want the maker's own blocks counted, got %v", got)
	}
	if got := value(t, maker, "lp2pnode_peers", "direction=outbound", "transport=tcp"); got != 1 {
		t.Errorf("want one outbound peer, got %v", got)
	}
	if got := value(t, listener, "lp2pnode_peers", "direction=inbound"); got != 1 {
		t.Errorf("want one inbound peer, got %v", got)
	}
	for _, name := range []string{"lp2pnode_pubsub_rpcs_total", "lp2pnode_mesh_peers"} {
		await(t, name+" above 0", func() bool { return value(t, maker, name) > 0 })
	}
	for _, stage := range []string{"received", "accepted"} {
		if value(t, listener, "lp2pnode_block_propagation_seconds", "stage="+stage) < 3 {
			t.Errorf("no propagation delay of blocks that were %s", stage)
		}
	}
	await(t, "the maker's own work", func() bool { // a block is counted after it has spread
		return value(t, maker, "lp2pnode_blocks_mined_total") >= 3 && value(t, maker, "lp2pnode_hash_rate_hashes_per_second") > 0
	})
}
