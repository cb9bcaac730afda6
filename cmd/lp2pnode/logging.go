package main

import (
	"io"
	"log/slog"

	"github.com/libp2p/go-libp2p/gologshim"
)

// newLogger returns the node's logger and how to change its level, and gives
// libp2p's, which is one for the process, the same form; it speaks of errors
// only, unless all is wanted.
func newLogger(w io.Writer, o *options) (log *slog.Logger, setLevel func(slog.Level)) {
	ours, theirs := new(slog.LevelVar), new(slog.LevelVar)
	setLevel = func(level slog.Level) {
		ours.Set(level)
		theirs.Set(slog.LevelError)
		if level <= slog.LevelDebug {
			theirs.Set(slog.LevelDebug)
		}
	}
	setLevel(o.logLevel)
	gologshim.SetDefaultHandler(newHandler(w, o.logFormat, theirs))
	return slog.New(newHandler(w, o.logFormat, ours)), setLevel
}

func newHandler(w io.Writer, format string, level slog.Leveler) slog.Handler {
	opts := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.NewJSONHandler(w, opts)
	}
	return slog.NewTextHandler(w, opts)
}
