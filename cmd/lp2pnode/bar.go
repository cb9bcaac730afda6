package main

import (
	"fmt"
	"strings"
	"time"
)

// bar shows on a terminal how far some work is, and when it may be done.
type bar struct {
	line  *progress
	what  string
	began time.Time
	shown time.Time
}

const (
	barCells = 24
	barEvery = 100 * time.Millisecond // as often as the eye follows
)

func (t *terminal) bar(what string) *bar {
	return &bar{line: t.progress(), what: what, began: time.Now()}
}

// show tells that so much of a total is done.
func (b *bar) show(done, total uint64) {
	if now := time.Now(); b.line.shown() && total > 0 && (done >= total || now.Sub(b.shown) >= barEvery) {
		b.shown = now
		b.line.show(barText(b.what, done, total, now.Sub(b.began)))
	}
}

func (b *bar) end() { b.line.end() }

// barText is the line of a bar after so long.
func barText(what string, done, total uint64, took time.Duration) string {
	done = min(done, total)
	full := int(barCells * done / total)
	text := fmt.Sprintf("%s [%s%s] %d%%", what, strings.Repeat("#", full), strings.Repeat(".", barCells-full), 100*done/total)
	if done == 0 || took < time.Second {
		return text
	}
	left := time.Duration(float64(took) / float64(done) * float64(total-done))
	return fmt.Sprintf("%s, about %s left", text, left.Round(time.Second))
}
