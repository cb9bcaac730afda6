package deploy_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/lp2pnode/lp2pnode/api/client"
)

// cluster is the compose file at work, under names of its own.
type cluster struct {
	t       *testing.T
	compose []string // docker-compose, or docker compose
	project string
	image   string
	env     []string
	api     *client.Client // of the first node, from outside
}

// newCluster finds the tools, or skips the test where they are missing, and
// sees to it that nothing is left behind.
func newCluster(t *testing.T) *cluster {
	t.Helper()
	if os.Getenv("LP2P_TEST_CLUSTER") == "" {
		t.Skip("runs containers; set LP2P_TEST_CLUSTER=1")
	}
	if out, err := exec.Command("docker", "info").CombinedOutput(); err != nil {
		t.Skipf("no Docker engine answers: %v: %s", err, lastLine(out))
	}
	c := &cluster{t: t, project: fmt.Sprintf("lp2ptest%d", os.Getpid())}
	switch {
	case exec.Command("docker", "compose", "version").Run() == nil:
		c.compose = []string{"docker", "compose"}
	case exec.Command("docker-compose", "version").Run() == nil:
		c.compose = []string{"docker-compose"}
	default:
		t.Skip("neither docker compose nor docker-compose is here")
	}
	c.image = c.project + ":test"
	apiPort, p2pPort := freePort(t, "9471"), freePort(t, "9470")
	c.api = client.New("http://127.0.0.1:" + apiPort)
	for _, entry := range os.Environ() {
		if !strings.HasPrefix(entry, "LP2P_") && !strings.HasPrefix(entry, "COMPOSE_") {
			c.env = append(c.env, entry)
		}
	}
	c.env = append(c.env, "DOCKER_BUILDKIT=0", "LP2P_DOCKERFILE=deploy/Dockerfile.binary", "LP2P_IMAGE="+c.image,
		"LP2P_API_PORT="+apiPort, "LP2P_P2P_PORT="+p2pPort)
	t.Cleanup(c.remove)
	return c
}

// freePort returns the wanted port of this machine, or another if it is taken.
func freePort(t *testing.T, wanted string) string {
	t.Helper()
	l, err := net.Listen("tcp", ":"+wanted)
	if err != nil {
		if l, err = net.Listen("tcp", ":0"); err != nil {
			t.Fatal(err)
		}
	}
	defer l.Close()
	_, port, err := net.SplitHostPort(l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	return port
}

func lastLine(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	return lines[len(lines)-1]
}

// remove takes away all that the test has made.
func (c *cluster) remove() {
	if c.t.Failed() {
		out, _ := c.try("logs", "--no-color", "--tail", "60")
		c.t.Logf("the containers' logs end:\n%s", out)
	}
	if out, err := c.try("down", "-v", "--remove-orphans", "--timeout", "10"); err != nil {
		c.t.Errorf("remove the cluster: %v: %s", err, out)
	}
	if exec.Command("docker", "image", "inspect", c.image).Run() != nil {
		return // not even built
	}
	if out, err := exec.Command("docker", "rmi", "-f", c.image).CombinedOutput(); err != nil {
		c.t.Errorf("remove the image: %v: %s", err, out)
	}
}

// try runs compose on the cluster.
func (c *cluster) try(args ...string) (string, error) {
	line := append(append([]string{}, c.compose...), "-p", c.project)
	return c.exec(append(line, args...)...)
}

// exec runs a command in the folder of the compose file, with the cluster's
// environment, and returns what it says.
func (c *cluster) exec(line ...string) (string, error) {
	// Not the test's context: what is run at its end would find that ended.
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, line[0], line[1:]...)
	cmd.Dir, cmd.Env = "..", c.env
	out, err := cmd.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		return string(out), fmt.Errorf("%s: %w: %s", strings.Join(line, " "), err, exit.Stderr)
	}
	return string(out), err
}

// must is try, for a step that has to succeed.
func (c *cluster) must(t *testing.T, args ...string) string {
	t.Helper()
	out, err := c.try(args...)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// docker runs docker for a step that has to succeed.
func (c *cluster) docker(t *testing.T, args ...string) string {
	t.Helper()
	out, err := c.exec(append([]string{"docker"}, args...)...)
	if err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(out)
}

// containers returns the ids of these services' containers, of all without any.
func (c *cluster) containers(t *testing.T, services ...string) []string {
	t.Helper()
	return strings.Fields(c.must(t, append([]string{"ps", "-q"}, services...)...))
}

// status asks a node in its container.
func (c *cluster) status(id string) (*client.Status, error) {
	out, err := c.exec("docker", "exec", id, "/lp2pnode", "status", "--json")
	if err != nil {
		return nil, err
	}
	s := &client.Status{}
	return s, json.Unmarshal([]byte(out), s)
}

// statuses asks all at once, so that their tips are of one time.
func (c *cluster) statuses(ids []string) ([]*client.Status, error) {
	all, errs := make([]*client.Status, len(ids)), make([]error, len(ids))
	var wait sync.WaitGroup
	for i, id := range ids {
		wait.Go(func() { all[i], errs[i] = c.status(id) })
	}
	wait.Wait()
	return all, errors.Join(errs...)
}

// await asks these containers again and again, as they offer nothing to wait
// on, until ok likes the answers. It returns them and the time it took.
func (c *cluster) await(t *testing.T, what string, limit time.Duration, ids []string, ok func([]*client.Status) bool) ([]*client.Status, time.Duration) {
	t.Helper()
	begin := time.Now()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	for {
		all, err := c.statuses(ids)
		if err == nil && ok(all) {
			return all, time.Since(begin)
		}
		if time.Since(begin) > limit {
			t.Fatalf("waited %s for %s in vain: %s, %v", limit, what, summary(all), err)
		}
		<-tick.C
	}
}

func summary(all []*client.Status) string {
	var lines []string
	for _, s := range all {
		if s != nil {
			lines = append(lines, fmt.Sprintf("height %d tip %.12s peers %d", s.Height, s.Tip.String(), s.Peers))
		}
	}
	return strings.Join(lines, "; ")
}

// oneTip says whether all are on one tip of at least this height and have peers.
func oneTip(all []*client.Status, height uint64) bool {
	for _, s := range all {
		if s.Tip != all[0].Tip || s.Height < height || s.Peers == 0 {
			return false
		}
	}
	return len(all) > 0
}
