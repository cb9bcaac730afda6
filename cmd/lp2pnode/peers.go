package main

import (
	"context"
	"fmt"
	"strconv"
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
		peers, err := c.Peers(ctx)
		if err != nil {
			return err
		}
		if a.json {
			return printJSON(t.out, peers)
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
		table.row(p.ID, string(p.State), ago(now, p.Since), height, latency, dash(p.Address), dash(p.Agent), p.Reason)
	}
	return table.flush()
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}
