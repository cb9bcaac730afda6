package main

import (
	"io"

	"github.com/spf13/cobra"
)

// newHelp returns the help command, which refuses what it does not know.
func newHelp() *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "explain a command",
		RunE: func(cmd *cobra.Command, args []string) error {
			about, rest, err := cmd.Root().Find(args)
			if err != nil || len(rest) > 0 {
				return unknownCommand(cmd.Root(), args[len(args)-max(len(rest), 1)])
			}
			about.InitDefaultHelpFlag()
			return about.Help()
		},
	}
}

// newCompletion returns the command that prints what a shell needs to complete
// ours.
func newCompletion(t *terminal) *cobra.Command {
	shells := map[string]func(*cobra.Command, io.Writer) error{
		"bash":       func(c *cobra.Command, w io.Writer) error { return c.GenBashCompletionV2(w, true) },
		"fish":       func(c *cobra.Command, w io.Writer) error { return c.GenFishCompletion(w, true) },
		"powershell": (*cobra.Command).GenPowerShellCompletionWithDesc,
		"zsh":        (*cobra.Command).GenZshCompletion,
	}
	return &cobra.Command{
		Use:   "completion bash|fish|powershell|zsh",
		Short: "print a completion script for a shell",
		Long: `completion prints a script for your shell to load at its start, for example

    bash  source <(lp2pnode completion bash)
    zsh   source <(lp2pnode completion zsh)
    fish  lp2pnode completion fish | source`,
		Args:      between(1, 1, "the shell (bash, fish, powershell or zsh)"),
		ValidArgs: []string{"bash", "fish", "powershell", "zsh"},
		RunE: func(cmd *cobra.Command, args []string) error {
			generate, ok := shells[args[0]]
			if !ok {
				return usagef("completion: want bash, fish, powershell or zsh, got %.60q", args[0])
			}
			return generate(cmd.Root(), t.out)
		},
	}
}
