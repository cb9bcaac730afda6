package sim

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// events is a slog.Handler for all nodes of a Sim: it keeps what was logged as
// an error, which no node should, and passes on what is to be seen.
type events struct {
	level slog.Level // of what is passed on
	print func(string)

	mu     *sync.Mutex
	errors *[]string // guarded by mu
	began  time.Time
	prefix string
}

func newEvents(level slog.Level, print func(string)) *events {
	return &events{level: level, print: print, mu: new(sync.Mutex), errors: new([]string), began: time.Now()}
}

// of returns the handler of one node.
func (e events) of(name string) *slog.Logger {
	e.prefix = name
	return slog.New(&e)
}

// Enabled implements slog.Handler.
func (e *events) Enabled(_ context.Context, l slog.Level) bool {
	return l >= min(e.level, slog.LevelError)
}

// Handle implements slog.Handler.
func (e *events) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%10.3fs %s %s %s", time.Since(e.began).Seconds(), e.prefix, r.Level, r.Message)
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
		return true
	})
	if r.Level >= e.level {
		e.print(b.String())
	}
	if r.Level >= slog.LevelError {
		e.mu.Lock()
		defer e.mu.Unlock()
		*e.errors = append(*e.errors, b.String())
	}
	return nil
}

// WithAttrs implements slog.Handler.
func (e *events) WithAttrs(attrs []slog.Attr) slog.Handler {
	with := *e
	with.prefix += fmt.Sprint(" ", attrs)
	return &with
}

// WithGroup implements slog.Handler.
func (e *events) WithGroup(string) slog.Handler { return e }

func (e *events) wrong() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), *e.errors...)
}
