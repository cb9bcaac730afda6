package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/lp2pnode/lp2pnode/api/client"
	"github.com/lp2pnode/lp2pnode/chain/store"
	"github.com/lp2pnode/lp2pnode/node"
)

func newChain(t *terminal, s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "chain",
		Short: "prove, export, import, roll back or explain the chain of a node",
		RunE:  subcommand,
	}
	cmd.AddCommand(newChainVerify(t, s), newChainExport(t, s), newChainImport(t, s), newChainRollback(t, s), newChainExplain(t, s))
	return cmd
}

// worker is what the commands share that work on the chain of a data
// directory: on its files while no node runs there, else through the API of
// the node that does.
type worker struct {
	asker
}

// newWorker returns a worker and adds its flags to cmd.
func newWorker(cmd *cobra.Command, t *terminal, s *settings) *worker {
	w := &worker{asker{t: t, settings: s}}
	flags := cmd.Flags()
	for _, name := range []string{"data-dir", "genesis"} {
		row := s.flags[name].row
		flags.Var(s.flags[name], name, row.help)
	}
	w.addFlags(flags)
	flags.Lookup("api").Usage = "URL or HOST:PORT of a node's API, to use that instead of a data directory"
	w.addToken(flags)
	return w
}

// place is where the chain is: one of both is there.
type place struct {
	dir  *node.Directory
	node *client.Client
}

func (p *place) close() error {
	if p.dir == nil {
		return nil
	}
	return p.dir.Close()
}

// open returns the node that --api names, or the data directory, or the node
// that runs there.
func (w *worker) open(access node.Access) (*place, error) {
	o, inForce, err := w.settings.options()
	if err != nil {
		return nil, err
	}
	if inForce["api"].origin == fromFlag {
		c, err := w.client()
		return &place{node: c}, err
	}
	d, err := node.OpenDirectory(o.node, access)
	taken := new(store.LockedError)
	switch {
	case err == nil:
		return &place{dir: d}, nil
	case !errors.As(err, &taken):
		return nil, o.directoryError(err)
	case taken.Holder.API == "":
		return nil, fmt.Errorf("data directory %s is in use by process %d, whose API is off: stop it first", taken.Dir, taken.Holder.PID)
	}
	c := client.New(taken.Holder.API)
	c.Token = w.token(inForce, taken.Holder.API)
	return &place{node: c}, nil
}

// on opens the place for the time of f.
func (w *worker) on(access node.Access, f func(*place) error) (err error) {
	p, err := w.open(access)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	return f(p)
}

func newChainVerify(t *terminal, s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "verify",
		Short: "prove the whole chain anew, from genesis (exit 0: it holds)",
		Long: `verify proves everything that a data directory holds from the genesis parameters
and the blocks' bytes: hashes, work, signatures, every rule, every balance, every
index. It names the first thing that is wrong. Where a node runs on the directory,
the node does it while it goes on.`,
		Args: noArgs,
	}
	w := newWorker(cmd, t, s)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		return w.on(node.ToRead, func(p *place) error { return w.verify(cmd.Context(), p) })
	}
	return cmd
}

// proof is what verify prints as JSON.
type proof struct {
	OK    bool   `json:"ok"`
	Error string `json:"error,omitempty"`
}

func (w *worker) verify(ctx context.Context, p *place) error {
	bar := w.t.bar("verify")
	err := p.verify(ctx, bar.show)
	bar.end()
	if w.json {
		result := proof{OK: err == nil}
		if err != nil {
			result.Error = oneLine(err)
		}
		return errors.Join(err, printJSON(w.t.out, result))
	}
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(w.t.out, "the chain holds: everything was proved anew from genesis")
	return err
}

func (p *place) verify(ctx context.Context, progress func(done, total uint64)) error {
	if p.dir != nil {
		return p.dir.Store().Verify(ctx, progress)
	}
	return p.node.Verify(ctx, progress)
}

func newBackup(t *terminal, s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "backup DIR",
		Short: "copy the chain to a new directory while the node runs, and prove the copy",
		Long: `backup writes the chain, side branches and waiting transactions included, to DIR,
and proves the copy anew. A running node goes on meanwhile; it is the one that
writes, so DIR is a path on its machine that it may write to.

The node's key and API token stay out of it: a copied identity makes both nodes
deaf. To spend rewards that went to that key, keep a copy of node.key elsewhere.`,
		Args: between(1, 1, "DIR"),
	}
	w := newWorker(cmd, t, s)
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		dir, err := filepath.Abs(args[0])
		if err != nil {
			return err
		}
		return w.on(node.ToWrite, func(p *place) error { return w.backup(cmd.Context(), p, dir) })
	}
	return cmd
}

func (w *worker) backup(ctx context.Context, p *place, dir string) error {
	bar := w.t.bar("prove the copy")
	b, err := p.backup(ctx, dir, bar.show)
	bar.end()
	if err != nil {
		return err
	}
	if w.json {
		return printJSON(w.t.out, b)
	}
	_, err = fmt.Fprintf(w.t.out, "%s holds chain %s up to block %d, %s: copied and proved\n", dir, b.ChainID, b.Height, b.Tip)
	return err
}

func (p *place) backup(ctx context.Context, dir string, progress func(done, total uint64)) (*client.Backup, error) {
	if p.dir == nil {
		return p.node.Backup(ctx, dir, progress)
	}
	b, err := p.dir.Backup(ctx, dir, progress)
	return (*client.Backup)(b), err
}
