package main

import (
	"errors"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/pow"
	"github.com/lp2pnode/lp2pnode/node"
)

func newGenesis(t *terminal) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "genesis",
		Short: "make, show and hash the file that defines a chain",
		RunE:  subcommand,
	}
	cmd.AddCommand(newGenesisNew(t), newGenesisShow(t), newGenesisHash(t))
	return cmd
}

func newGenesisShow(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "show [FILE]",
		Short: "print a genesis file (none: the built-in chain lan; -: standard input)",
		Args:  between(0, 1, "FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			params, err := paramsFrom(args, t.in)
			if err != nil {
				return err
			}
			return printJSON(t.out, params)
		},
	}
}

func newGenesisHash(t *terminal) *cobra.Command {
	return &cobra.Command{
		Use:   "hash [FILE]",
		Short: "print the genesis hash, which names the chain",
		Args:  between(0, 1, "FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			params, err := paramsFrom(args, t.in)
			if err != nil {
				return err
			}
			hash, err := genesisHash(params)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(t.out, hash)
			return err
		},
	}
}

// paramsFrom reads the one optional FILE of args.
func paramsFrom(args []string, stdin io.Reader) (chain.Params, error) {
	if len(args) == 0 {
		return node.LANParams(), nil
	}
	params, err := readGenesis(args[0], stdin)
	return params, asUsage(err)
}

// readGenesis reads a genesis file, or stdin for "-" where it is not nil. Its
// errors name file and field.
func readGenesis(path string, stdin io.Reader) (chain.Params, error) {
	var raw []byte
	var err error
	if path == "-" && stdin != nil {
		raw, err = io.ReadAll(io.LimitReader(stdin, chain.MaxParamsBytes+1))
	} else {
		raw, err = readBounded(path, chain.MaxParamsBytes)
	}
	if err != nil {
		return chain.Params{}, err
	}
	if len(raw) == 0 {
		return chain.Params{}, fmt.Errorf("%s: %w", path, errors.New("want a genesis file, got an empty one"))
	}
	params, err := chain.ParseParams(raw)
	if err != nil {
		return chain.Params{}, fmt.Errorf("%s: %w", path, err)
	}
	return params, nil
}

// builtIn returns the hash of the built-in chain.
func builtIn() chain.Hash {
	hash, err := genesisHash(node.LANParams())
	if err != nil {
		panic(err) // a constant
	}
	return hash
}

// genesisHash returns the hash that names the chain of params.
func genesisHash(params chain.Params) (chain.Hash, error) {
	rules, err := chain.NewRules(params, pow.Engine{})
	if err != nil {
		return chain.Hash{}, err
	}
	return rules.Genesis().Hash, nil
}
