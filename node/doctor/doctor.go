// Package doctor looks for what keeps a node from doing its work: in the
// machine, the network round it and the nodes that it would join. It asks a
// running node through its API where there is one, and does without otherwise;
// it changes nothing, and speaks to other nodes under a passing identity.
//
// Each check has a deadline and none ends another. A finding carries a stable
// id, a cause and a cure; docs/errors.md lists them (Kinds).
package doctor

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/pow"
	"github.com/lp2pnode/lp2pnode/node"
)

// deadline is what a check gets.
const deadline = 20 * time.Second

// Config says what would run.
type Config struct {
	Node node.Config // as a node would be opened
	API  string      // host:port that its API would listen on; "" is none
}

// Outcome is how a check ended.
type Outcome string

// The outcomes of a check.
const (
	OK      Outcome = "ok"
	Finding Outcome = "finding" // ID, Cause and Cure say which
	Skipped Outcome = "skipped" // there was nothing to look at; Found says why
)

// Result is what one check has found of one thing.
type Result struct {
	Check   string  `json:"check"`
	Of      string  `json:"of,omitempty"` // which interface, entry, port
	Outcome Outcome `json:"outcome"`
	Found   string  `json:"found"`
	ID      string  `json:"id,omitempty"` // of a finding
	Cause   string  `json:"cause,omitempty"`
	Cure    string  `json:"cure,omitempty"`
	Steps   []Step  `json:"steps,omitempty"` // on the way to it
}

// Step is one step of a check, in order.
type Step struct {
	Name  string `json:"step"`
	OK    bool   `json:"ok"`
	Found string `json:"found"`
}

// Report is the whole.
type Report struct {
	OK       bool     `json:"ok"`
	Findings int      `json:"findings"`
	Results  []Result `json:"results"`
}

// check is one thing to look at.
type check struct {
	name string
	run  func(*patient, context.Context) []Result
}

func checks() []check {
	return []check{
		{"node", (*patient).checkNode},
		{"directory", (*patient).checkDirectory},
		{"disk", (*patient).checkDisk},
		{"space", (*patient).checkSpace},
		{"files", (*patient).checkFiles},
		{"ports", (*patient).checkPorts},
		{"multicast", (*patient).checkMulticast},
		{"bootstrap", (*patient).checkBootstrap},
		{"addresses", (*patient).checkAddresses},
		{"clock", (*patient).checkClock},
		{"version", (*patient).checkVersion},
	}
}

// patient is what is looked at.
type patient struct {
	cfg     Config
	fs      vfs.FS
	rules   *chain.Rules
	running running
	survey  func() *survey // asks other nodes, once
}

// Examine runs all checks side by side. It fails only when cfg describes no
// node.
func Examine(ctx context.Context, cfg Config) (*Report, error) {
	rules, err := chain.NewRules(cfg.Node.Params, pow.Engine{})
	if err != nil {
		return nil, fmt.Errorf("genesis: %w", err)
	}
	p := &patient{cfg: cfg, fs: cfg.Node.FS, rules: rules}
	if p.fs == nil {
		p.fs = vfs.Default
	}
	p.running = p.findNode(ctx)
	p.survey = sync.OnceValue(func() *survey { return p.ask(ctx) })
	all := make([][]Result, len(checks()))
	var wg sync.WaitGroup
	for i, c := range checks() {
		wg.Go(func() { all[i] = p.within(ctx, c, deadline) })
	}
	wg.Wait()
	report := &Report{OK: true, Results: []Result{}}
	for _, results := range all {
		for _, r := range results {
			if r.Outcome == Finding {
				report.OK, report.Findings = false, report.Findings+1
			}
			report.Results = append(report.Results, r)
		}
	}
	return report, ctx.Err()
}

// within runs a check, and does not wait for one that outlasts its deadline.
func (p *patient) within(ctx context.Context, c check, limit time.Duration) []Result {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	done := make(chan []Result, 1)
	go func() { done <- c.run(p, ctx) }()
	select {
	case results := <-done:
		return named(c.name, results)
	case <-ctx.Done():
	}
	grace := time.NewTimer(time.Second) // for checks that end with ctx
	defer grace.Stop()
	select {
	case results := <-done:
		return named(c.name, results)
	case <-grace.C:
		return named(c.name, one(finding("no-end", "it did not end within "+limit.String())))
	}
}

func named(check string, results []Result) []Result {
	for i := range results {
		results[i].Check = check
	}
	return results
}

func one(r Result) []Result { return []Result{r} }

func ok(of, format string, args ...any) Result {
	return Result{Of: of, Outcome: OK, Found: fmt.Sprintf(format, args...)}
}

func skipped(of, format string, args ...any) Result {
	return Result{Of: of, Outcome: Skipped, Found: fmt.Sprintf(format, args...)}
}

// finding makes a Result of a kind; pairs fill in its {placeholders}.
func finding(id, found string, pairs ...string) Result {
	for _, k := range Kinds() {
		if k.ID == id {
			fill := strings.NewReplacer(pairs...)
			return Result{Outcome: Finding, Found: found, ID: id, Cause: fill.Replace(k.Cause), Cure: fill.Replace(k.Cure)}
		}
	}
	panic("doctor: no such kind of finding: " + id)
}

// of names what a result is about.
func (r Result) of(name string) Result {
	r.Of = name
	return r
}

// median of what is sorted; of an even number the one nearer to zero, so that
// it takes more than half to move it.
func median(sorted []time.Duration) time.Duration {
	low, high := sorted[(len(sorted)-1)/2], sorted[len(sorted)/2]
	if low.Abs() < high.Abs() {
		return low
	}
	return high
}

// oneLine makes an error's text one line.
func oneLine(err error) string { return strings.Join(strings.Fields(err.Error()), " ") }

// innermost returns what the system said, without what was wrapped round it.
func innermost(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		err = inner
	}
}
