package main

import (
	"bytes"
	"strings"
	"testing"
	"time"
)

func TestBarTellsHowFarAndHowLong(t *testing.T) {
	cells := func(full int) string {
		return "[" + strings.Repeat("#", full) + strings.Repeat(".", barCells-full) + "]"
	}
	for _, row := range []struct {
		done, total uint64
		took        time.Duration
		want        string
	}{
		{0, 100, 0, cells(0) + " 0%"},
		{0, 100, time.Hour, cells(0) + " 0%"},
		{50, 100, time.Second - 1, cells(12) + " 50%"},
		{50, 100, time.Second, cells(12) + " 50%, about 1s left"},
		{1, 3, 10 * time.Second, cells(8) + " 33%, about 20s left"},
		{99, 100, 99 * time.Minute, cells(23) + " 99%, about 1m0s left"},
		{100, 100, time.Minute, cells(24) + " 100%, about 0s left"},
		{101, 100, time.Minute, cells(24) + " 100%, about 0s left"}, // the chain has grown
	} {
		if got := barText("verify", row.done, row.total, row.took); got != "verify "+row.want {
			t.Errorf("%d of %d after %s: want %q, got %q", row.done, row.total, row.took, "verify "+row.want, got)
		}
	}
}

// TestBarShowsTheFirstAndTheLastAndNotEachBetween: nor anything of nothing.
func TestBarShowsTheFirstAndTheLastAndNotEachBetween(t *testing.T) {
	var b bytes.Buffer
	work := &bar{line: &progress{to: &b, width: 80}, what: "import", began: time.Now()}
	work.show(0, 0)
	for done := range uint64(1000) {
		work.show(done+1, 1000)
	}
	work.end()
	if lines := strings.Count(b.String(), "import ["); lines < 2 || lines > 100 {
		t.Errorf("want two lines, or a few more on a slow machine, got %d", lines)
	}
	if !strings.HasPrefix(b.String(), "\r\x1b[Kimport [........................] 0%") || !strings.HasSuffix(b.String(), "[########################] 100%\r\x1b[K") {
		t.Errorf("got %q", b.String())
	}
}
