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

func newPeers(t *terminal, s *settings) *cobra.Command {
	a := &asker{t: t, settings: s}
	return a.command(&cobra.Command{
		Use:   "peers",
		Short: "list a running node's peers, and why others are gone or were refused",
		Args:  noArgs,
	}, func(ctx context.Context, c *client.Client, _ []string) error {
		if a.json {
			return a.printRaw(ctx, c, "/v1/peers", nil)
		}
		peers, err := c.Peers(ctx)
		if err != nil {
			return err
		}
		return printPeers(t, peers, time.Now())
	})
}

func printPeers(t *terminal, peers []client.Peer, now time.Time) error {
	if len(peers) == 0 {
		_, err := fmt.Fprintln(t.out, "no peers yet")
		return err
	}
	table := newTable(t.out, "PEER", "STATE", "SINCE", "HEIGHT", "LATENCY", "ADDRESS", "AGENT", "REASON")
	for _, p := range peers {
		height, latency := "-", "-"
		if p.Agent != "" {
			height = strconv.FormatUint(p.Height, 10)
		}
		if p.Latency > 0 {
			latency = fmt.Sprintf("%.1f ms", p.Latency)
		}
		table.row(p.ID, string(p.State), ago(now, p.Since), height, latency, dash(p.Address), dash(p.Agent), whyText(p, now))
	}
	return table.flush()
}

// whyText says why a peer is gone, refused, or left alone for now.
func whyText(p client.Peer, now time.Time) string {
	text := p.Reason
	if p.Detail != "" && p.Detail != p.Reason {
		text = strings.TrimPrefix(text+": "+p.Detail, ": ")
	}
	if now.Before(p.BannedUntil) {
		text += "; the ban ends " + ago(now, p.BannedUntil)
	}
	if text == "" {
		text = lastDeed(p, now)
	}
	if now.Before(p.PausedUntil) {
		pause := "nothing is fetched from it for " + p.PausedUntil.Sub(now).Round(time.Second).String()
		if p.PauseReason != "" {
			pause += ": " + p.PauseReason
		}
		text = strings.TrimPrefix(text+"; "+pause, "; ")
	}
	return text
}

// lastDeed says what was last done about a peer that is here now, if anything:
// why it is left alone comes with its pause.
func lastDeed(p client.Peer, now time.Time) string {
	if len(p.Deeds) == 0 {
		return ""
	}
	d := p.Deeds[len(p.Deeds)-1]
	if d.Act == "paused" && now.Before(p.PausedUntil) {
		return ""
	}
	text := d.Act + " " + ago(now, d.At)
	if d.Times > 1 {
		text += fmt.Sprintf(", %d times", d.Times)
	}
	return text + ": " + d.Reason
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
