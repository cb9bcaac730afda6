package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestStoppingHasALimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		release := make(chan struct{})
		defer close(release)
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		err := within(ctx, stopTimeout, func(context.Context) error { <-release; return nil })
		if err == nil || !strings.Contains(err.Error(), "more than 5s") {
			t.Errorf("want an error that names the limit, got %v", err)
		}
		if took := time.Since(start); took != time.Second+stopTimeout {
			t.Errorf("want the end %s after the signal, got %s after the start", stopTimeout, took)
		}
	})
}

func TestCleanStopIsNoError(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := within(ctx, stopTimeout, func(ctx context.Context) error {
		<-ctx.Done()
		return unlessStopped(ctx, ctx.Err())
	})
	if err != nil {
		t.Errorf("want no error, got %v", err)
	}
}

func TestFailureWhileStoppingIsTold(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	failure := errors.New("disk")
	if err := within(ctx, stopTimeout, func(context.Context) error { return failure }); !errors.Is(err, failure) {
		t.Errorf("want %v, got %v", failure, err)
	}
}

func TestErrorsAreOneLine(t *testing.T) {
	var b strings.Builder
	code := report(t.Context(), &b, errors.New("dial:\n  * one\n\n  * two\n"))
	if want := "lp2pnode: dial:; * one; * two\n"; b.String() != want || code != exitFailure {
		t.Errorf("want %q and %d, got %q and %d", want, exitFailure, b.String(), code)
	}
	b.Reset()
	code = report(t.Context(), &b, problems{errors.New("one"), errors.New("two")}.asError())
	if want := "lp2pnode: one\nlp2pnode: two\n"; b.String() != want || code != exitWrongUse {
		t.Errorf("want %q and %d, got %q and %d", want, exitWrongUse, b.String(), code)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if code := report(ctx, &b, ctx.Err()); code != exitInterrupted {
		t.Errorf("want %d, got %d", exitInterrupted, code)
	}
}
