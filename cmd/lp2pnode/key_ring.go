package main

import (
	"context"
	"path/filepath"
	"strings"

	"github.com/spf13/pflag"

	"github.com/lp2pnode/lp2pnode/node/keys"
)

const (
	keysFolder = "keys"    // in the data directory
	defaultKey = "default" // the name of a key where none is given
)

// keyring is what the commands share that use keys.
type keyring struct {
	t              *terminal
	settings       *settings
	key            string // --key
	passphraseFile string
	noPassphrase   bool
	json           bool
}

// addSigner is for commands that sign, with the key --key. Where they ask a
// node as well, the asker's flags come first.
func (r *keyring) addSigner(to *pflag.FlagSet) {
	r.addFlags(to)
	to.StringVar(&r.key, "key", "", "`NAME` or address of the key that signs (none: the only one, or "+defaultKey+")")
	r.addPassphrase(to)
}

func (r *keyring) addFlags(to *pflag.FlagSet) {
	to.SortFlags = false
	to.Var(r.settings.flags["data-dir"], "data-dir", "data directory, in which keys lie under "+keysFolder)
	if to.Lookup("config") == nil {
		r.settings.addConfigFlag(to)
	}
}

func (r *keyring) addJSON(to *pflag.FlagSet) { to.BoolVar(&r.json, "json", false, "print JSON") }

func (r *keyring) addPassphrase(to *pflag.FlagSet) {
	to.StringVar(&r.passphraseFile, "passphrase-file", "", "`FILE` with the passphrase (none: "+passphraseVariable+", or the terminal asks)")
}

func (r *keyring) addNoPassphrase(to *pflag.FlagSet) {
	to.BoolVar(&r.noPassphrase, "no-passphrase", false, "keep the key in clear, for whoever can read its file")
}

// openKeys returns the store of keys of the data directory in force.
func (r *keyring) openKeys() (*keys.Store, error) {
	inForce, err := r.settings.resolve()
	if err != nil {
		return nil, err
	}
	o := &options{}
	value := inForce["data-dir"]
	if err := setDataDir(r.settings.env)(o, value.values); err != nil {
		return nil, usagef("%s: %w", value.at("data-dir"), err)
	}
	if o.node.DataDir == "" {
		return nil, usagef("no data directory, for want of a home: name one with --data-dir")
	}
	return keys.Open(filepath.Join(o.node.DataDir, keysFolder)), nil
}

// choose returns the key that id names, by name or address. Without id it is
// the only key there is, or the one named default.
func (r *keyring) choose(id string) (*keys.Store, keys.Entry, error) {
	store, err := r.openKeys()
	if err != nil {
		return nil, keys.Entry{}, err
	}
	if id != "" {
		entry, err := store.Get(id)
		return store, entry, keyError(err)
	}
	entries, wrong := store.List()
	var names []string
	for _, entry := range entries {
		if entry.Name == defaultKey || len(entries)+len(wrong) == 1 {
			return store, entry, nil
		}
		names = append(names, entry.Name)
	}
	switch {
	case len(wrong) > 0:
		return nil, keys.Entry{}, problems(wrong)
	case len(names) == 0:
		return nil, keys.Entry{}, usagef("no key in %s; make one with lp2pnode key new", store.Dir())
	}
	return nil, keys.Entry{}, usagef("which key? there are %s, and none is named %s", strings.Join(names, ", "), defaultKey)
}

// unlock returns the key that id names, as choose does, ready to sign. It asks
// for the passphrase where the key has one.
func (r *keyring) unlock(ctx context.Context, id string) (keys.Key, error) {
	store, entry, err := r.choose(id)
	if err != nil {
		return keys.Key{}, err
	}
	var opens keys.Passphrase
	if entry.Encrypted {
		if opens, err = r.passphrase(ctx, "key "+entry.Name); err != nil {
			return keys.Key{}, err
		}
	}
	key, err := store.Unlock(entry.Name, opens)
	return key, keyError(err)
}
