package doctor

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

const (
	askWait        = 5 * time.Second
	maxHolderBytes = 4096
)

// running is the node that works in the data directory, or answers at the API's
// address.
type running struct {
	holder store.Holder // zero: nobody works in the directory
	url    string       // of the API that was asked
	err    error        // it did not answer
	status *client.Status
	other  bool // it is of another chain: nobody of ours
	peers  []client.Peer
	health *client.Health
}

// is reports whether a node of our chain runs and answers.
func (r running) is() bool { return r.status != nil && !r.other }

// findNode asks the node that holds the directory, else who is at the address
// where the node would have its API.
func (p *patient) findNode(ctx context.Context) running {
	ctx, cancel := context.WithTimeout(ctx, askWait)
	defer cancel()
	r := running{holder: p.holder()}
	switch {
	case r.holder.API != "":
		r.url = r.holder.API
	case r.holder.PID == 0 && p.cfg.API != "":
		r.url = "http://" + dialled(p.cfg.API)
	default:
		r.err = errors.New("it has no API")
		return r
	}
	c := client.New(r.url)
	if r.status, r.err = c.Status(ctx); r.err != nil {
		return r
	}
	if r.other = r.status.Genesis != p.rules.Genesis().Hash; r.other {
		return r
	}
	if r.peers, r.err = c.Peers(ctx); r.err == nil {
		r.health, r.err = c.Ready(ctx)
	}
	return r
}

// holder says who has the data directory locked; zero is nobody. node.json
// alone is no proof: a killed node leaves it.
func (p *patient) holder() store.Holder {
	dir := p.cfg.Node.DataDir
	if dir == "" {
		return store.Holder{}
	}
	var h store.Holder
	if raw, err := readFile(p.fs, p.fs.PathJoin(dir, "node.json")); err != nil || json.Unmarshal(raw, &h) != nil {
		return store.Holder{}
	}
	lock, err := store.LockDir(dir, p.fs)
	if taken := new(store.LockedError); errors.As(err, &taken) {
		return h
	}
	if err == nil {
		_ = lock.Close() // nothing was written through it
	}
	return store.Holder{}
}

func readFile(fs vfs.FS, path string) ([]byte, error) {
	f, err := fs.Open(path)
	if err != nil {
		return nil, err
	}
	raw, err := io.ReadAll(io.LimitReader(f, maxHolderBytes))
	return raw, errors.Join(err, f.Close())
}

// dialled returns where a listener on hostport is dialled on this machine.
func dialled(hostport string) string {
	host, port, err := net.SplitHostPort(hostport)
	if err != nil {
		return hostport
	}
	if ip := net.ParseIP(host); host == "" || (ip != nil && ip.IsUnspecified()) {
		host = "127.0.0.1"
	}
	return net.JoinHostPort(host, port)
}

// checkNode tells whether a node runs, and what it says of its health.
func (p *patient) checkNode(context.Context) []Result {
	r := p.running
	switch {
	case r.holder.PID != 0 && r.holder.API == "":
		return one(ok("", "process %d works in %s, without an API to ask", r.holder.PID, p.cfg.Node.DataDir))
	case r.other:
		return one(finding("api-stranger", fmt.Sprintf("%s answers for chain %s, genesis %s", r.url, r.status.ChainID, r.status.Genesis), "{api}", r.url))
	case r.holder.PID != 0 && !r.is():
		return one(finding("node-deaf", oneLine(r.err), "{pid}", fmt.Sprint(r.holder.PID), "{api}", r.url))
	case !r.is():
		return one(skipped("", "no node runs here; looked at %s and for the API at %s", dash(p.cfg.Node.DataDir), dash(p.cfg.API)))
	}
	where := ""
	if r.holder.PID == 0 && p.cfg.Node.DataDir != "" {
		where = "; its data directory is not " + p.cfg.Node.DataDir
	}
	results := one(ok("", "%s answers: chain %s at height %d, %d peers, %s%s", r.url, r.status.ChainID, r.status.Height, r.status.Peers, r.status.Agent, where))
	return append(results, p.unready()...)
}

// unready makes a finding of each of the node's own checks that does not hold.
func (p *patient) unready() []Result {
	if p.running.health == nil {
		return nil
	}
	var results []Result
	for _, c := range p.running.health.Checks {
		if !c.OK {
			results = append(results, finding("not-ready", c.Detail, "{cure}", readyCure(c.Name)).of(c.Name))
		}
	}
	return results
}

// readyCure says what to do about a check of /readyz.
func readyCure(name string) string {
	switch name {
	case "sync":
		return "wait until it has caught up; if its height stands still, lp2pnode peers says why nothing is fetched"
	case "clock":
		return "set the clock by NTP (timedatectl set-ntp true)"
	case "peers":
		return "see the findings of bootstrap and multicast here, and lp2pnode peers"
	case "tip":
		return "see that somebody mines this chain, and that lp2pnode peers shows peers"
	case "disk":
		return "make room on the disk of the data directory: the node goes on by itself"
	}
	return "read the node's log; docs/errors.md lists its lines"
}

func dash(s string) string {
	if strings.TrimSpace(s) == "" {
		return "-"
	}
	return s
}
