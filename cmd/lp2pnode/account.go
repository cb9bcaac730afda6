package main

import (
	"context"
	"fmt"
	"net/url"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain"
)

func newAccount(t *terminal, s *settings) *cobra.Command {
	a := &asker{t: t, settings: s}
	ring := &keyring{t: t, settings: s}
	var address chain.Address
	cmd := a.command(&cobra.Command{
		Use:   "account [ADDRESS|KEY]",
		Short: "print an account's balance and next nonce (none: that of the only key, or default)",
		Args:  between(0, 1, "an ADDRESS or the name of a KEY"),
		PreRunE: func(_ *cobra.Command, args []string) (err error) {
			if len(args) > 0 {
				address, err = ring.address(args[0])
				return err
			}
			_, entry, err := ring.choose("")
			address = entry.Address
			return err
		},
	}, func(ctx context.Context, c *client.Client, _ []string) error {
		if a.json {
			return a.printRaw(ctx, c, "/v1/accounts/"+url.PathEscape(string(address)), nil)
		}
		account, err := c.Account(ctx, address)
		if err != nil {
			return err
		}
		return printAccount(t, account)
	})
	ring.addFlags(cmd.Flags())
	return cmd
}

func printAccount(t *terminal, a *client.Account) error {
	table := newTable(t.out)
	table.row("address", string(a.Address))
	table.row("balance", strconv.FormatUint(a.Balance, 10))
	table.row("nonce", strconv.FormatUint(a.Nonce, 10))
	table.row("next nonce", strconv.FormatUint(a.NextNonce, 10))
	table.row("pending", count(a.Pending, "transaction"))
	return table.flush()
}

const (
	defaultPool = 20
	maxPool     = 1000
)

func newPool(t *terminal, s *settings) *cobra.Command {
	a := &asker{t: t, settings: s}
	var limit int
	cmd := &cobra.Command{
		Use:   "pool",
		Short: "list the transactions that wait, as they would be mined, and the least fee",
		Args:  noArgs,
	}
	cmd.Flags().IntVar(&limit, "limit", defaultPool, "`N` transactions at most")
	return a.command(cmd, func(ctx context.Context, c *client.Client, _ []string) error {
		if limit < 0 || limit > maxPool {
			return usagef("--limit: want 0 to %d, got %d", maxPool, limit)
		}
		if a.json {
			return a.printRaw(ctx, c, "/v1/pool", url.Values{"limit": {strconv.Itoa(limit)}})
		}
		pool, err := c.Pool(ctx, limit, 0)
		if err != nil {
			return err
		}
		return printPool(t, pool, time.Now())
	})
}

func printPool(t *terminal, p *client.Pool, now time.Time) error {
	about := newTable(t.out)
	about.row("waiting", fmt.Sprintf("%s, %d bytes of memory", count(p.Count, "transaction"), p.Bytes))
	about.row("least fee", fmt.Sprintf("%d for 1,000 bytes", p.MinFee))
	if err := about.flush(); err != nil || len(p.Transactions) == 0 {
		return err
	}
	fmt.Fprintln(t.out)
	table := newTable(t.out, "TRANSACTION", "FROM", "NONCE", "TO", "AMOUNT", "FEE", "BYTES", "SEEN", "STATE")
	for _, e := range p.Transactions {
		tx, state := e.Transaction, "ready"
		if e.Waiting {
			state = "waits for an earlier one"
		}
		table.row(e.ID.String(), string(tx.From), strconv.FormatUint(tx.Nonce, 10), dash(string(tx.To)),
			strconv.FormatUint(tx.Amount, 10), strconv.FormatUint(tx.Fee, 10), strconv.Itoa(len(tx.Raw())), ago(now, e.Seen), state)
	}
	return table.flush()
}
