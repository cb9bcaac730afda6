// Package chain holds the nouns of the ledger (headers, blocks, transactions,
// accounts, receipts) and its rules as pure functions over values: protocol
// §1–§5, §7 and §9. The rules of one consensus engine (§6) come in through
// Engine.
//
// There is no I/O, clock, goroutine, log or randomness here; a State is a value
// that stays usable after Extend and Execute, so forks, header sync, templates
// and tests are all the same call. Everything above imports this package; it
// imports only chain/canonical and chain/merkle of ours.
package chain
