package p2p

import (
	"time"

	"github.com/lp2pnode/lp2pnode/chain"
)

// Ledger is what the network needs of the ledger. It is safe for concurrent
// use. Errors of the Add methods match chain.ErrInvalid, ErrUnfit,
// ErrUnknownParent, ErrFuture, ErrWaiting, ErrKnown, ErrUnwanted or ErrHeld; everything
// else, here and from the readers, is this node's own fault.
type Ledger interface {
	// Tip returns the state of the best chain, without waiting.
	Tip() chain.State
	// Changed is closed at the next change of the tip or of what Ready has.
	Changed() <-chan struct{}

	// Held says why nothing is added for now (chain.ErrHeld), or nil. It never
	// blocks.
	Held() error
	// DecodeBlock is chain.Rules.DecodeBlock, quicker for transactions that the
	// pool has. It does not wait for a change that is under way.
	DecodeBlock(raw []byte) (*chain.Block, error)
	// AddBlocks adds blocks, parents first, and says how many it got through.
	AddBlocks(src chain.Source, blocks ...*chain.Block) (int, error)
	// AddBlock adds a block, and calls pass once when it may be passed on, which
	// can be before it is kept. After an error it may not, unless pass was called.
	AddBlock(src chain.Source, b *chain.Block, pass func()) error
	// AddTransaction adds a transaction to the pool.
	AddTransaction(src chain.Source, tx *chain.Transaction) error
	// Ready takes out of the waiting room the blocks that can be judged now,
	// and says when to ask again for time's sake (zero: never).
	Ready() (blocks []*chain.Block, sources []chain.Source, next time.Time)
	// FreedTransactions takes out the transactions of the pool whose time to be
	// published has come: a gap in nonces closed, or a block was reverted.
	FreedTransactions() []*chain.Transaction

	// Has tells whether a block was ever accepted, on whatever branch.
	Has(hash chain.Hash) (bool, error)
	// StateAt returns the state after any accepted block.
	StateAt(hash chain.Hash) (chain.State, error)
	// RawBlock returns the canonical bytes of any accepted block.
	RawBlock(hash chain.Hash) ([]byte, error)
	// Locator lists the best chain from its tip to genesis (protocol §8).
	Locator() ([]chain.Hash, error)
	// RawHeadersAfter returns at most limit headers of the best chain after the
	// first locator hash on it, or after genesis, ascending.
	RawHeadersAfter(locator []chain.Hash, limit int) ([][]byte, error)
	// Transactions returns the canonical bytes of at most limit transactions
	// of the pool, those of one sender by nonce.
	Transactions(limit int) [][]byte
}
