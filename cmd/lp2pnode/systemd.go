package main

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"github.com/lp2pnode/lp2pnode/node"
)

// statusEvery is how often a service manager hears how the node is.
const statusEvery = 10 * time.Second

// supervise tells systemd, where it started this process, that the node is
// ready, how it is, and that it is stopping; as its watchdog wants it, for as long
// as the node lives: one that is stuck is ended by systemd and started again.
func supervise(ctx context.Context, n *node.Node, log *slog.Logger) error {
	select {
	case <-ctx.Done():
		return nil
	case <-n.Ready():
	}
	if sent := tellManager(log, daemon.SdNotifyReady, statusLine(n)); !sent {
		return nil
	}
	period := statusEvery
	watchdog, err := daemon.SdWatchdogEnabled(false)
	if err != nil {
		log.Warn("no watchdog", "error", err)
	}
	if watchdog > 0 {
		period = min(period, watchdog/3)
	}
	tick := time.NewTicker(period)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			tellManager(log, daemon.SdNotifyStopping)
			return nil
		case <-tick.C:
			lines := []string{statusLine(n)}
			if alive := n.Alive(); !node.Fit(alive) {
				log.Error("the watchdog is not told that the node lives", "checks", fmt.Sprint(alive))
			} else if watchdog > 0 {
				lines = append(lines, daemon.SdNotifyWatchdog)
			}
			tellManager(log, lines...)
		}
	}
}

// tellManager sends one message to systemd, and reports whether it is there.
func tellManager(log *slog.Logger, lines ...string) bool {
	sent, err := daemon.SdNotify(false, strings.Join(lines, "\n"))
	if err != nil {
		log.Warn("the service manager could not be told", "error", err)
		return true // it is there, and may be so again
	}
	return sent
}

// reloading brackets what a reload does for systemd.
func reloading(log *slog.Logger, reload func()) {
	tellManager(log, daemon.SdNotifyReloading, daemon.SdNotifyMonotonicUsec())
	reload()
	tellManager(log, daemon.SdNotifyReady)
}

// statusLine is what `systemctl status` shows.
func statusLine(n *node.Node) string {
	tip := n.Ledger().Tip().Tip
	state := "ready"
	for _, c := range n.Checks() {
		if !c.OK {
			state = "not ready: " + c.Name + ": " + c.Detail
			break
		}
	}
	return fmt.Sprintf("STATUS=height %d, %d peers, %s", tip.Height, len(n.Network().Met()), strings.ReplaceAll(state, "\n", " "))
}
