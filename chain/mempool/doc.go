// Package mempool holds the transactions that wait for a block, in memory.
//
// All of them stand in one total order: those that could be mined now, by what
// a miner earns per byte, then those that wait behind a gap in their sender's
// nonces. Templates are filled from the front, a full pool loses from the back,
// and within one sender nonces always ascend. What a miner earns is reckoned by
// chunk: a run of one sender's transactions that is worth taking together, so
// a rich one pulls the poor ones before it along.
//
// A Pool does no I/O, has no clock and no goroutine, and checks no signature:
// what is added has passed chain.Rules.DecodeTransaction. What it holds beyond
// its cap is a fixed number of ids of transactions that left. chain/ledger owns
// the pool, guards it by its own lock, all but Known, and tells it of every change
// of the tip.
package mempool
