package main_test

import (
	"bufio"
	"fmt"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// BenchmarkCatchUp has a fresh process fetch a chain from another one over
// loopback, and beside it a composed pipeline without network take the same
// blocks in the same run. The clock runs from the moment at which the new node
// knows the old one until its API shows the whole chain.
func BenchmarkCatchUp(b *testing.B) {
	needProcesses(b)
	program(b)
	var shortest float64 // a unit of the first chain took so many seconds
	for _, c := range []struct {
		name              string
		blocks, transfers int
	}{
		{"empty=10000", 10_000, 0},
		{"empty=30000", 30_000, 0},
		{"empty=100000", 100_000, 0},
		{"transfers=1000", 60, 1000},
	} {
		b.Run(c.name, func(b *testing.B) {
			w := newWorkload(b, c.blocks, c.transfers)
			old := start(b, "old", "--genesis", w.genesis, "--mine=false")
			old.stop()
			w.grow(b, old.dir, c.blocks, c.transfers)
			raw := w.rawBlocks(b, old.dir)
			old.run()
			units := float64(c.blocks * max(c.transfers, 1))
			var took, processor, composed time.Duration
			var peak, syncs int
			for b.Loop() {
				r := catchUp(b, w, old, uint64(c.blocks))
				took, processor, syncs, peak = took+r.took, processor+r.processor, syncs+r.syncs, max(peak, r.peakMB)
				composed += compose(b, w, raw)
			}
			each := took.Seconds() / units
			if shortest == 0 {
				shortest = each
			}
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(units*float64(b.N)/took.Seconds(), "per-s")
			b.ReportMetric(float64(processor.Microseconds())/float64(b.N)/units, "cpu-µs")
			b.ReportMetric(units*float64(b.N)/composed.Seconds(), "composed-per-s")
			b.ReportMetric(composed.Seconds()/took.Seconds(), "of-composed")
			b.ReportMetric(float64(peak), "peak-MB")
			b.ReportMetric(float64(c.blocks*b.N)/float64(syncs), "per-sync")
			if c.transfers == 0 {
				b.ReportMetric(each/shortest, "of-shortest")
			}
		})
	}
}

// caughtUp is what catching up took.
type caughtUp struct {
	took      time.Duration
	processor time.Duration // that both nodes had
	peakMB    int           // the most memory of the new one
	syncs     int           // of its disk, from its start on
}

// catchUp runs a fresh node until it has the old one's chain.
func catchUp(b *testing.B, w *workload, old *process, height uint64) caughtUp {
	b.Helper()
	before := processorTime(b, old)
	fresh := start(b, "fresh", "--genesis", w.genesis, "--mine=false", "--bootstrap", old.addr())
	fresh.await("the whole chain", 5*time.Minute, func() bool { return fresh.status().Height == height })
	end := time.Now()
	r := caughtUp{
		processor: processorTime(b, old) - before + processorTime(b, fresh),
		peakMB:    memoryMB(b, fresh, "VmHWM:"),
		syncs:     int(fresh.metric("lp2pnode_store_sync_seconds_count")),
	}
	fresh.stop()
	r.took = end.Sub(fresh.logged(`msg="peer joined"`))
	return r
}

// metric returns the value of a metric, whose name has its labels as they are
// served.
func (p *process) metric(name string) float64 {
	p.t.Helper()
	v, there := p.metricIfAny(name)
	if !there {
		p.t.Fatalf("%s has no metric %s", p.name, name)
	}
	return v
}

// metricIfAny is metric for one that need not be there yet.
func (p *process) metricIfAny(name string) (v float64, there bool) {
	p.t.Helper()
	response, err := http.Get(p.url() + "/metrics")
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if value, ok := strings.CutPrefix(lines.Text(), name+" "); ok {
			v, err := strconv.ParseFloat(value, 64)
			if err != nil {
				p.t.Fatal(err)
			}
			return v, true
		}
	}
	return 0, false
}

// logged returns when the process wrote a line that holds text.
func (p *process) logged(text string) time.Time {
	p.t.Helper()
	for _, line := range strings.Split(p.log.String(), "\n") {
		if !strings.Contains(line, text) {
			continue
		}
		stamp, _, _ := strings.Cut(strings.TrimPrefix(line, "time="), " ")
		at, err := time.Parse(time.RFC3339Nano, stamp)
		if err != nil {
			p.t.Fatalf("log line %q: %v", line, err)
		}
		return at
	}
	p.t.Fatalf("%s did not log %q:\n%s", p.name, text, p.log)
	return time.Time{}
}

// memoryMB reads a line of /proc/PID/status; it skips where there is none.
func memoryMB(b testing.TB, p *process, line string) int {
	b.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		b.Skipf("no /proc on this machine: %v", err)
	}
	_, rest, found := strings.Cut(string(raw), line)
	fields := strings.Fields(rest)
	if !found || len(fields) == 0 {
		b.Fatalf("no %s in /proc", line)
	}
	kb, err := strconv.Atoi(fields[0])
	if err != nil {
		b.Fatal(err)
	}
	return kb >> 10
}

// processorTime is what a running process has had of the processors.
func processorTime(b testing.TB, p *process) time.Duration {
	b.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.cmd.Process.Pid))
	if err != nil {
		b.Skipf("no /proc on this machine: %v", err)
	}
	fields := strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+1:]))
	const perTick = 10 * time.Millisecond // USER_HZ is 100 on every Linux that Go runs on
	var ticks int
	for _, field := range fields[11:13] {
		n, err := strconv.Atoi(field)
		if err != nil {
			b.Fatal(err)
		}
		ticks += n
	}
	return time.Duration(ticks) * perTick
}
