package main

import "testing"

const sample = `goos: linux
BenchmarkScan/kernel-2         	      10	 123 ns/op	        66.20 MH/s	         6.000 of-Sum256
BenchmarkOne 	 1	 5.5 p50-ms
some log line
BenchmarkTwo-16	 1	 0 ns/op	 7000 per-s	 10000 composed-per-s
`

func TestResultsAreRead(t *testing.T) {
	metrics := parse(sample)
	for _, row := range []struct {
		run, unit string
		want      float64
	}{
		{"BenchmarkScan/kernel", "MH/s", 66.2},
		{"BenchmarkScan/kernel", "of-Sum256", 6},
		{"BenchmarkOne", "p50-ms", 5.5},
		{"BenchmarkTwo", "per-s", 7000},
	} {
		if got := metrics[row.run][row.unit]; got != row.want {
			t.Errorf("%s %s is %v, want %v", row.run, row.unit, got, row.want)
		}
	}
}

func TestGoalsAreMetOrMissedOrNotMeasured(t *testing.T) {
	metrics := parse(sample)
	for _, c := range []struct {
		row  row
		want string
	}{
		{row{what: "a", run: "BenchmarkScan/kernel", ours: "MH/s", ratio: "of-Sum256", least: 5}, "| a | 66.2 |  | 6.00 | ≥ 5.00 | met |"},
		{row{what: "a", run: "BenchmarkScan/kernel", ours: "MH/s", ratio: "of-C", least: 0.9, needs: "gcc"}, "| a | 66.2 |  |  | ≥ 0.90 | not measured: needs gcc |"},
		{row{what: "a", run: "BenchmarkOne", ours: "p50-ms", most: 5}, "| a | 5.50 |  |  | ≤ 5.00 | missed |"},
		{row{what: "a", run: "BenchmarkTwo", ours: "per-s", reference: "composed-per-s", least: 6000}, "| a | 7000 | 10000 | 0.70 | ≥ 6000 | met |"},
		{row{what: "a", run: "BenchmarkNone", ours: "per-s", least: 1}, "| a |  |  |  | ≥ 1.00 | missed: not measured |"},
	} {
		got := metrics[c.row.run]
		if line := c.row.line(got, c.row.verdict(got)); line != c.want {
			t.Errorf("printed %s, want %s", line, c.want)
		}
	}
}

// TestEachRowHasOneGoal: at least so much, or at most.
func TestEachRowHasOneGoal(t *testing.T) {
	for _, s := range append(stable(), whole()...) {
		for _, r := range s.rows {
			if (r.least > 0) == (r.most > 0) {
				t.Errorf("%s: want one goal", r.what)
			}
		}
	}
}
