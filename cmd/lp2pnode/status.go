package main

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lp2pnode/lp2pnode/api/client"
)

func newStatus(t *terminal, s *settings) *cobra.Command {
	a := &asker{t: t, settings: s}
	return a.command(&cobra.Command{
		Use:   "status",
		Short: "print what a running node says of itself (exit 0: it answers)",
		Args:  noArgs,
	}, func(ctx context.Context, c *client.Client, _ []string) error {
		if a.json {
			return a.printRaw(ctx, c, "/v1/status", nil)
		}
		status, err := c.Status(ctx)
		if err != nil {
			return err
		}
		return printStatus(t, status, time.Now())
	})
}

func printStatus(t *terminal, s *client.Status, now time.Time) error {
	table := newTable(t.out)
	table.row("chain", s.ChainID)
	table.row("genesis", s.Genesis.String())
	table.row("height", strconv.FormatUint(s.Height, 10))
	table.row("tip", s.Tip.String())
	table.row("tip time", moment(s.TipTime)+", "+ago(now, time.UnixMilli(int64(s.TipTime))))
	table.row("work", s.Work.String())
	table.row("difficulty", strconv.FormatUint(s.Difficulty, 10))
	table.row("peers", strconv.Itoa(s.Peers))
	table.row("synced", syncText(s))
	table.row("mining", miningText(s))
	table.row("pool", count(s.Pool, "transaction"))
	table.row("clock", clockText(s))
	table.row("disk", diskText(s))
	table.row("agent", s.Agent)
	table.row("peer id", s.PeerID)
	for i, addr := range s.Addresses {
		name := "addresses"
		if i > 0 {
			name = ""
		}
		table.row(name, addr)
	}
	if len(s.SeenAs) > 0 {
		table.row("seen as", strings.Join(s.SeenAs, ", "))
	}
	table.row("started", s.Started.Local().Format(time.DateTime)+", "+ago(now, s.Started))
	return table.flush()
}

func clockText(s *client.Status) string {
	if s.Peers == 0 {
		return "no peer to compare with"
	}
	if s.TimeOff != "" {
		return s.TimeOff
	}
	return fmt.Sprintf("%+d ms to the peers' median", s.TimeOffset)
}

func diskText(s *client.Status) string {
	switch {
	case s.WritesHeld != "":
		return "nothing is written: " + s.WritesHeld
	case s.DiskFree == 0:
		return "in memory"
	}
	return fmt.Sprintf("%d MiB free", s.DiskFree>>20)
}

func syncText(s *client.Status) string {
	switch {
	case s.Synced:
		return "yes"
	case s.SyncTarget > 0:
		return fmt.Sprintf("no, at %d of %d", s.Height, s.SyncTarget)
	}
	return "no"
}

func miningText(s *client.Status) string {
	switch {
	case s.Mining:
		return fmt.Sprintf("yes, %s for %s", rate(s.Hashrate), s.Miner)
	case s.MiningHeld != "":
		return "not now: " + s.MiningHeld
	}
	return "off (mine = false)"
}

// rate shows hashes per second.
func rate(perSecond float64) string {
	for _, unit := range []struct {
		size float64
		name string
	}{{1e9, "GH/s"}, {1e6, "MH/s"}, {1e3, "kH/s"}} {
		if perSecond >= unit.size {
			return fmt.Sprintf("%.2f %s", perSecond/unit.size, unit.name)
		}
	}
	return fmt.Sprintf("%.0f H/s", perSecond)
}

// ago shows the time from then to now in its two greatest units.
func ago(now, then time.Time) string {
	d := now.Sub(then).Round(time.Second)
	if d < 0 {
		return "in " + (-d).String()
	}
	if d >= 48*time.Hour {
		return fmt.Sprintf("%d days ago", int(d.Hours()/24))
	}
	if d >= time.Hour {
		return fmt.Sprintf("%dh%dm ago", int(d.Hours()), int(d.Minutes())%60)
	}
	return d.String() + " ago"
}
