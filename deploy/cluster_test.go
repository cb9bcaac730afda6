// Package deploy_test shows that what this folder ships works on a real engine.
package deploy_test

import (
	"archive/tar"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/api/client"
)

// user is the image's: nobody whom a machine knows.
const user = "65532"

// long says whether the full proofs are wanted.
func long() bool { return os.Getenv("LP2P_TEST_LONG") != "" }

// TestDockerfilesShipTheSame: with and without the golang image, all but where
// the binary comes from is one and the same.
func TestDockerfilesShipTheSame(t *testing.T) {
	shipped := func(path string) []string {
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		_, last, ok := strings.Cut(string(raw), "FROM scratch\n")
		if !ok {
			t.Fatalf("%s does not ship from scratch", path)
		}
		return slices.DeleteFunc(strings.Split(last, "\n"), func(line string) bool { return strings.HasPrefix(line, "COPY ") })
	}
	usual, binary := shipped("../Dockerfile"), shipped("Dockerfile.binary")
	if !slices.Equal(usual, binary) {
		t.Errorf("Dockerfile ships %q, Dockerfile.binary %q", usual, binary)
	}
}

// TestClusterOfContainers shows one claim after the other on one cluster.
func TestClusterOfContainers(t *testing.T) {
	c := newCluster(t)
	if _, err := c.exec("deploy/binary.sh"); err != nil {
		t.Fatal(err)
	}
	for _, tool := range [][]string{{"docker-compose"}, {"docker", "compose"}} {
		if exec.Command(tool[0], append(tool[1:], "version")...).Run() != nil {
			t.Logf("%s is not here: the compose file was not tried with it", strings.Join(tool, " "))
		} else if _, err := c.exec(append(tool, "config", "-q")...); err != nil {
			t.Error(err)
		}
	}
	c.must(t, "build")
	for _, step := range []struct {
		claim string
		show  func(*testing.T, *cluster)
	}{
		{"the image is bare and not root's", showBareImage},
		{"five healthy nodes on one tip within a minute", showFiveAgree},
		{"the first node's API answers on loopback of the host only", showPublished},
		{"a node that was cut off heals", showHeals},
		{"down and up keep all volumes", showVolumesKeep},
		{"scaled nodes find the others by mDNS", showScales},
	} {
		if !t.Run(step.claim, func(t *testing.T) { step.show(t, c) }) {
			return // what follows builds upon it
		}
	}
}

func showBareImage(t *testing.T, c *cluster) {
	if got := c.docker(t, "image", "inspect", "-f", "{{.Config.User}} {{.Config.Healthcheck.Test}}", c.image); got != user+":"+user+" [CMD /lp2pnode status]" {
		t.Errorf("user and health check are %q", got)
	}
	if got := c.docker(t, "image", "inspect", "-f", "{{len .RootFS.Layers}}", c.image); got != "2" {
		t.Errorf("want two layers, the binary's and that of /data, got %s", got)
	}
	id := c.docker(t, "create", c.image)
	defer c.docker(t, "rm", "-v", id)
	path := filepath.Join(t.TempDir(), "image.tar")
	c.docker(t, "export", "-o", path, id)
	var ours []string
	for _, name := range filesIn(t, path) {
		// The engine itself puts empty places for its mounts into every container.
		if top, _, _ := strings.Cut(name, "/"); !slices.Contains([]string{".dockerenv", "dev", "etc", "proc", "sys"}, top) {
			ours = append(ours, name)
		}
	}
	if want := []string{"data/", "lp2pnode"}; !slices.Equal(ours, want) {
		t.Errorf("the image holds %v, want %v", ours, want)
	}
}

// filesIn lists what is in a tar file, sorted.
func filesIn(t *testing.T, path string) []string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var names []string
	for r := tar.NewReader(f); ; {
		header, err := r.Next()
		if errors.Is(err, io.EOF) {
			slices.Sort(names)
			return names
		}
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, header.Name)
	}
}

func showFiveAgree(t *testing.T, c *cluster) {
	begin := time.Now()
	c.must(t, "up", "-d")
	ids := c.containers(t)
	if len(ids) != 5 {
		t.Fatalf("want five containers without --scale, got %d", len(ids))
	}
	all, _ := c.await(t, "one tip", time.Minute-time.Since(begin), ids, func(all []*client.Status) bool {
		return oneTip(all, 1) && c.healthy(t, ids)
	})
	t.Logf("five healthy nodes on one tip at height %d, %s after `up` began", all[0].Height, time.Since(begin).Round(100*time.Millisecond))
	for _, id := range ids {
		for _, line := range strings.Split(c.docker(t, "top", id, "-eo", "uid,pid,cmd"), "\n")[1:] {
			if !strings.HasPrefix(strings.TrimSpace(line), user+" ") {
				t.Errorf("a process runs as somebody else: %s", line)
			}
		}
	}
}

func (c *cluster) healthy(t *testing.T, ids []string) bool {
	t.Helper()
	health := strings.Fields(c.docker(t, append([]string{"inspect", "-f", "{{.State.Health.Status}}"}, ids...)...))
	return !slices.ContainsFunc(health, func(h string) bool { return h != "healthy" })
}

func showPublished(t *testing.T, c *cluster) {
	first := c.containers(t, "bootstrap")
	inside, err := c.status(first[0])
	if err != nil {
		t.Fatal(err)
	}
	outside, err := c.api.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if outside.PeerID != inside.PeerID {
		t.Errorf("%s is the API of %s, want that of %s", c.api.URL(), outside.PeerID, inside.PeerID)
	}
	const hostIPs = `{{range $port, $to := .NetworkSettings.Ports}}{{range $to}}{{$port}} {{.HostIp}};{{end}}{{end}}`
	ports := c.docker(t, "inspect", "-f", hostIPs, first[0])
	if !strings.Contains(ports, "9470/tcp 0.0.0.0;") || strings.Count(ports, "9471/tcp") != 1 || !strings.Contains(ports, "9471/tcp 127.0.0.1;") {
		t.Errorf("published ports are %s", ports)
	}
	t.Logf("%s/v1/status answers", c.api.URL())
}

func showHeals(t *testing.T, c *cluster) {
	cut := 15 * time.Second
	if long() {
		cut = time.Minute
	}
	lost, network := c.containers(t, "node2"), c.project+"_ledger"
	ids := c.containers(t)
	others := slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return id == lost[0] })
	before, err := c.status(lost[0])
	if err != nil {
		t.Fatal(err)
	}
	c.docker(t, "network", "disconnect", network, lost[0])
	begin := time.Now()
	timer := time.NewTimer(cut)
	<-timer.C // it is cut off for as long as the claim says
	var here []*client.Status
	there, _ := c.await(t, "two tips", 6*time.Minute, others, func(there []*client.Status) bool {
		if here, err = c.statuses(lost); err != nil {
			return false
		}
		forked := !long() || here[0].Height > before.Height // by itself it mines a fifth of the blocks
		return forked && oneTip(there, 1) && here[0].Tip != there[0].Tip
	})
	c.docker(t, "network", "connect", "--alias", "node2", network, lost[0])
	t.Logf("cut off for %s: it was at height %d with %d peers, the others at %d",
		time.Since(begin).Round(time.Second), here[0].Height, here[0].Peers, there[0].Height)
	all, took := c.await(t, "one tip again", 30*time.Second, ids, func(all []*client.Status) bool {
		return oneTip(all, max(here[0].Height, there[0].Height))
	})
	t.Logf("one tip at height %d, %s after it was connected again", all[0].Height, took.Round(100*time.Millisecond))
}

func showVolumesKeep(t *testing.T, c *cluster) {
	ids := c.containers(t)
	before, err := c.statuses(ids)
	if err != nil {
		t.Fatal(err)
	}
	heights := map[string]uint64{}
	for _, s := range before {
		heights[s.PeerID] = s.Height
	}
	begin := time.Now()
	c.must(t, "stop")
	took := time.Since(begin)
	if codes := c.docker(t, append([]string{"inspect", "-f", "{{.State.ExitCode}}"}, ids...)...); strings.Trim(codes, "0\n") != "" {
		t.Errorf("not all ended well: exit codes %q", codes)
	}
	c.must(t, "down")
	c.must(t, "up", "-d")
	all, again := c.await(t, "one tip again", time.Minute, c.containers(t), func(all []*client.Status) bool { return oneTip(all, 1) })
	for _, s := range all {
		if before, known := heights[s.PeerID]; !known || s.Height < before {
			t.Errorf("after down and up %s is at height %d; before, heights by peer id were %v", s.PeerID, s.Height, heights)
		}
	}
	if len(all) != len(before) {
		t.Errorf("want %d nodes, got %d", len(before), len(all))
	}
	t.Logf("all stopped well in %s; on one tip %s after `up`", took.Round(100*time.Millisecond), again.Round(100*time.Millisecond))
}

func showScales(t *testing.T, c *cluster) {
	scale, count := "node=3", 3
	if long() {
		scale, count = "node=10", 10
	}
	begin := time.Now()
	c.must(t, "up", "-d", "--scale", scale)
	added := c.containers(t, "node")
	if len(added) != count {
		t.Fatalf("want %d containers of node, got %d", count, len(added))
	}
	all, _ := c.await(t, "one tip with the new ones", time.Minute, c.containers(t), func(all []*client.Status) bool { return oneTip(all, 1) })
	t.Logf("%d nodes, %d of them new, on one tip at height %d, %s after `up` began", len(all), count, all[0].Height, time.Since(begin).Round(100*time.Millisecond))
}
