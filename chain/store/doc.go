// Package store keeps one chain on disk, in Pebble: every block ever accepted
// as raw canonical bytes, side branches too, and for the best chain the
// accounts, undo data, transaction index and history tree.
//
// It judges nothing: what it is given has been checked, and only chain/ledger
// gives it something. A change of the best chain is one synced batch, which is
// there whole or not at all after a crash. Nothing of a batch can be read
// before it is on disk. Verify re-proves everything from the bytes. Rollback, in
// batches of which each leaves a whole chain, and Restore are for a directory
// that no node has open.
//
// # Rows
//
// The first byte of a key says what a row is. Numbers in keys are big-endian,
// so that they sort; those in values are uvarints (encoding/binary) in their
// shortest form, unless their size is given. Format 1 lacks the rows t, c, d and r,
// format 2 the rows c, d and r.
//
//	key                           value
//	'm' 'f'                       format of the rows, 8 bytes big-endian
//	'm' 'g'                       hash of the genesis block
//	'm' 't'                       hash of the best tip
//	'h' hash (32)                 work (16, big-endian), first seen (Unix ms), length and text of via,
//	                              length and text of peer, CRC-32C of key and all that (4), canonical header
//	'b' hash (32)                 the canonical array of the block's transactions
//	's' height (8) hash (32)      nothing; a block of that height, side branches too
//	'n' height (8)                hash of the best chain's block
//	'u' hash (32)                 what a block of the best chain changed: for each account
//	                              public key (32), balance and nonce before, balance and nonce after
//	'a' public key (32)           balance, nonce at the best tip; no row if both are 0
//	'i' level (1) index (8)       hash of an interior node of the best chain's history tree, level ≥ 1
//	't' transaction id (32)       height and index on the best chain
//	'c' public key (32) height (8) index (4)
//	                              nothing; that transaction of the best chain names the account; with
//	                              the number of the block's transactions as index: the account mined it
//	'd' SHA-256 (32) height (8) index (4)
//	                              nothing; that transaction of the best chain has the hash on record
//	'r' number (8)                a reorganisation: when (Unix ms), length and text of via, length and text of
//	                              peer, height and hash of fork, old tip and new tip, CRC-32C of key and all that (4)
//	'p' transaction id (32)       a transaction that waits: first seen (Unix ms), length and text of via,
//	                              length and text of peer, canonical transaction
//
// # Failure
//
// See guard and disk: the first error of the disk that Pebble cannot take back
// breaks the store (ErrBroken) as if the machine had lost power there. A merge of
// tables that fails is none: it leaves SpareRoom to everything else, and waits.
package store
