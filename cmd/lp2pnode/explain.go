package main

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/lp2pnode/lp2pnode/docs"
)

func newExplain(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "explain MESSAGE",
		Short: "say where a message of lp2pnode comes from and what to do about it",
		Long: `explain looks up a whole message as it was printed, logged or answered, among
other text too, or the id of its kind, and prints its cause and what to do about it.
The whole list is docs/errors.md.`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return usagef("%s: %s is missing; see lp2pnode %[1]s --help", commandName(cmd), "MESSAGE")
			}
			return nil
		},
		RunE: func(_ *cobra.Command, args []string) error {
			text := strings.Join(args, " ")
			found, ok := docs.Find(text)
			if !ok {
				return fmt.Errorf("no message of lp2pnode stands in %.200q; docs/errors.md lists them all", text)
			}
			table := newTable(t.out)
			table.row("id", found.ID)
			table.row("cause", found.Cause)
			table.row("cure", found.Cure)
			return table.flush()
		},
	}
}
