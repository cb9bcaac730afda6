package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

// The files of a backup beside the database.
const (
	backupFile  = "backup.json"  // a Backup; it is written when the copy is proved
	genesisFile = "genesis.json" // the chain's parameters, as --genesis takes them
)

// The errors of a backup or proof that was not begun.
var (
	ErrBusy      = errors.New("another backup or proof is under way")
	ErrBackupDir = errors.New("want a new or empty directory")
)

// Backup says what a backup holds: the chain up to a tip, with all side
// branches and waiting transactions. It never holds the node's identity (two
// nodes with one key shut each other out of the network), its API token, or
// the addresses of its peers.
type Backup struct {
	Agent   string     `json:"agent"` // that made it
	ChainID string     `json:"chain_id"`
	Genesis chain.Hash `json:"genesis"`
	Height  uint64     `json:"height"`
	Made    time.Time  `json:"made"`
	Tip     chain.Hash `json:"tip"`
	Work    chain.Work `json:"work"`
}

// Progress is told how much of a total is done.
type Progress func(done, total uint64)

// Backup writes a copy of the chain to dir, which must not exist or be empty,
// on the node's machine, and proves the copy anew. The node goes on meanwhile.
// After an error nothing is left of the copy. ErrBusy, ErrBackupDir.
func (n *Node) Backup(ctx context.Context, dir string, progress Progress) (*Backup, error) {
	if !n.working.TryLock() {
		return nil, ErrBusy
	}
	defer n.working.Unlock()
	return makeBackup(ctx, &n.cfg, n.plan.rules, n.store, dir, progress)
}

// Verify proves the whole store anew while the node goes on; see
// store.Store.Verify. ErrBusy.
func (n *Node) Verify(ctx context.Context, progress Progress) error {
	if !n.working.TryLock() {
		return ErrBusy
	}
	defer n.working.Unlock()
	return n.store.Verify(ctx, progress)
}

func makeBackup(ctx context.Context, cfg *Config, rules *chain.Rules, st *store.Store, dir string, progress Progress) (*Backup, error) {
	if err := vacant(cfg.FS, dir); err != nil {
		return nil, err
	}
	if err := st.Checkpoint(dir); err != nil {
		_ = cfg.FS.Remove(dir) // unless somebody else is there now
		return nil, fmt.Errorf("backup to %s: %w", dir, err)
	}
	b, err := fillBackup(ctx, cfg, rules, dir, progress)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("backup to %s: %w", dir, err), cfg.FS.RemoveAll(dir))
	}
	cfg.Logger.Info("backup made", "dir", dir, "height", b.Height, "tip", b.Tip)
	return b, nil
}

// vacant refuses a directory with anything in it.
func vacant(fs vfs.FS, dir string) error {
	switch names, err := fs.List(dir); {
	case errors.Is(err, os.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("%w: backup to %s: %w", ErrBackupDir, dir, err)
	case len(names) > 0:
		return fmt.Errorf("%w: backup to %s: it is not empty: name a new one for each backup", ErrBackupDir, dir)
	}
	return nil
}

// fillBackup puts beside the copy what it is, and proves it.
func fillBackup(ctx context.Context, cfg *Config, rules *chain.Rules, dir string, progress Progress) (*Backup, error) {
	if err := writeSecret(cfg.FS, dir, genesisFile, string(rules.Params.Canonical())+"\n"); err != nil {
		return nil, err
	}
	tip, err := store.Prove(ctx, dir, cfg.FS, rules, store.Options{}, progress)
	if err != nil {
		return nil, fmt.Errorf("the copy does not hold: %w", err)
	}
	b := &Backup{
		Agent: cfg.Agent, ChainID: rules.Params.ChainID, Genesis: rules.Genesis().Hash,
		Height: tip.Tip.Height, Tip: tip.Tip.Hash, Work: tip.Work, Made: cfg.Now().UTC().Truncate(time.Second),
	}
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return nil, err
	}
	return b, writeSecret(cfg.FS, dir, backupFile, string(text)+"\n")
}

// Restore makes a data directory of a backup: dir gets the chain, proved anew,
// and the chain's genesis.json, and keeps what it has of a node's own files. It
// refuses a directory that has a chain, or is in use.
func Restore(ctx context.Context, fs vfs.FS, backup, dir string, log *slog.Logger, progress Progress) (b *Backup, err error) {
	if within(backup, dir) {
		return nil, fmt.Errorf("restore to %s: the backup %s is in it: choose another directory", dir, backup)
	}
	rules, err := readBackup(fs, backup)
	if err != nil {
		return nil, err
	}
	lock, err := store.LockDir(dir, fs)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	settle := func() error { return writeSecret(fs, dir, genesisFile, string(rules.Params.Canonical())+"\n") }
	tip, err := store.Restore(ctx, lock, backup, rules, store.Options{Logger: log}, progress, settle)
	if err != nil {
		return nil, fmt.Errorf("restore to %s: %w", dir, err)
	}
	return &Backup{ChainID: rules.Params.ChainID, Genesis: rules.Genesis().Hash, Height: tip.Tip.Height, Tip: tip.Tip.Hash, Work: tip.Work}, nil
}

// within tells whether a path is dir or below it.
func within(path, dir string) bool {
	full := func(p string) string {
		if real, err := filepath.EvalSymlinks(p); err == nil {
			p = real
		}
		if abs, err := filepath.Abs(p); err == nil {
			p = abs
		}
		return p
	}
	below, err := filepath.Rel(full(dir), full(path))
	return err == nil && filepath.IsLocal(below)
}

// readBackup returns the rules of a backup's chain.
func readBackup(fs vfs.FS, dir string) (*chain.Rules, error) {
	f, err := fs.Open(fs.PathJoin(dir, genesisFile))
	if err != nil {
		return nil, fmt.Errorf("%s is no backup: %w", dir, err)
	}
	raw, err := io.ReadAll(io.LimitReader(f, chain.MaxParamsBytes+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("read %s: %w", fs.PathJoin(dir, genesisFile), err)
	}
	params, err := chain.ParseParams(raw)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", fs.PathJoin(dir, genesisFile), err)
	}
	return chain.NewRules(params, engine(params.Consensus))
}
