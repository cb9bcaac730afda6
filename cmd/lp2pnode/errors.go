package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	exitDone        = 0
	exitFailure     = 1
	exitWrongUse    = 2
	exitInterrupted = 130
)

// usageError is wrong use: the command line, the environment or a file that
// they name has to change before another try.
type usageError struct{ err error }

func (e usageError) Error() string { return e.err.Error() }
func (e usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// asUsage marks err, if there is one, as wrong use.
func asUsage(err error) error {
	if err == nil {
		return nil
	}
	return usageError{err}
}

// problems is everything that is wrong with a file, each with a line of its own.
type problems []error

func (p problems) Error() string { return errors.Join(p...).Error() }

// asError returns p as wrong use, or nil when there is none.
func (p problems) asError() error {
	if len(p) == 0 {
		return nil
	}
	return usageError{p}
}

// report prints err, a line for each of its problems, and returns the exit
// code.
func report(ctx context.Context, w io.Writer, err error) int {
	if err == nil {
		return exitDone
	}
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return exitInterrupted
	}
	lines := []error{err}
	if all := problems(nil); errors.As(err, &all) {
		lines = all
	}
	for _, line := range lines {
		fmt.Fprintf(w, "lp2pnode: %s\n", oneLine(line))
	}
	if errors.As(err, new(usageError)) {
		return exitWrongUse
	}
	return exitFailure
}

// oneLine makes an error's text one line, whatever libraries put in it.
func oneLine(err error) string {
	var parts []string
	for part := range strings.Lines(err.Error()) {
		if part = strings.TrimSpace(part); part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "; ")
}
