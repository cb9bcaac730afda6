package main

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain"
)

const (
	defaultBlocks = 20
	maxBlocks     = 100_000
)

func newBlocks(t *terminal, s *settings) *cobra.Command {
	a := &asker{t: t, settings: s}
	var from, limit uint64
	cmd := &cobra.Command{
		Use:   "blocks",
		Short: "list the newest blocks of a running node, or those from a height on",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) > 0 {
				return usagef("blocks takes no arguments, got %.60q: --from HEIGHT says where to begin, --limit N how many to list", args[0])
			}
			return nil
		},
	}
	cmd.Flags().Uint64Var(&from, "from", 0, "`HEIGHT` to begin with (default: so that the list ends with the tip)")
	cmd.Flags().Uint64Var(&limit, "limit", defaultBlocks, "`N` blocks at most")
	return a.command(cmd, func(ctx context.Context, c *client.Client, _ []string) error {
		if limit < 1 || limit > maxBlocks {
			return usagef("--limit: want 1 to %d, got %d", maxBlocks, limit)
		}
		if !cmd.Flags().Changed("from") {
			status, err := c.Status(ctx)
			if err != nil {
				return err
			}
			from = status.Height + 1 - min(limit, status.Height+1)
		}
		if a.json {
			return printRawBlocks(ctx, t, c, from, limit)
		}
		headers, err := all(ctx, from, limit, c.Headers)
		if err != nil {
			return err
		}
		if len(headers) == 0 {
			return aboveTip(ctx, c, from)
		}
		return printHeaders(t, headers)
	})
}

// aboveTip says where the chain ends, for want of a block at a height.
func aboveTip(ctx context.Context, c *client.Client, height uint64) error {
	status, err := c.Status(ctx)
	if err != nil {
		return err
	}
	return fmt.Errorf("no block %d yet: the tip of the node at %s is block %d", height, c.URL(), status.Height)
}

// all calls a listing until it has limit entries or the chain ends.
func all[T any](ctx context.Context, from, limit uint64, list func(context.Context, uint64, int) ([]T, error)) ([]T, error) {
	var entries []T
	for uint64(len(entries)) < limit {
		ask := min(limit-uint64(len(entries)), pageSize)
		page, err := list(ctx, from+uint64(len(entries)), int(ask))
		if err != nil {
			return nil, err
		}
		if len(page) == 0 {
			break
		}
		entries = append(entries, page...)
	}
	return entries, nil
}

// pageSize is what one call asks for; a node may answer with less.
const pageSize = 100

func printHeaders(t *terminal, headers []*chain.Header) error {
	table := newTable(t.out, "HEIGHT", "TIME", "HASH", "TXS", "DIFFICULTY", "MINER", "NOTE")
	for _, h := range headers {
		table.row(strconv.FormatUint(h.Height, 10), moment(h.Timestamp), h.Hash.String(),
			strconv.FormatUint(h.TxCount, 10), strconv.FormatUint(h.Difficulty, 10), dash(string(h.Miner)), h.Data)
	}
	return table.flush()
}

// printRawBlocks writes one JSON array of the blocks' canonical bytes.
func printRawBlocks(ctx context.Context, t *terminal, c *client.Client, from, limit uint64) error {
	blocks, err := all(ctx, from, limit, c.Blocks)
	if err != nil {
		return err
	}
	raw := []byte("[")
	for i, b := range blocks {
		if i > 0 {
			raw = append(raw, ',', '\n')
		}
		raw = append(raw, b.Raw()...)
	}
	_, err = t.out.Write(append(raw, ']', '\n'))
	return err
}

// blockForm is a height, a hash or the tip.
var blockForm = regexp.MustCompile(`^([0-9]{1,16}|[0-9a-f]{64}|` + client.Latest + `)$`)

func newBlock(t *terminal, s *settings) *cobra.Command {
	a := &asker{t: t, settings: s}
	return a.command(&cobra.Command{
		Use:   "block ID",
		Short: "print one block of a running node, by height, hash or latest",
		Args:  between(1, 1, "ID (a height, a hash or latest)"),
	}, func(ctx context.Context, c *client.Client, args []string) error {
		if !blockForm.MatchString(args[0]) {
			return usagef("block: want a height, a hash of 64 lowercase hex digits, or latest, got %.80q", args[0])
		}
		b, err := c.Block(ctx, args[0])
		if err != nil {
			return err
		}
		if a.json {
			_, err := t.out.Write(append(slices.Clone(b.Raw()), '\n'))
			return err
		}
		return printBlock(t, b)
	})
}

func printBlock(t *terminal, b *chain.Block) error {
	table := newTable(t.out)
	table.row("height", strconv.FormatUint(b.Height, 10))
	table.row("hash", b.Hash.String())
	table.row("parent", b.PrevHash.String())
	table.row("time", moment(b.Timestamp))
	table.row("difficulty", strconv.FormatUint(b.Difficulty, 10))
	table.row("nonce", strconv.FormatUint(b.Nonce, 10))
	table.row("miner", dash(string(b.Miner)))
	table.row("note", dash(b.Data))
	table.row("history root", b.HistoryRoot.String())
	table.row("tx root", b.TxRoot.String())
	table.row("transactions", strconv.FormatUint(b.TxCount, 10))
	table.row("size", fmt.Sprintf("%d bytes", len(b.Raw())))
	if err := table.flush(); err != nil || len(b.Transactions) == 0 {
		return err
	}
	fmt.Fprintln(t.out)
	txs := newTable(t.out, "TRANSACTION", "FROM", "NONCE", "TO", "AMOUNT", "FEE", "DATA")
	for _, tx := range b.Transactions {
		txs.row(tx.ID().String(), string(tx.From), strconv.FormatUint(tx.Nonce, 10), dash(string(tx.To)),
			strconv.FormatUint(tx.Amount, 10), strconv.FormatUint(tx.Fee, 10), shorten(tx.Data))
	}
	return txs.flush()
}

// shorten shows the beginning of a record in a list; --json prints the whole.
func shorten(data string) string { return beginning(data, 60) }

// beginning shows at most so many letters of a record.
func beginning(data string, most int) string {
	if letters := []rune(data); len(letters) > most {
		return fmt.Sprintf("%s… (%d bytes)", string(letters[:most]), len(data))
	}
	return data
}
