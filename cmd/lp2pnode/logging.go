package main

import (
	"io"
	"log/slog"

	"github.com/libp2p/go-libp2p/gologshim"
)

// newLogger returns the node's logger, and gives libp2p's, which is one for
// the process, the same form; it speaks of errors only, unless all is wanted.
func newLogger(w io.Writer, o *options) *slog.Logger {
	theirs := slog.LevelError
	if o.logLevel <= slog.LevelDebug {
		theirs = slog.LevelDebug
	}
	gologshim.SetDefaultHandler(newHandler(w, o.logFormat, theirs))
	return slog.New(newHandler(w, o.logFormat, o.logLevel))
}

func newHandler(w io.Writer, format string, level slog.Level) slog.Handler {
	opts := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.NewJSONHandler(w, opts)
	}
	return slog.NewTextHandler(w, opts)
}
