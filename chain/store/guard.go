package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"strings"
	"sync"

	"github.com/cockroachdb/pebble/v2"
)

// guard turns Pebble's ways to fail into one: from the first failure on the
// database does not touch the disk any more, as if the machine had lost power
// at that moment, and every call answers with an error that wraps ErrBroken.
//
// Pebble fails in four ways. A commit whose log cannot be synced calls
// Logger.Fatalf on the caller's goroutine, with the batch already visible to
// readers. A manifest that cannot be written calls it on a goroutine of
// Pebble's, where a panic of ours would end the process. A log that cannot be
// rotated panics while it unlocks a lock that it does not hold, which no
// recover survives; disk keeps that from happening. A flush that cannot be
// written is reported as a background error and tried again, at once and for
// ever, while commits wait for it.
//
// A merge of tables that cannot be written is no failure of the store, though
// Pebble reports it as that of a flush (disk tells the two apart, by mergeError):
// it has changed nothing, what it had written is removed, and Pebble tries again
// by itself. It is what a disk that fills up refuses first, since it takes the
// most room. Only when commits have to wait for merges that fail has the store
// failed: they would wait for ever.
//
// Fatalf must not return, so it ends its goroutine, as a crash would; calls
// into Pebble that can meet it are made on goroutines of their own, by run,
// and those that still wait for a Pebble that has failed are left behind.
type guard struct {
	log    *slog.Logger
	broken chan struct{} // closed at the first failure
	once   sync.Once
	err    error // wraps ErrBroken; written before broken is closed
	cut    func()

	mu    sync.Mutex
	merge error // why the last merge of tables failed; nil if it did not; guarded by mu
	stall bool  // commits wait for merges; guarded by mu
}

func newGuard(log *slog.Logger) *guard {
	return &guard{log: log, broken: make(chan struct{}), cut: func() {}}
}

// fail records the first failure and cuts Pebble off from the disk.
func (g *guard) fail(cause error) {
	if g.abandon(cause) {
		g.log.Error("store broken", "error", cause)
	}
}

// abandon is fail without a word, and tells whether it was the first.
func (g *guard) abandon(cause error) (first bool) {
	g.once.Do(func() {
		g.err = fmt.Errorf("%w: %w", ErrBroken, cause)
		g.cut()
		close(g.broken)
		first = true
	})
	return first
}

// check returns nil while nothing has failed.
func (g *guard) check() error {
	select {
	case <-g.broken:
		return g.err
	default:
		return nil
	}
}

// run calls f, which calls Pebble, and returns when f has returned or Pebble
// has failed.
func (g *guard) run(f func() error) error {
	done := make(chan error, 1)
	go func() {
		defer func() {
			if p := recover(); p != nil {
				g.fail(fmt.Errorf("pebble: %v", p))
			}
		}()
		done <- f()
	}()
	select {
	case err := <-done:
		if broken := g.check(); broken != nil {
			return broken
		}
		return err
	case <-g.broken:
		return g.err
	}
}

// Infof implements pebble.Logger.
func (g *guard) Infof(format string, args ...any) {
	if g.log.Enabled(context.Background(), slog.LevelDebug) {
		g.log.Debug("pebble", "text", strings.TrimSpace(fmt.Sprintf(format, args...)))
	}
}

// Errorf implements pebble.Logger.
func (g *guard) Errorf(format string, args ...any) {
	g.log.Warn("pebble", "text", strings.TrimSpace(fmt.Sprintf(format, args...)))
}

// fatal is what Pebble logged as such; it wraps the errors that were printed.
type fatal struct {
	text   string
	causes []error
}

func (f *fatal) Error() string   { return f.text }
func (f *fatal) Unwrap() []error { return f.causes }

// Fatalf implements pebble.Logger and does not return.
func (g *guard) Fatalf(format string, args ...any) {
	f := &fatal{text: fmt.Sprintf(format, args...)}
	for _, arg := range args {
		if err, ok := arg.(error); ok {
			f.causes = append(f.causes, err)
		}
	}
	g.fail(f)
	runtime.Goexit()
}

// merged notes how a merge of tables ended. Of a database that is cut off from
// the disk it does not return: Pebble would try again, at once and for ever.
func (g *guard) merged(err error) {
	if g.check() != nil {
		runtime.Goexit()
	}
	if errors.Is(err, pebble.ErrCancelledCompaction) {
		return
	}
	g.mu.Lock()
	before := g.merge
	g.merge = err
	g.mu.Unlock()
	g.endless()
	switch {
	case err != nil && before == nil:
		g.log.Warn("store cannot merge its tables for now", "error", err)
	case err == nil && before != nil:
		g.log.Info("store merges its tables again")
	}
}

// mergeFailure returns why the last merge of tables failed, or nil.
func (g *guard) mergeFailure() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.merge
}

// stalled notes whether commits wait for merges.
func (g *guard) stalled(stall bool) {
	g.mu.Lock()
	g.stall = stall
	g.mu.Unlock()
	g.endless()
}

// endless fails when commits wait for what cannot be done.
func (g *guard) endless() {
	g.mu.Lock()
	failed, stall := g.merge, g.stall
	g.mu.Unlock()
	if stall && failed != nil {
		g.fail(fmt.Errorf("commits wait for merges of tables: %w", failed))
	}
}

// events returns what of Pebble's events concerns people or the guard.
func (g *guard) events() *pebble.EventListener {
	return &pebble.EventListener{
		BackgroundError: func(err error) {
			if pebble.IsCorruptionError(err) {
				return // told by DataCorruption; what can still be read stays readable
			}
			if errors.As(err, new(*mergeError)) {
				return // told by CompactionEnd
			}
			g.fail(fmt.Errorf("background: %w", err))
		},
		CompactionEnd: func(info pebble.CompactionInfo) { g.merged(info.Err) },
		DataCorruption: func(info pebble.DataCorruptionInfo) {
			g.log.Error("store damaged", "file", info.Path, "error", info.Details)
		},
		WriteStallBegin: func(info pebble.WriteStallBeginInfo) {
			g.log.Debug("store write stall", "reason", info.Reason)
			g.stalled(strings.HasPrefix(info.Reason, "L0"))
		},
		WriteStallEnd: func() { g.stalled(false) },
	}
}
