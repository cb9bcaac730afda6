package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain"
)

func newTx(t *terminal, s *settings) *cobra.Command {
	a := &asker{t: t, settings: s}
	var confirmations uint64
	p := patience{unknown: unknownGrace}
	cmd := &cobra.Command{
		Use:   "tx ID",
		Short: "say where a transaction is, or wait until it is deep in the chain",
		Long: `tx prints a transaction's one state: pending, included (in which block, with how
many confirmations), replaced, expired or unknown. With --wait it goes on until
the transaction has that many confirmations, its own block being the first, and
fails as soon as it was replaced or has left the pool, the --timeout is over, or the
node has not known the transaction for 30 seconds. Without --wait an unknown one is a failure too,
unless it is told as --json.`,
		Args: between(1, 1, "ID (of a transaction)"),
		RunE: func(cmd *cobra.Command, args []string) error {
			id, err := parseID(args[0])
			if err != nil {
				return err
			}
			if cmd.Flags().Changed("wait") && confirmations == 0 {
				return usagef("--wait: want 1 confirmation or more, got 0")
			}
			if p.whole < 0 || (p.whole > 0 && confirmations == 0) {
				return usagef("--timeout: want how long to --wait, 0 for no limit, got %s", p.whole)
			}
			c, err := a.client()
			if err != nil {
				return err
			}
			if confirmations > 0 {
				if err := a.wait(cmd.Context(), c, id, confirmations, p); err != nil {
					return err
				}
			}
			_, err = patiently(cmd.Context(), c, func(ctx context.Context, c *client.Client) (struct{}, error) {
				return struct{}{}, a.tellTx(ctx, c, id)
			})
			return err
		},
	}
	cmd.Flags().Uint64Var(&confirmations, "wait", 0, "wait until it has so many `CONFIRMATIONS`")
	cmd.Flags().DurationVar(&p.whole, "timeout", 0, "with --wait: give up after `DURATION` like 10m (0: never)")
	a.addFlags(cmd.Flags())
	return cmd
}

// parseID reads the id of a transaction from the command line.
func parseID(s string) (chain.Hash, error) {
	id, err := chain.ParseHash(s)
	if err != nil {
		return id, usagef("want a transaction's id of 64 lowercase hex digits, got %.80q", s)
	}
	return id, nil
}

func (a *asker) tellTx(ctx context.Context, c *client.Client, id chain.Hash) error {
	if a.json {
		return a.printRaw(ctx, c, "/v1/transactions/"+id.String(), nil)
	}
	s, err := c.Transaction(ctx, id)
	if err != nil {
		return err
	}
	if err := printTx(a.t.out, s); err != nil {
		return err
	}
	if s.State == client.StateUnknown {
		return fmt.Errorf("the node at %s does not know transaction %s: neither its pool nor its chain has it", c.URL(), id)
	}
	return nil
}

func printTx(w io.Writer, s *client.TxStatus) error {
	table := newTable(w)
	table.row("transaction", s.ID.String())
	table.row("state", txText(s))
	if in := s.Included; in != nil {
		table.row("block", fmt.Sprintf("%d, %s", in.Height, in.Block))
		table.row("index", strconv.FormatUint(in.Index, 10))
	}
	if s.ReplacedBy != (chain.Hash{}) {
		table.row("replaced by", s.ReplacedBy.String())
	}
	if s.Detail != "" {
		table.row("why", s.Detail)
	}
	if !s.Transaction.IsZero() {
		tx := s.Transaction
		table.row("from", string(tx.From))
		table.row("to", dash(string(tx.To)))
		table.row("amount", strconv.FormatUint(tx.Amount, 10))
		table.row("fee", strconv.FormatUint(tx.Fee, 10))
		table.row("nonce", strconv.FormatUint(tx.Nonce, 10))
		table.row("data", dash(beginning(tx.Data, 400)))
	}
	return table.flush()
}

// txText shows a transaction's state and how far it is.
func txText(s *client.TxStatus) string {
	switch {
	case s.Included != nil:
		return fmt.Sprintf("%s, %s", s.State, count(int(s.Included.Confirmations), "confirmation"))
	case s.Pending != nil && s.Pending.Waiting:
		return fmt.Sprintf("%s, for an earlier one of its sender", s.State)
	case s.Pending != nil:
		return fmt.Sprintf("%s, %d before it", s.State, s.Pending.Position)
	}
	return string(s.State)
}
