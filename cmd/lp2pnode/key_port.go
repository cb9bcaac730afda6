package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/lp2pnode/lp2pnode/node/keys"
)

func newKeyExport(t *terminal, s *settings) *cobra.Command {
	r := &keyring{t: t, settings: s}
	var out string
	var inClear bool
	cmd := &cobra.Command{
		Use:   "export [NAME|ADDRESS]",
		Short: "print a key, encrypted as it is kept, or in clear",
		Long: `export prints a key as age text, encrypted with its passphrase: import and the
program age read it. With --clear it prints the secret itself, base64 of
libp2p's protobuf form, and whoever reads that has the key.`,
		Args: between(0, 1, "the key's NAME or ADDRESS"),
		RunE: func(cmd *cobra.Command, args []string) error {
			store, entry, err := r.choose(first(args))
			if err != nil {
				return err
			}
			text, how := "", "encrypted with its passphrase"
			if inClear {
				how = "in clear: whoever can read the file has the key"
				var key keys.Key
				if key, err = r.unlock(cmd.Context(), entry.Name); err == nil {
					text = key.Text() + "\n"
				}
			} else {
				text, err = store.Export(entry.Name)
			}
			if errors.Is(err, keys.ErrNotEncrypted) {
				return usagef("%w; --clear exports it so", err)
			}
			if err != nil {
				return err
			}
			if out == "" {
				_, err = io.WriteString(t.out, text)
				return err
			}
			if err := keys.WriteNew(out, []byte(text)); err != nil {
				return fmt.Errorf("export key %s: %w", entry.Name, err)
			}
			_, err = fmt.Fprintf(t.out, "wrote %s: key %s, %s, %s\n", out, entry.Name, entry.Address, how)
			return err
		},
	}
	r.addFlags(cmd.Flags())
	cmd.Flags().StringVar(&out, "out", "", "new `FILE` to write, for its owner only (none: standard output)")
	cmd.Flags().BoolVar(&inClear, "clear", false, "export the secret itself, not encrypted")
	r.addPassphrase(cmd.Flags())
	return cmd
}

func newKeyImport(t *terminal, s *settings) *cobra.Command {
	r := &keyring{t: t, settings: s}
	cmd := &cobra.Command{
		Use:   "import NAME FILE",
		Short: "keep a key of a file (-: standard input) under a name",
		Long: `import reads a key as age text, base64 of libp2p's protobuf form, an Ed25519 seed
of 64 hex digits, or a file of another directory of keys. What was encrypted
keeps its passphrase unless --no-passphrase is given; other keys get one.`,
		Args: between(2, 2, "NAME and FILE (- is standard input)"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return r.importKey(cmd, args[0], args[1])
		},
	}
	r.addFlags(cmd.Flags())
	r.addJSON(cmd.Flags())
	r.addPassphrase(cmd.Flags())
	r.addNoPassphrase(cmd.Flags())
	return cmd
}

func (r *keyring) importKey(cmd *cobra.Command, name, path string) error {
	store, err := r.openKeys()
	if err != nil {
		return err
	}
	if err := store.Free(name); err != nil {
		return keyError(err)
	}
	raw, err := r.readKey(path)
	if err != nil {
		return asUsage(err)
	}
	var opens, seals keys.Passphrase
	note := ""
	if keys.Encrypted(raw) {
		if opens, err = r.passphrase(cmd.Context(), path); err != nil {
			return err
		}
		if !r.noPassphrase {
			seals = opens
		}
	} else {
		if _, err := keys.Decode(raw, opens); err != nil { // before somebody thinks of a passphrase
			return usagef("%s: %w", path, err)
		}
		if seals, err = r.newPassphrase(cmd.Context(), name); err != nil {
			return err
		}
		if path != "-" {
			note = path + " still holds the key in clear.\n"
		}
	}
	entry, err := store.Import(name, raw, opens, seals)
	switch {
	case errors.Is(err, keys.ErrNotKey):
		return usagef("%s: %w", path, err)
	case errors.Is(err, keys.ErrWrongPassphrase):
		return fmt.Errorf("%s: %w", path, err)
	case err != nil:
		return keyError(err)
	}
	return r.tellNew(entry, note)
}

// readKey reads what may be a key, a little more than the most to be refused.
func (r *keyring) readKey(path string) ([]byte, error) {
	if path == "-" {
		return io.ReadAll(io.LimitReader(r.t.in, keys.MaxBytes+1))
	}
	return readBounded(path, keys.MaxBytes)
}
