package main

import (
	"fmt"
	"path/filepath"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/spf13/cobra"

	"github.com/lp2pnode/lp2pnode/node"
)

func newRestore(t *terminal, s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "restore BACKUP",
		Short: "make a data directory of a backup, proved anew",
		Long: `restore copies the chain of a backup into a data directory that has none, and
proves it anew before it is put in place. A node.key that is there stays; without
one the node gets a new identity. To move a node to another machine, copy its
node.key as well, and never start the old one again.`,
		Args: between(1, 1, "BACKUP"),
	}
	cmd.Flags().Var(s.flags["data-dir"], "data-dir", s.flags["data-dir"].row.help)
	s.addConfigFlag(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o, _, err := s.options()
		if err != nil {
			return err
		}
		bar := t.bar("prove the copy")
		b, err := node.Restore(cmd.Context(), vfs.Default, args[0], o.node.DataDir, nil, bar.show)
		bar.end()
		if taken := holderOf(err); taken != nil {
			return fmt.Errorf("data directory %s is in use by process %d: stop it, or name another with --data-dir", taken.Dir, taken.Holder.PID)
		}
		if err != nil {
			return err
		}
		start := "lp2pnode --data-dir " + shellWord(o.node.DataDir)
		if b.Genesis != builtIn() {
			start += " --genesis " + shellWord(filepath.Join(o.node.DataDir, "genesis.json"))
		}
		_, err = fmt.Fprintf(t.out, "%s holds chain %s up to block %d, %s: copied and proved\nStart it with %s\n", o.node.DataDir, b.ChainID, b.Height, b.Tip, start)
		return err
	}
	return cmd
}
