// Command bench runs the project's benchmarks and prints one table: ours, the
// reference that ran beside it, their ratio, the goal, met or missed. References
// are built by the benchmarks where their tools are present.
//
//	go run ./deploy/bench          all, some five minutes on a machine that does nothing else
//	go run ./deploy/bench -gate    those that need no quiet machine; fails when a goal is missed
//
// It is run in the root of the repository.
package main

import (
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"time"
)

func main() {
	gate := flag.Bool("gate", false, "run what needs no quiet machine, and fail when a goal of it is missed")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	missed, err := run(ctx, os.Stdout, *gate)
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
	if *gate && missed > 0 {
		fmt.Fprintf(os.Stderr, "bench: %d goals missed\n", missed)
		os.Exit(1)
	}
}

// run prints the table and returns how many goals were missed.
func run(ctx context.Context, out io.Writer, gate bool) (missed int, err error) {
	suites := stable()
	if !gate {
		suites = append(suites, whole()...)
	}
	fmt.Fprintf(out, "%s, %s/%s, %d processors, %s, commit %s, %s\n\n", processor(), runtime.GOOS, runtime.GOARCH,
		runtime.NumCPU(), runtime.Version(), commit(ctx), time.Now().UTC().Format(time.DateTime))
	fmt.Fprintln(out, "| | ours | reference | ratio | goal | |")
	fmt.Fprintln(out, "|---|---|---|---|---|---|")
	for _, s := range suites {
		metrics, err := measure(ctx, s)
		if err != nil {
			return missed, err
		}
		for _, r := range s.rows {
			if gate {
				r = r.slack()
			}
			verdict := r.verdict(metrics[r.run])
			if strings.HasPrefix(verdict, "missed") {
				missed++
			}
			fmt.Fprintln(out, r.line(metrics[r.run], verdict))
		}
	}
	return missed, nil
}

// measure runs a suite and returns the metrics of each benchmark by unit.
func measure(ctx context.Context, s suite) (map[string]map[string]float64, error) {
	cmd := exec.CommandContext(ctx, "go", "test", "-run", "^$", "-bench", s.bench, "-benchtime", s.time, "-timeout", "20m", s.dir)
	var text bytes.Buffer
	cmd.Stdout, cmd.Stderr = &text, &text
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("go test -bench '%s' %s: %w\n%s", s.bench, s.dir, err, &text)
	}
	return parse(text.String()), nil
}

var resultLine = regexp.MustCompile(`(?m)^(Benchmark\S+?)(?:-\d+)?\s+\d+\s+(.*)$`)

// parse reads what go test prints of benchmarks.
func parse(text string) map[string]map[string]float64 {
	all := map[string]map[string]float64{}
	for _, m := range resultLine.FindAllStringSubmatch(text, -1) {
		metrics, fields := map[string]float64{}, strings.Fields(m[2])
		for i := 0; i+1 < len(fields); i += 2 {
			if v, err := strconv.ParseFloat(fields[i], 64); err == nil {
				metrics[fields[i+1]] = v
			}
		}
		all[m[1]] = metrics
	}
	return all
}

// slack lowers a goal by a fifth: the gate is to find what broke, not a noisy
// neighbour.
func (r row) slack() row {
	r.least, r.most = r.least*0.8, r.most*1.25
	if r.gate > 0 {
		r.least = r.gate
	}
	return r
}

// verdict says whether the goal was met. A benchmark that printed nothing, and
// not for want of what a machine may lack, is a goal missed.
func (r row) verdict(metrics map[string]float64) string {
	unit := r.ratio
	if unit == "" {
		unit = r.ours
	}
	v, measured := metrics[unit]
	switch {
	case !measured && r.needs != "":
		return "not measured: needs " + r.needs
	case !measured:
		return "missed: not measured"
	case r.least > 0 && v < r.least, r.most > 0 && v > r.most:
		return "missed"
	}
	return "met"
}

func (r row) line(metrics map[string]float64, verdict string) string {
	goal := ""
	switch {
	case r.least > 0:
		goal = "≥ " + number(r.least)
	case r.most > 0:
		goal = "≤ " + number(r.most)
	}
	ratio := cell(metrics, r.ratio)
	if ours, reference := metrics[r.ours], metrics[r.reference]; r.ratio == "" && reference > 0 {
		ratio = number(ours / reference)
	}
	return fmt.Sprintf("| %s | %s | %s | %s | %s | %s |", r.what, cell(metrics, r.ours), cell(metrics, r.reference), ratio, goal, verdict)
}

func cell(metrics map[string]float64, unit string) string {
	if v, ok := metrics[unit]; ok {
		return number(v)
	}
	return ""
}

// number writes three digits that count, or all of a whole number.
func number(v float64) string {
	switch {
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	}
	return strconv.FormatFloat(v, 'f', 2, 64)
}

func commit(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "describe", "--always", "--dirty").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// processor names the machine's processor where Linux tells it.
func processor() string {
	raw, _ := os.ReadFile("/proc/cpuinfo") // elsewhere there is none
	if _, rest, found := strings.Cut(string(raw), "model name"); found {
		name, _, _ := strings.Cut(strings.TrimLeft(rest, "\t :"), "\n")
		return name
	}
	return "processor unknown"
}
