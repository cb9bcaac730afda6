package main

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

const about = `lp2pnode keeps, with every other node of its chain, one append-only ledger.

Without a command it runs a node: it finds the nodes of its chain on the LAN,
mines, and keeps the chain in the user's data directory. Every setting is a
flag, or LP2P_NAME in the environment, or a key of the --config file.`

// newRoot returns the whole command line, which writes to t.
func newRoot(t *terminal) *cobra.Command {
	settings := newSettings(t)
	root := &cobra.Command{
		Use:               "lp2pnode",
		Short:             "a peer-to-peer node that keeps a tamper-evident ledger",
		Long:              about,
		Args:              knownCommand,
		SilenceErrors:     true,
		SilenceUsage:      true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return runNode(cmd.Context(), t, settings)
		},
	}
	root.SetFlagErrorFunc(badFlag)
	root.SetHelpCommand(newHelp())
	settings.addFlags(root.Flags())

	runCmd := &cobra.Command{
		Use:   "run",
		Short: "run a node (what lp2pnode does without a command)",
		Args:  noArgs,
		RunE:  root.RunE,
	}
	runCmd.Flags().AddFlagSet(root.Flags())
	root.AddCommand(
		runCmd,
		newStatus(t, settings), newBlocks(t, settings), newBlock(t, settings), newPeers(t, settings), newBan(t, settings),
		newSend(t, settings), newRecord(t, settings), newTx(t, settings), newAccount(t, settings), newPool(t, settings),
		newReceipt(t, settings), newVerify(t, settings),
		newChain(t, settings), newBackup(t, settings), newRestore(t, settings),
		newKey(t, settings), newGenesis(t), newConfig(t, settings), newDoctor(t, settings), newExplain(t), newVersion(t), newCompletion(t),
	)
	return root
}

// knownCommand refuses the arguments of the bare program: each would have been
// a command.
func knownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return unknownCommand(cmd, args[0])
}

func unknownCommand(root *cobra.Command, got string) error {
	return usagef("unknown command %.60q%s; see lp2pnode --help", got, didYouMean(got, commandNames(root)))
}

func commandNames(of *cobra.Command) []string {
	var names []string
	for _, c := range of.Commands() {
		names = append(names, c.Name())
	}
	return names
}

// badFlag is what becomes of every error of a flag.
func badFlag(cmd *cobra.Command, err error) error {
	if bad := new(pflag.InvalidValueError); errors.As(err, &bad) {
		wanted := map[string]string{
			"uint64": "a whole number, not negative", "int": "a whole number", "duration": "a duration like 30s or 10m", "bool": "true or false",
		}[bad.GetFlag().Value.Type()]
		if wanted != "" {
			return usagef("--%s: want %s, got %.60q; see %s --help", bad.GetFlag().Name, wanted, bad.GetValue(), cmd.CommandPath())
		}
	}
	hint := ""
	if unknown := new(pflag.NotExistError); errors.As(err, &unknown) {
		var names []string
		cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
		hint = didYouMean("--"+unknown.GetSpecifiedName(), names)
	}
	return usagef("%w%s; see %s --help", err, hint, cmd.CommandPath())
}

// subcommand is the RunE of a command that only groups others.
func subcommand(cmd *cobra.Command, args []string) error {
	got := "nothing"
	if len(args) > 0 {
		got = fmt.Sprintf("%.60q", args[0]) + didYouMean(args[0], commandNames(cmd))
	}
	return usagef("%s: want one of %s, got %s", cmd.Name(), strings.Join(commandNames(cmd), ", "), got)
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usagef("%s takes no arguments, got %.60q", cmd.Name(), args[0])
	}
	return nil
}

// between returns a check for low to high arguments, what being their name.
func between(low, high int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		switch {
		case len(args) < low:
			return usagef("%s: %s is missing; see lp2pnode %[1]s --help", commandName(cmd), what)
		case len(args) > high:
			return usagef("%s: unexpected argument %.60q after %s", commandName(cmd), args[high], what)
		}
		return nil
	}
}

// commandName returns the command's path without the program's name.
func commandName(cmd *cobra.Command) string {
	return strings.TrimPrefix(cmd.CommandPath(), cmd.Root().Name()+" ")
}
