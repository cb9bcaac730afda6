package main

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/node"
)

// newGenesisNew returns the command that makes a chain: the built-in one with
// the present time and whatever flags say otherwise.
func newGenesisNew(t *terminal) *cobra.Command {
	params := node.LANParams()
	params.ChainID = "private"
	var interval time.Duration
	var allocations []string
	cmd := &cobra.Command{
		Use:   "new [FILE]",
		Short: "make a new chain, in FILE or on standard output",
		Args:  between(0, 1, "FILE"),
		RunE: func(_ *cobra.Command, args []string) error {
			params.Timestamp = uint64(time.Now().UnixMilli())
			params.BlockIntervalMS = uint64(max(interval.Milliseconds(), 0))
			if err := allocate(params.Allocations, allocations); err != nil {
				return asUsage(err)
			}
			if err := params.Check(); err != nil {
				return usagef("genesis new: %w", err)
			}
			return writeGenesis(t, args, params)
		},
	}
	f := cmd.Flags()
	f.SortFlags = false
	f.StringVar(&params.ChainID, "chain-id", params.ChainID, "a name for people, of a-z, 0-9 and -")
	f.DurationVar(&interval, "interval", params.BlockInterval(), "target time between blocks, 100ms to 24h")
	f.Uint64Var(&params.InitialDifficulty, "difficulty", params.InitialDifficulty, "expected hashes to find the first block")
	f.Uint64Var(&params.RetargetWindow, "window", params.RetargetWindow, "blocks over which difficulty is adjusted, 10 to 1000; 0 keeps it")
	f.Uint64Var(&params.Reward, "reward", params.Reward, "units that a miner gets per block")
	f.Uint64Var(&params.HalvingInterval, "halving", params.HalvingInterval, "blocks after which the reward halves; 0 is never")
	f.Uint64Var(&params.MaxBlockBytes, "max-block-bytes", params.MaxBlockBytes, "size of a block at most")
	f.Uint64Var(&params.MaxDataBytes, "max-data-bytes", params.MaxDataBytes, "size of one transaction's data at most")
	f.StringArrayVar(&allocations, "allocate", nil, "`ADDRESS=UNITS` of account at the start; repeatable")
	return cmd
}

// allocate reads ADDRESS=UNITS entries into to.
func allocate(to map[chain.Address]uint64, entries []string) error {
	for _, entry := range splitList(entries) {
		name, units, ok := strings.Cut(entry, "=")
		if !ok {
			return fmt.Errorf("--allocate: want ADDRESS=UNITS, got %.120q", entry)
		}
		address, err := chain.ParseAddress(name)
		if err != nil {
			return fmt.Errorf("--allocate: %w", err)
		}
		if _, twice := to[address]; twice {
			return fmt.Errorf("--allocate: address %s is given twice", address)
		}
		if to[address], err = parseUnits(units); err != nil {
			return fmt.Errorf("--allocate %s: %w", address, err)
		}
	}
	return nil
}

// writeGenesis writes params to the new file of args, or to standard output.
func writeGenesis(t *terminal, args []string, params chain.Params) error {
	var b bytes.Buffer
	if err := printJSON(&b, params); err != nil {
		return err
	}
	if len(args) == 0 {
		_, err := t.out.Write(b.Bytes())
		return err
	}
	hash, err := genesisHash(params)
	if err != nil {
		return err
	}
	if err := writeNew(args[0], b.Bytes()); errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("%s exists: another genesis there would be another chain; choose another name or remove it", args[0])
	} else if err != nil {
		return err
	}
	_, err = fmt.Fprintf(t.out, "wrote %s: chain %s, genesis %s\n"+
		"Give a copy to every node; a data directory is of one chain: lp2pnode --genesis %[4]s --data-dir DIR\n", args[0], params.ChainID, hash, shellWord(args[0]))
	return err
}

// writeNew writes a file, and leaves none half-written. Its error matches
// fs.ErrExist where there is one already.
func writeNew(path string, raw []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = f.Write(raw)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(path))
	}
	return nil
}
