package main

import (
	"cmp"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/lp2pnode/lp2pnode/api"
	"github.com/lp2pnode/lp2pnode/node"
)

// scrape returns what a new node, on a disk of the test's, answers at /metrics.
func scrape(t *testing.T) string {
	t.Helper()
	cfg := node.DefaultConfig()
	cfg.DataDir, cfg.MDNS, cfg.Metrics, cfg.Listen = t.TempDir(), false, true, []string{"/ip4/127.0.0.1/tcp/0"}
	n, err := node.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer n.Close()
	server, err := api.New(n, api.Config{})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/metrics", nil)
	r.Host = "localhost"
	w := httptest.NewRecorder()
	server.ServeHTTP(w, r)
	if w.Code != http.StatusOK {
		t.Fatalf("got %d: %s", w.Code, w.Body)
	}
	return w.Body.String()
}

// family is a metric as it is described where it is served.
type family struct {
	name, kind, help string
	labels           []string
}

var label = regexp.MustCompile(`([a-z_]+)="`)

// familiesOf reads Prometheus' text format, ours only, by name.
func familiesOf(text string) []family {
	all := map[string]*family{}
	var last *family
	for line := range strings.Lines(text) {
		words := strings.SplitN(strings.TrimSpace(line), " ", 4)
		switch {
		case words[0] == "#" && !strings.HasPrefix(words[2], "lp2pnode_"):
			last = nil
		case words[0] == "#":
			if all[words[2]] == nil {
				all[words[2]] = &family{name: words[2]}
			}
			last = all[words[2]]
			if words[1] == "HELP" {
				last.help = words[3]
			} else {
				last.kind = words[3]
			}
		case last != nil:
			for _, m := range label.FindAllStringSubmatch(line, -1) {
				if m[1] != "le" && !slices.Contains(last.labels, m[1]) {
					last.labels = append(last.labels, m[1])
				}
			}
		}
	}
	var list []family
	for _, f := range all {
		list = append(list, *f)
	}
	slices.SortFunc(list, func(a, b family) int { return cmp.Compare(a.name, b.name) })
	return list
}

func TestReferenceOfMetricsIsTrue(t *testing.T) {
	reference(t, "metrics.md", metricsPage(familiesOf(scrape(t))))
}

func metricsPage(families []family) string {
	var b strings.Builder
	b.WriteString(`# Metrics

<!-- made by go generate ./cmd/lp2pnode from what a node serves: do not edit -->

A node's API serves metrics for Prometheus at ` + "`/metrics`" + `. Those of libp2p (` + "`libp2p_…`" + `), of Go and of
the process (` + "`go_…`, `process_…`" + `) are there too, under their own names. ` + "`deploy/`" + ` has a dashboard and
alerts made of these.

Read from elsewhere than the node's machine, the API has to listen there (` + "`--api`" + `) and must be called
by an IP address, the machine's own name, or one of ` + "`--api-hosts`" + `.

| metric | type | labels | meaning |
|---|---|---|---|
`)
	for _, f := range families {
		labels := ""
		if len(f.labels) > 0 {
			labels = "`" + strings.Join(f.labels, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s |\n", f.name, f.kind, labels, f.help)
	}
	b.WriteString(`
## Values of labels

| label | values |
|---|---|
| ` + "`check`" + ` | ` + "`peers`, `tip`, `sync`, `disk`, `clock`, `store`" + `: as in ` + "`/readyz`" + ` |
| ` + "`stage`" + ` of processing | ` + "`decode`, `screen`, `verify`, `wait`, `execute`, `commit`" + `: the way of a block, in this order; at log level debug each block's is in the log |
| ` + "`stage`" + ` of propagation | ` + "`received`, `accepted`" + ` |
| ` + "`fate`" + ` of gossip | ` + "`accept`, `ignore`, `reject`, `own`" + ` (published here), ` + "`duplicate`, `dropped`" + ` (no room to judge it), ` + "`unsent`" + ` (no room to send it to a peer) |
| ` + "`rule`" + ` | of the protocol: ` + "`form`, `work`, `signature`, `nonce`" + ` and so on; or ` + "`unknown parent`, `future`, `waiting`, `known`, `policy`, `unfit`, `unmet`, `rate`, `held`, `own fault`" + ` |
| ` + "`act`, `reason`" + ` | as ` + "`lp2pnode peers`" + ` shows them |
`)
	return b.String()
}
