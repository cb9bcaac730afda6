// Package miner makes blocks: it asks a ledger for a template, has a Sealer
// find the proof of work, and hands the block to the same door through which a
// stranger's comes. It puts nothing into a block but note, address and nonce.
//
// It never talks to the network or the disk and never decides whether the node
// may mine: a Gate does. Package node assembles it; simulations replace the
// Sealer.
package miner
