package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/store"
	"github.com/lp2pnode/lp2pnode/node"
)

func newChainRollback(t *terminal, s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rollback HEIGHT",
		Short: "take the chain of a stopped node back to a height, and forget the blocks above",
		Long: `rollback makes the block of HEIGHT the tip and forgets all blocks above it, those of
side branches too; their transactions wait once more. It is for a directory whose
upper part is not to be trusted. It rewrites no history: a node that has peers
fetches from them again whatever their heaviest chain has above.`,
		Args: between(1, 1, "HEIGHT"),
	}
	for _, name := range []string{"data-dir", "genesis"} {
		cmd.Flags().Var(s.flags[name], name, s.flags[name].row.help)
	}
	s.addConfigFlag(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		height, err := strconv.ParseUint(args[0], 10, 64)
		if err != nil {
			return usagef("rollback: want a height, got %.60q", args[0])
		}
		o, _, err := s.options()
		if err != nil {
			return err
		}
		return o.rollback(cmd.Context(), t, height)
	}
	return cmd
}

func (o *options) rollback(ctx context.Context, t *terminal, height uint64) (err error) {
	d, err := node.OpenDirectory(o.node, node.ToWrite)
	if taken := holderOf(err); taken != nil {
		return fmt.Errorf("data directory %s is in use by process %d: stop it first", taken.Dir, taken.Holder.PID)
	}
	if err != nil {
		return o.directoryError(err)
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	before := d.Ledger().Tip().Tip.Height
	bar := t.bar("roll back")
	err = d.Store().Rollback(ctx, height, bar.show)
	bar.end()
	if err != nil {
		return err
	}
	tip, err := d.Store().Tip()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.out, "the tip is block %d, %s: %s forgotten\n", height, tip.Tip.Hash, count(int(before-height), "block"))
	return err
}

func newChainExplain(t *terminal, s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "explain FILE|HASH",
		Short: "run every rule on a block or transaction, and print what each wants and found",
		Long: `explain runs every rule of the protocol on a block or transaction: one in a FILE (- is
standard input), in its canonical JSON, or one that the node has, by its HASH. A block is
judged on its parent, a transaction where it stands in the chain, or else at the tip.
Exit 1: a rule is broken.`,
		Args: between(1, 1, "FILE or HASH"),
	}
	w := newWorker(cmd, t, s)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		return w.on(node.ToRead, func(p *place) error { return w.explain(cmd.Context(), p, args[0]) })
	}
	return cmd
}

func (w *worker) explain(ctx context.Context, p *place, what string) error {
	raw, err := w.object(ctx, p, what)
	if err != nil {
		return err
	}
	found, err := p.explain(ctx, raw)
	if err != nil {
		return err
	}
	if w.json {
		err = printJSON(w.t.out, found)
	} else {
		err = printFindings(w.t, found)
	}
	for _, f := range found {
		if !f.OK {
			return errors.Join(err, fmt.Errorf("rule %s is broken: want %s, got %s", f.Rule, f.Want, f.Got))
		}
	}
	return err
}

func printFindings(t *terminal, found []chain.Finding) error {
	table := newTable(t.out, "RULE", "HOLDS", "WANTED", "FOUND")
	for _, f := range found {
		holds := "yes"
		if !f.OK {
			holds = "NO"
		}
		table.row(string(f.Rule), holds, f.Want, f.Got)
	}
	return table.flush()
}

// maxObject bounds a block of any chain, and the newline after it.
const maxObject = 8<<20 + 2

// object returns the bytes of what HASH or FILE names.
func (w *worker) object(ctx context.Context, p *place, what string) ([]byte, error) {
	if hash, err := chain.ParseHash(what); err == nil {
		return p.object(ctx, hash)
	}
	var raw []byte
	var err error
	if what == "-" {
		raw, err = io.ReadAll(io.LimitReader(w.t.in, maxObject))
	} else {
		raw, err = readBounded(what, maxObject)
	}
	return bytes.TrimSuffix(raw, []byte("\n")), err
}

// object returns the bytes of a block or transaction that the place knows.
func (p *place) object(ctx context.Context, hash chain.Hash) ([]byte, error) {
	if p.dir != nil {
		raw, err := p.dir.Ledger().RawBlock(hash)
		if !errors.Is(err, store.ErrNotFound) {
			return raw, err
		}
		s, err := p.dir.Ledger().Transaction(hash)
		if err != nil || s.Transaction == nil {
			return nil, errors.Join(err, notHere(hash))
		}
		return s.Transaction.Raw(), nil
	}
	b, err := p.node.Block(ctx, hash.String())
	if err == nil {
		return b.Raw(), nil
	}
	if problem := new(client.Problem); !errors.As(err, &problem) || problem.Status != 404 {
		return nil, err
	}
	s, err := p.node.Transaction(ctx, hash)
	if err != nil {
		return nil, err
	}
	if s.Transaction.IsZero() {
		return nil, notHere(hash)
	}
	return s.Transaction.Raw(), nil
}

func notHere(hash chain.Hash) error {
	return fmt.Errorf("%s is neither a block nor a transaction that is known here", hash)
}

func (p *place) explain(ctx context.Context, raw []byte) ([]chain.Finding, error) {
	if p.dir == nil {
		return p.node.Explain(ctx, raw)
	}
	return p.dir.Ledger().Explain(raw)
}
