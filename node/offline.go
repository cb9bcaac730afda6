package node

import (
	"context"
	"errors"
	"fmt"

	"github.com/lp2pnode/lp2pnode/chain/ledger"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

// Directory is the data directory of a node that does not run: its chain
// without network and miner, for looking at it and for putting it right. It
// touches no other file than the chain's.
type Directory struct {
	cfg    Config
	plan   plan
	lock   *store.Lock
	store  *store.Store
	ledger *ledger.Ledger
}

// Access says what a Directory is opened for.
type Access int

// The ways to open a Directory.
const (
	ToRead  Access = iota // nothing is written; there has to be a chain
	ToWrite               // there has to be a chain
	ToMake                // makes a new chain where there is none
)

// OpenDirectory opens the data directory of cfg. The error is a
// *store.LockedError if a node runs on it.
func OpenDirectory(cfg Config, access Access) (*Directory, error) {
	plan, err := check(&cfg)
	if err != nil {
		return nil, err
	}
	d := &Directory{cfg: cfg, plan: plan}
	if access != ToMake {
		exists, err := store.Exists(plan.dir, cfg.FS)
		if err != nil {
			return nil, fmt.Errorf("data directory %s: %w", plan.dir, err)
		}
		if !exists {
			return nil, fmt.Errorf("data directory %s holds no chain; name one with --data-dir", plan.dir)
		}
	}
	if err := d.open(access); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *Directory) open(access Access) (err error) {
	if d.lock, err = store.LockDir(d.plan.dir, d.cfg.FS); err != nil {
		return err
	}
	opts := store.Options{CacheBytes: d.cfg.CacheSize, Logger: d.cfg.Logger, ReadOnly: access == ToRead}
	if d.store, err = store.Open(d.lock, d.plan.rules, opts); err != nil {
		return err
	}
	d.ledger, err = ledger.Open(d.store, d.plan.rules, ledger.Config{Logger: d.cfg.Logger, Now: d.cfg.Now})
	return err
}

// Close frees the directory.
func (d *Directory) Close() error {
	var errs []error
	if d.store != nil {
		errs = append(errs, d.store.Close())
	}
	if d.lock != nil {
		errs = append(errs, d.lock.Close())
	}
	return errors.Join(errs...)
}

// Store returns the chain's blocks and accounts.
func (d *Directory) Store() *store.Store { return d.store }

// Ledger returns the chain, which takes blocks and transactions unless the
// directory was opened ToRead.
func (d *Directory) Ledger() *ledger.Ledger { return d.ledger }

// Backup is Node.Backup.
func (d *Directory) Backup(ctx context.Context, dir string, progress Progress) (*Backup, error) {
	return makeBackup(ctx, &d.cfg, d.plan.rules, d.store, dir, progress)
}

// WatchDisk stops the ledger while the disk is full or has failed, and mends
// the store, as a running node does, until ctx ends; told is called with what
// is the matter, and with "" when the ledger goes on.
func (d *Directory) WatchDisk(ctx context.Context, told func(why string)) error {
	return newKeeper(&d.cfg, d.plan.dir, d.store, d.ledger, told).run(ctx)
}
