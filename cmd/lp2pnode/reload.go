package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"golang.org/x/term"

	"github.com/lp2pnode/lp2pnode/node"
)

// reloadable returns the names of the settings that SIGHUP puts into force.
func reloadable() []string {
	return []string{"bootstrap", "max-hashrate", "min-fee", "min-free-mib", "log-level"}
}

// reloader puts a changed configuration file into force while the node runs.
type reloader struct {
	settings *settings
	log      *slog.Logger
	setLevel func(slog.Level)
	inForce  map[string]given
}

// run reloads at each SIGHUP until ctx ends. It returns errHungUp when the signal
// says that the terminal is gone.
func (r *reloader) run(ctx context.Context, n *node.Node, tty terminalOf) error {
	hangups := make(chan os.Signal, 1)
	signal.Notify(hangups, syscall.SIGHUP)
	defer signal.Stop(hangups)
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hangups:
			if tty.gone() {
				return errHungUp
			}
			reloading(r.log, func() { r.reload(n) })
		}
	}
}

// reload reads the file again. A mistake in it is told and changes nothing.
func (r *reloader) reload(n *node.Node) {
	o, now, err := r.settings.options()
	if err == nil {
		err = n.Reload(o.node)
	}
	if err != nil {
		r.log.Error("configuration not reloaded, the old one stays in force", "error", oneLine(err))
		return
	}
	r.setLevel(o.logLevel)
	changed := []string{}
	for _, row := range r.settings.table {
		old, wanted := r.inForce[row.name], now[row.name]
		switch {
		case slices.Equal(old.values, wanted.values):
		case slices.Contains(reloadable(), row.name):
			changed = append(changed, row.name)
			r.inForce[row.name] = wanted
		default:
			r.log.Warn("this setting takes a restart", "setting", row.name,
				"in_force", row.show(old.values), "configured", row.show(wanted.values), "source", wanted.where)
		}
	}
	r.log.Info("configuration reloaded", "changed", changed)
}

// errHungUp ends a node whose terminal is gone, like a signal to end.
var errHungUp = errors.New("the terminal is gone")

// terminalOf is the terminal that a program was started from, if any.
type terminalOf struct{ fd int }

// findTerminal returns the terminal behind in, if it is one.
func findTerminal(in io.Reader) terminalOf {
	if f, ok := in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		return terminalOf{int(f.Fd())}
	}
	return terminalOf{-1}
}

// gone tells whether there was a terminal, and there is none any more.
func (t terminalOf) gone() bool { return t.fd >= 0 && !term.IsTerminal(t.fd) }
