package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain"
)

func newReceipt(t *terminal, s *settings) *cobra.Command {
	a := &asker{t: t, settings: s}
	var out string
	cmd := &cobra.Command{
		Use:   "receipt TXID",
		Short: "print what proves a transaction to somebody without a node",
		Long: `receipt asks a running node for the receipt of a transaction, canonical JSON with
which lp2pnode verify, and whoever else knows the hash of one block, can check
that the transaction stands in the chain. It can be had one block after the one
that holds the transaction.`,
		Args: between(1, 1, "TXID (the id of a transaction)"),
	}
	cmd.Flags().StringVar(&out, "out", "", "new `FILE` to write (none: standard output)")
	return a.command(cmd, func(ctx context.Context, c *client.Client, args []string) error {
		id, err := parseID(args[0])
		if err != nil {
			return err
		}
		r, err := c.Receipt(ctx, id)
		if err != nil {
			return err
		}
		if out == "" {
			_, err := t.out.Write(append(r.Canonical(), '\n'))
			return err
		}
		if err := writeNew(out, r.Canonical()); errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s exists: choose another name or remove it", out)
		} else if err != nil {
			return err
		}
		if a.json {
			return printJSON(t.out, written{out, id, r.Tip.Cursor()})
		}
		_, err = fmt.Fprintf(t.out, "wrote %s: transaction %s in block %d, against block %d\nWho trusts that block's hash checks it: lp2pnode verify %s --trust %s\n",
			out, id, r.Header.Height, r.Tip.Height, shellWord(out), r.Tip.Hash)
		return err
	})
}

// written is what --json prints of a receipt that went into a file.
type written struct {
	File        string       `json:"file"`
	Transaction chain.Hash   `json:"transaction"`
	Tip         chain.Cursor `json:"tip"`
}
