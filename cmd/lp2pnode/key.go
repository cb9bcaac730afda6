package main

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/lp2pnode/lp2pnode/node/keys"
)

const aboutKeys = `A key signs transactions; its address, which others pay to and see in records,
is also a peer id. Keys lie in the directory keys of the data directory, each
encrypted with a passphrase. The node's own key is not among them.

Where a command wants a passphrase it asks on the terminal, or takes it from
--passphrase-file or LP2P_PASSPHRASE; never from an argument, which others see.`

// newKey returns the commands that keep keys. None of them asks a node.
func newKey(t *terminal, s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "key",
		Short: "make, list, show, export and import the keys that sign transactions",
		Long:  aboutKeys,
		RunE:  subcommand,
	}
	cmd.AddCommand(newKeyNew(t, s), newKeyList(t, s), newKeyShow(t, s), newKeyExport(t, s), newKeyImport(t, s))
	return cmd
}

func newKeyList(t *terminal, s *settings) *cobra.Command {
	r := &keyring{t: t, settings: s}
	cmd := &cobra.Command{
		Use:   "list",
		Short: "list the keys with their addresses",
		Args:  noArgs,
		RunE: func(*cobra.Command, []string) error {
			store, err := r.openKeys()
			if err != nil {
				return err
			}
			entries, wrong := store.List()
			if err := r.printList(store.Dir(), entries, len(wrong) > 0); err != nil {
				return err
			}
			if len(wrong) > 0 {
				return problems(wrong)
			}
			return nil
		},
	}
	r.addFlags(cmd.Flags())
	r.addJSON(cmd.Flags())
	return cmd
}

func (r *keyring) printList(dir string, entries []keys.Entry, more bool) error {
	if r.json {
		return printJSON(r.t.out, append([]keys.Entry{}, entries...))
	}
	if len(entries) == 0 {
		if more {
			return nil
		}
		_, err := fmt.Fprintf(r.t.err, "no key in %s; make one with lp2pnode key new\n", dir)
		return err
	}
	table := newTable(r.t.out, "NAME", "ADDRESS", "PASSPHRASE")
	for _, e := range entries {
		table.row(e.Name, string(e.Address), yesNo(e.Encrypted))
	}
	return table.flush()
}

func newKeyShow(t *terminal, s *settings) *cobra.Command {
	r := &keyring{t: t, settings: s}
	cmd := &cobra.Command{
		Use:   "show [NAME|ADDRESS]",
		Short: "print a key's address and where it lies, not the key",
		Args:  between(0, 1, "the key's NAME or ADDRESS"),
		RunE: func(_ *cobra.Command, args []string) error {
			_, entry, err := r.choose(first(args))
			if err != nil {
				return err
			}
			return r.print(entry)
		},
	}
	r.addFlags(cmd.Flags())
	r.addJSON(cmd.Flags())
	return cmd
}

// print shows what everybody may know of a key.
func (r *keyring) print(e keys.Entry) error {
	if r.json {
		return printJSON(r.t.out, e)
	}
	table := newTable(r.t.out)
	table.row("name", e.Name)
	table.row("address", string(e.Address))
	table.row("passphrase", yesNo(e.Encrypted))
	table.row("file", e.File)
	return table.flush()
}

func newKeyNew(t *terminal, s *settings) *cobra.Command {
	r := &keyring{t: t, settings: s}
	cmd := &cobra.Command{
		Use:   "new [NAME]",
		Short: "make a key, named default unless NAME is given",
		Args:  between(0, 1, "the new key's NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			name := defaultKey
			if len(args) > 0 {
				name = args[0]
			}
			store, err := r.openKeys()
			if err != nil {
				return err
			}
			if err := store.Free(name); err != nil {
				return keyError(err)
			}
			seals, err := r.newPassphrase(cmd.Context(), name)
			if err != nil {
				return err
			}
			entry, err := store.New(name, seals)
			if err != nil {
				return keyError(err)
			}
			return r.tellNew(entry, "")
		},
	}
	r.addFlags(cmd.Flags())
	r.addJSON(cmd.Flags())
	r.addPassphrase(cmd.Flags())
	r.addNoPassphrase(cmd.Flags())
	return cmd
}

// tellNew shows a new key, and what its owner should know now.
func (r *keyring) tellNew(e keys.Entry, note string) error {
	if err := r.print(e); err != nil || r.json {
		return err
	}
	advice := "Whoever can read the file has the key.\n"
	backup := "lp2pnode key export --clear "
	if e.Encrypted {
		advice = "Nobody can give a forgotten passphrase back.\n"
		backup = "lp2pnode key export "
	}
	_, err := fmt.Fprintf(r.t.out, "\n%s%sKeep a copy elsewhere: %s%s --out FILE\n", note, advice, backup, e.Name)
	return err
}

// keyError marks as wrong use what is; everything else keeps its meaning.
func keyError(err error) error {
	switch {
	case errors.Is(err, keys.ErrName):
		return asUsage(err)
	case errors.Is(err, keys.ErrNotFound):
		return fmt.Errorf("%w; lp2pnode key list shows what is there", err)
	}
	return err
}

// first returns the one optional argument, or "".
func first(args []string) string {
	if len(args) == 0 {
		return ""
	}
	return args[0]
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}
