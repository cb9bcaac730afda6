package deploy_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

const (
	dashboardFile = "monitoring/grafana/dashboards/lp2pnode.json"
	rulesFile     = "monitoring/rules.yml"
)

// panel is what a test reads of a dashboard's panel.
type panel struct {
	Title   string
	Type    string
	Targets []struct{ Expr string }
}

func dashboard(t *testing.T) []panel {
	t.Helper()
	raw, err := os.ReadFile(dashboardFile)
	if err != nil {
		t.Fatal(err)
	}
	var d struct{ Panels []panel }
	if err := json.Unmarshal(raw, &d); err != nil {
		t.Fatal(err)
	}
	panels := slices.DeleteFunc(d.Panels, func(p panel) bool { return p.Type == "row" })
	if len(panels) < 30 {
		t.Fatalf("only %d panels", len(panels))
	}
	return panels
}

var ourMetric = regexp.MustCompile(`lp2pnode_[a-z_]+`)

// TestDashboardAndAlertsUseMetricsThatThereAre: by the reference, which a test
// of the command line keeps true.
func TestDashboardAndAlertsUseMetricsThatThereAre(t *testing.T) {
	reference, err := os.ReadFile("../docs/metrics.md")
	if err != nil {
		t.Fatal(err)
	}
	rules, err := os.ReadFile(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	texts := map[string]string{"the alerts": string(rules)}
	for _, p := range dashboard(t) {
		for _, target := range p.Targets {
			texts["panel "+p.Title] += target.Expr + "\n"
		}
	}
	for where, text := range texts {
		for _, name := range ourMetric.FindAllString(text, -1) {
			known := false
			for _, suffix := range []string{"", "_bucket", "_count", "_sum"} {
				base, cut := strings.CutSuffix(name, suffix)
				known = known || cut && strings.Contains(string(reference), "`"+base+"`")
			}
			if !known {
				t.Errorf("%s: there is no %s", where, name)
			}
		}
	}
}

// needTool skips the test where a program of Debian's prometheus is missing.
func needTool(t *testing.T, name string) {
	t.Helper()
	if os.Getenv("LP2P_TEST_MONITORING") == "" {
		t.Skip("runs Debian's prometheus; set LP2P_TEST_MONITORING=1")
	}
	if _, err := exec.LookPath(name); err != nil {
		t.Skipf("%s is not here: apt-get install prometheus", name)
	}
}

func TestMonitoringRulesFireWhenTheyShould(t *testing.T) {
	needTool(t, "promtool")
	cmd := exec.CommandContext(t.Context(), "promtool", "test", "rules", "rules_test.yml")
	cmd.Dir = "monitoring"
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v:\n%s", err, out)
	}
	rules, err := os.ReadFile(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	tests, err := os.ReadFile("monitoring/rules_test.yml")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range regexp.MustCompile(`- alert: (\w+)`).FindAllStringSubmatch(string(rules), -1) {
		if !strings.Contains(string(tests), `alertname="`+m[1]+`"`) {
			t.Errorf("alert %s is not tried by rules_test.yml", m[1])
		}
	}
}

// TestMonitoringShowsEveryPanel: Debian's Prometheus, with the shipped rules and
// its shipped configuration but for where the nodes are, scrapes a cluster of
// processes, and each query of the dashboard returns numbers.
func TestMonitoringShowsEveryPanel(t *testing.T) {
	needTool(t, "prometheus")
	prometheus := scrapeWith(t, localCluster(t, 3))
	missing := map[string]string{}
	deadline := time.Now().Add(4 * time.Minute)
	tick := time.NewTicker(2 * time.Second)
	defer tick.Stop()
	for {
		clear(missing)
		for _, p := range dashboard(t) {
			for _, target := range p.Targets {
				if why := lacks(t, prometheus, target.Expr); why != "" {
					missing[p.Title+": "+target.Expr] = why
				}
			}
		}
		if len(missing) == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("no data: %v", missing)
		}
		<-tick.C
	}
	var rules struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
	}
	ask(t, prometheus+"/api/v1/rules", &rules)
	count := 0
	for _, g := range rules.Data.Groups {
		for _, r := range g.Rules {
			count++
			if r.Health != "ok" && r.Health != "unknown" {
				t.Errorf("rule %s is %s: %s", r.Name, r.Health, r.LastError)
			}
		}
	}
	if count < 13 {
		t.Errorf("only %d rules are loaded", count)
	}
}

// lacks runs a query as Grafana would and says what is wrong with its answer.
func lacks(t *testing.T, prometheus, expr string) string {
	t.Helper()
	expr = strings.NewReplacer("$__rate_interval", "20s", "$node", ".*").Replace(expr)
	var answer struct {
		Status string
		Error  string
		Data   struct {
			Result []struct{ Value [2]any }
		}
	}
	ask(t, prometheus+"/api/v1/query?query="+url.QueryEscape(expr), &answer)
	if answer.Status != "success" {
		return answer.Error
	}
	for _, r := range answer.Data.Result {
		if f, err := strconv.ParseFloat(fmt.Sprint(r.Value[1]), 64); err == nil && !math.IsNaN(f) {
			return ""
		}
	}
	return fmt.Sprintf("%d series, no number", len(answer.Data.Result))
}

func ask(t *testing.T, url string, v any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(raw, v); err != nil {
		t.Fatalf("%s: %s: %.200s", url, resp.Status, raw)
	}
}

// scrapeWith starts Prometheus on these targets and returns its URL.
func scrapeWith(t *testing.T, targets []string) string {
	t.Helper()
	raw, err := os.ReadFile("monitoring/prometheus.yml")
	if err != nil {
		t.Fatal(err)
	}
	shipped := string(raw)
	where := strings.Index(shipped, "    dns_sd_configs:")
	if where < 0 {
		t.Fatal("prometheus.yml does not say where the nodes are")
	}
	rules, err := filepath.Abs(rulesFile)
	if err != nil {
		t.Fatal(err)
	}
	config := shipped[:where] + `    static_configs: [{targets: ["` + strings.Join(targets, `", "`) + "\"]}]\n"
	config = strings.NewReplacer("15s", "1s", "[rules.yml]", "["+rules+"]").Replace(config)
	dir, addr := t.TempDir(), freeAddress(t)
	path := filepath.Join(dir, "prometheus.yml")
	if err := os.WriteFile(path, []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	spawn(t, "prometheus", "--config.file="+path, "--storage.tsdb.path="+filepath.Join(dir, "data"), "--web.listen-address="+addr)
	awaitHTTP(t, "http://"+addr+"/-/ready")
	return "http://" + addr
}

// localCluster runs nodes that mine and know each other, and returns where their
// APIs are.
func localCluster(t *testing.T, count int) []string {
	t.Helper()
	dir := t.TempDir()
	binary, genesis := filepath.Join(dir, "lp2pnode"), filepath.Join(dir, "genesis.json")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../cmd/lp2pnode").CombinedOutput(); err != nil {
		t.Fatalf("build: %v: %s", err, out)
	}
	if out, err := exec.CommandContext(t.Context(), binary, "genesis", "new", genesis, "--chain-id", "monitored", "--interval", "2s", "--difficulty", "40000").CombinedOutput(); err != nil {
		t.Fatalf("genesis: %v: %s", err, out)
	}
	p2p := freeAddress(t)
	_, port, _ := net.SplitHostPort(p2p)
	var apis []string
	for i := range count {
		api := freeAddress(t)
		args := []string{"--genesis", genesis, "--data-dir", filepath.Join(dir, strconv.Itoa(i)), "--mdns=false", "--max-hashrate", "20000", "--api", api}
		if i == 0 {
			args = append(args, "--listen", "/ip4/127.0.0.1/tcp/"+port)
		} else {
			args = append(args, "--listen", "/ip4/127.0.0.1/tcp/0", "--bootstrap", "/ip4/127.0.0.1/tcp/"+port)
		}
		spawn(t, binary, args...)
		awaitHTTP(t, "http://"+api+"/livez")
		apis = append(apis, api)
	}
	return apis
}

// spawn runs a program until the test ends.
func spawn(t *testing.T, name string, args ...string) {
	t.Helper()
	log, err := os.Create(filepath.Join(t.TempDir(), "log"))
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		_ = log.Close()
		if t.Failed() {
			raw, _ := os.ReadFile(log.Name())
			t.Logf("%s %s ended with:\n%s", filepath.Base(name), strings.Join(args, " "), raw[max(0, len(raw)-3000):])
		}
	})
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func awaitHTTP(t *testing.T, url string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = resp.Body.Close()
			if resp.StatusCode == http.StatusOK {
				return
			}
		}
		select {
		case <-ctx.Done():
			t.Fatalf("%s never answered: %v", url, err)
		case <-tick.C:
		}
	}
}

// TestMonitoringComposes: the profile is part of the compose file, which names
// files that there are, and is off unless asked for.
func TestMonitoringComposes(t *testing.T) {
	if os.Getenv("LP2P_TEST_MONITORING") == "" {
		t.Skip("runs docker-compose; set LP2P_TEST_MONITORING=1")
	}
	line := append(composeTool(t), "--profile", "monitoring", "config")
	cmd := exec.CommandContext(t.Context(), line[0], line[1:]...)
	cmd.Dir = ".."
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v: %s", line, err, out)
	}
	raw, err := os.ReadFile("../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Count(string(raw), "profiles: [monitoring]"); got != 2 {
		t.Errorf("want Prometheus and Grafana in the profile, got %d services", got)
	}
	for _, m := range regexp.MustCompile(`- \./(deploy/[^:]+):`).FindAllStringSubmatch(string(raw), -1) {
		if _, err := os.Stat("../" + m[1]); err != nil {
			t.Errorf("docker-compose.yml names what is not there: %v", err)
		}
	}
}

func composeTool(t *testing.T) []string {
	t.Helper()
	if exec.Command("docker", "compose", "version").Run() == nil {
		return []string{"docker", "compose"}
	}
	if exec.Command("docker-compose", "version").Run() == nil {
		return []string{"docker-compose"}
	}
	t.Skip("neither docker compose nor docker-compose is here")
	return nil
}

// TestMonitoringGrafanaHasTheDashboard: provisioned, without a click.
func TestMonitoringGrafanaHasTheDashboard(t *testing.T) {
	if os.Getenv("LP2P_TEST_MONITORING") == "" {
		t.Skip("runs Grafana's image; set LP2P_TEST_MONITORING=1")
	}
	raw, err := os.ReadFile("../docker-compose.yml")
	if err != nil {
		t.Fatal(err)
	}
	image := regexp.MustCompile(`grafana/grafana:[0-9.]+`).FindString(string(raw))
	if image == "" {
		t.Fatal("docker-compose.yml has no image of Grafana's")
	}
	if err := exec.Command("docker", "image", "inspect", image).Run(); err != nil {
		t.Skipf("Grafana is not started: its image %s is not on this machine", image)
	}
	here, err := filepath.Abs("monitoring/grafana")
	if err != nil {
		t.Fatal(err)
	}
	addr := freeAddress(t)
	name := fmt.Sprintf("lp2pgrafana%d", os.Getpid())
	out, err := exec.Command("docker", "run", "-d", "--rm", "--name", name, "-p", addr+":3000",
		"-e", "GF_AUTH_ANONYMOUS_ENABLED=true",
		"-v", here+"/provisioning:/etc/grafana/provisioning:ro", "-v", here+"/dashboards:/var/lib/grafana/dashboards:ro", image).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	t.Cleanup(func() { _ = exec.Command("docker", "rm", "-f", name).Run() })
	awaitHTTP(t, "http://"+addr+"/api/dashboards/uid/lp2pnode")
}
