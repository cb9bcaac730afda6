package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/libp2p/go-libp2p/core/peer"
	"github.com/spf13/cobra"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/p2p"
)

func newBan(t *terminal, s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ban",
		Short: "list, add and lift bans of peers",
		Long: `A banned peer is disconnected, not let in and not dialled, until its time is over.
The node bans by itself who sends what only malice sends, for an hour and then for
longer. Bans are by peer id, never by address, and are kept over restarts.`,
		RunE: subcommand,
	}
	cmd.AddCommand(newBanList(t, s), newBanAdd(t, s), newBanRemove(t, s))
	return cmd
}

// banner is what the commands of bans share.
func banner(t *terminal, s *settings, cmd *cobra.Command, ask func(context.Context, *asker, *client.Client, []string) error) *cobra.Command {
	a := &asker{t: t, settings: s}
	a.command(cmd, func(ctx context.Context, c *client.Client, args []string) error {
		return tellToken(c, ask(ctx, a, c, args))
	})
	cmd.Flags().Var(s.flags["data-dir"], "data-dir", "the node's data directory, which holds its token")
	a.addToken(cmd.Flags())
	return cmd
}

// tellToken says how to give the token that the node wants.
func tellToken(c *client.Client, err error) error {
	var p *client.Problem
	if errors.As(err, &p) && p.Status == http.StatusUnauthorized && c.Token == "" {
		return usagef("the node at %s wants its token: name its data directory with --data-dir, or give the text of its api.token in %s", c.URL(), tokenVariable)
	}
	return err
}

func newBanList(t *terminal, s *settings) *cobra.Command {
	return banner(t, s, &cobra.Command{
		Use:   "list",
		Short: "list the bans in force of a running node",
		Args:  noArgs,
	}, func(ctx context.Context, a *asker, c *client.Client, _ []string) error {
		bans, err := c.Bans(ctx)
		switch {
		case err != nil:
			return err
		case a.json:
			return printJSON(t.out, bans)
		}
		return printBans(t, bans, time.Now())
	})
}

func printBans(t *terminal, bans []client.Ban, now time.Time) error {
	if len(bans) == 0 {
		_, err := fmt.Fprintln(t.out, "nobody is banned")
		return err
	}
	table := newTable(t.out, "PEER", "SINCE", "ENDS", "TIMES", "REASON")
	for _, b := range bans {
		times := "-"
		if b.Times > 0 {
			times = fmt.Sprint(b.Times)
		}
		table.row(b.ID, ago(now, b.Since), ago(now, b.Until), times, whyText(client.Peer{Reason: b.Reason, Detail: b.Detail}, now))
	}
	return table.flush()
}

func newBanAdd(t *terminal, s *settings) *cobra.Command {
	var lasts time.Duration
	var reason string
	cmd := banner(t, s, &cobra.Command{
		Use:   "add PEER",
		Short: "ban a peer by its peer id",
		Args:  between(1, 1, "PEER"),
	}, func(ctx context.Context, a *asker, c *client.Client, args []string) error {
		if err := checkBan(args[0], lasts, reason); err != nil {
			return err
		}
		ban, err := c.Ban(ctx, args[0], lasts, reason)
		switch {
		case err != nil:
			return err
		case a.json:
			return printJSON(t.out, ban)
		}
		_, err = fmt.Fprintf(t.out, "%s is banned until %s\n", ban.ID, ban.Until.Local().Format(time.DateTime))
		return err
	})
	cmd.Flags().DurationVar(&lasts, "for", 24*time.Hour, "how long, as 90m or 720h")
	cmd.Flags().StringVar(&reason, "reason", "", "`TEXT` that says why, for people")
	return cmd
}

func checkBan(id string, lasts time.Duration, reason string) error {
	switch {
	case lasts < time.Second || lasts > p2p.MaxBanByHand:
		return usagef("--for: want from 1s to %s, got %s", p2p.MaxBanByHand, lasts)
	case len(reason) > p2p.MaxBanDetail:
		return usagef("--reason: want at most %d bytes, got %d", p2p.MaxBanDetail, len(reason))
	}
	return checkPeerID(id)
}

func checkPeerID(id string) error {
	if _, err := peer.Decode(id); err != nil {
		return usagef("want a peer id like 12D3KooW…, as lp2pnode peers shows it, got %.100q", id)
	}
	return nil
}

func newBanRemove(t *terminal, s *settings) *cobra.Command {
	return banner(t, s, &cobra.Command{
		Use:     "remove PEER",
		Aliases: []string{"lift"},
		Short:   "lift the ban of a peer, whose record is clean then",
		Args:    between(1, 1, "PEER"),
	}, func(ctx context.Context, a *asker, c *client.Client, args []string) error {
		if err := checkPeerID(args[0]); err != nil {
			return err
		}
		lifted, err := c.Lift(ctx, args[0])
		switch {
		case err != nil:
			return err
		case !lifted:
			return fmt.Errorf("%s is not banned; lp2pnode ban list shows who is", args[0])
		case a.json:
			return printJSON(t.out, client.Lifted{ID: args[0], Lifted: lifted})
		}
		_, err = fmt.Fprintf(t.out, "%s is banned no more\n", args[0])
		return err
	})
}
