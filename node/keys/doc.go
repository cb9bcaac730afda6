// Package keys keeps the keys with which people sign transactions: Ed25519 in
// libp2p's form, so that an address is also a peer id. A Store is a directory
// that only its owner may enter; each key is a file in it, named by the key's
// name, that holds the address in clear and the key encrypted with a
// passphrase by age's scrypt recipient, or in clear if that was asked for.
//
// It never takes the place of a file, never logs, and never puts a secret, or
// a part of what might be one, into an error: Key and Passphrase print as
// "redacted" whatever asks them. The one way out is Key.Text.
//
// The command line calls it. A running node does not: it has a key of its own,
// which signs nothing but its connections.
package keys

import "errors"

// What callers tell apart. All but ErrName and ErrNotKey come with the name or
// the path they are about.
var (
	ErrName            = errors.New("want a key's name of 1 to 64 characters a-z, 0-9, - and _, or an address")
	ErrNotFound        = errors.New("no such key")
	ErrExists          = errors.New("keys are never replaced")
	ErrLocked          = errors.New("it is encrypted and takes its passphrase")
	ErrWrongPassphrase = errors.New("wrong passphrase")
	ErrNotEncrypted    = errors.New("it is kept without a passphrase")
	// ErrNotKey: this is not a private key of ours in any form.
	ErrNotKey = errors.New("not a private key")
	// ErrDamaged: a file of the store is not what the store wrote.
	ErrDamaged = errors.New("damaged key file")
	// ErrRights: others than the owner may read or change a file.
	ErrRights = errors.New("others than its owner may read or change it")
)
