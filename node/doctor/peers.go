package doctor

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/semver"
)

// clockLimit is beyond what NTP leaves and the round trip blurs.
const clockLimit = 5 * time.Second

// checkClock compares this clock with those of the nodes that answered.
func (p *patient) checkClock(context.Context) []Result {
	begins := time.UnixMilli(int64(p.rules.Params.Timestamp))
	if ahead := time.Until(begins); ahead > time.Duration(p.rules.Params.MaxAheadMS())*time.Millisecond {
		return one(finding("clock-before-genesis", fmt.Sprintf("the chain begins at %s, in %s", begins.UTC().Format(time.RFC3339), ahead.Round(time.Second))))
	}
	var offsets []time.Duration
	for _, c := range p.survey().contacts {
		if c.err == nil {
			offsets = append(offsets, c.said.Offset)
		}
	}
	peers := fmt.Sprintf("%d other clocks", len(offsets))
	if len(offsets) == 0 {
		if !p.running.is() || p.running.status.Peers == 0 {
			return one(skipped("", "no other node was reached whose clock could be compared"))
		}
		offsets = []time.Duration{time.Duration(p.running.status.TimeOffset) * time.Millisecond}
		peers = fmt.Sprintf("the running node's %d peers", p.running.status.Peers)
	}
	slices.Sort(offsets)
	off := -median(offsets).Round(time.Millisecond)
	found := fmt.Sprintf("%s against the median of %s", signed(off), peers)
	if off.Abs() <= clockLimit {
		return one(ok("", "%s", found))
	}
	side := "ahead of"
	if off < 0 {
		side = "behind"
	}
	return one(finding("clock-off", found, "{off}", off.Abs().Round(time.Second).String()+" "+side, "{peers}", peers))
}

func signed(d time.Duration) string {
	if d < 0 {
		return d.String()
	}
	return "+" + d.String()
}

// checkVersion compares this program with the running node and with peers.
func (p *patient) checkVersion(context.Context) []Result {
	ours := release(p.cfg.Node.Agent)
	var results []Result
	if p.running.is() && p.running.status.Agent != p.cfg.Node.Agent {
		theirs := p.running.status.Agent
		results = append(results, finding("version-restart", "the running node is "+theirs, "{theirs}", theirs, "{ours}", p.cfg.Node.Agent))
	}
	agents := p.agents()
	if len(agents) == 0 {
		return append(results, skipped("", "%s; no other node was reached whose version could be compared", p.cfg.Node.Agent))
	}
	newest := ""
	for _, a := range agents {
		if v := release(a); newest == "" || semver.Compare(v, newest) > 0 {
			newest = v
		}
	}
	told := strings.Join(slices.Compact(agents), ", ")
	switch {
	case ours == "":
		return append(results, ok("", "%s is no release that could be compared; peers: %s", p.cfg.Node.Agent, told))
	case newest != "" && semver.Compare(semver.MajorMinor(newest), semver.MajorMinor(ours)) > 0:
		return append(results, finding("version-old", "peers: "+told, "{ours}", ours, "{theirs}", newest))
	}
	return append(results, ok("", "%s; peers: %s", p.cfg.Node.Agent, told))
}

// agents lists what the nodes of our chain call themselves, sorted.
func (p *patient) agents() []string {
	var agents []string
	for _, c := range p.survey().sameChain(p.rules.Genesis().Hash) {
		agents = append(agents, c.said.Agent)
	}
	for _, c := range p.running.peers {
		if c.State == "connected" {
			agents = append(agents, c.Agent)
		}
	}
	slices.Sort(agents)
	return slices.DeleteFunc(agents, func(a string) bool { return a == "" })
}

// release returns the version of an agent such as lp2pnode/v1.2.3, "" if it is
// no release of lp2pnode.
func release(agent string) string {
	v, ours := strings.CutPrefix(agent, "lp2pnode/")
	v, _, _ = strings.Cut(v, " ")
	if !ours || !semver.IsValid(v) {
		return ""
	}
	return v
}
