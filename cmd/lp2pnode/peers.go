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
	if now.Before(p.PausedUntil) {
		pause := "nothing is fetched from it for " + p.PausedUntil.Sub(now).Round(time.Second).String()
		if p.PauseReason != "" {
			pause += ": " + p.PauseReason
		}
		text = strings.TrimPrefix(text+"; "+pause, "; ")
	}
	return text
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
