package ledger

import (
	"errors"
	"fmt"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

// ErrUnknownCursor is returned by Since for a place that this node never saw.
var ErrUnknownCursor = errors.New("unknown cursor: no such block was ever on this node")

// Has tells whether a block was ever accepted.
func (l *Ledger) Has(hash chain.Hash) (bool, error) { return l.store.Has(hash) }

// RawBlock returns the canonical bytes of an accepted block, or an error that
// matches store.ErrNotFound.
func (l *Ledger) RawBlock(hash chain.Hash) ([]byte, error) { return l.store.RawBlock(hash) }

// Locator lists hashes of the best chain for protocol §8: the last 10 from the
// tip, then doubling steps, ending in genesis.
func (l *Ledger) Locator() ([]chain.Hash, error) {
	tip := l.Tip().Tip
	hashes := []chain.Hash{tip.Hash}
	step := uint64(1)
	for height := tip.Height; height > 0; {
		height -= min(step, height)
		hash, err := l.store.HashAt(height)
		if errors.Is(err, store.ErrNotFound) {
			continue // a shorter, heavier chain came meanwhile
		}
		if err != nil {
			return nil, fmt.Errorf("locator: %w", err)
		}
		hashes = append(hashes, hash)
		if len(hashes) >= 10 {
			step *= 2
		}
	}
	return hashes, nil
}

// RawHeadersAfter returns at most limit headers of the best chain, ascending,
// after the first locator hash that is on it, or after genesis (protocol §8).
func (l *Ledger) RawHeadersAfter(locator []chain.Hash, limit int) ([][]byte, error) {
	from, err := l.locate(locator)
	if err != nil {
		return nil, err
	}
	hashes, err := l.store.Hashes(from+1, limit)
	if err != nil {
		return nil, fmt.Errorf("read heights from %d: %w", from+1, err)
	}
	headers := make([][]byte, 0, len(hashes))
	for _, hash := range hashes {
		raw, err := l.store.RawHeader(hash)
		if err != nil {
			return nil, fmt.Errorf("read header %s: %w", hash, err)
		}
		headers = append(headers, raw)
	}
	return headers, nil
}

// locate returns the height of the first hash that is on the best chain, or 0.
func (l *Ledger) locate(hashes []chain.Hash) (uint64, error) {
	for _, hash := range hashes {
		r, err := l.store.Record(hash)
		if errors.Is(err, store.ErrNotFound) {
			continue
		}
		if err != nil {
			return 0, fmt.Errorf("read header %s: %w", hash, err)
		}
		on, err := l.onBestChain(r.Header.Cursor())
		if err != nil {
			return 0, err
		}
		if on {
			return r.Header.Height, nil
		}
	}
	return 0, nil
}

func (l *Ledger) onBestChain(c chain.Cursor) (bool, error) {
	hash, err := l.store.HashAt(c.Height)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read height %d: %w", c.Height, err)
	}
	return hash == c.Hash, nil
}

// Since returns what happened to the best chain since a cursor, at most n
// steps, reverted blocks first, and the cursor after them. A cursor that was
// never here gets ErrUnknownCursor.
func (l *Ledger) Since(c chain.Cursor, n int) ([]chain.Step, chain.Cursor, error) {
	path, next, err := l.pathSince(c, n)
	if err != nil {
		return nil, c, err
	}
	steps := make([]chain.Step, 0, len(path))
	for _, p := range path {
		b, err := l.store.Block(p.hash)
		if err != nil {
			return nil, c, fmt.Errorf("read block %s: %w", p.hash, err)
		}
		steps = append(steps, chain.Step{Revert: p.revert, Block: b})
	}
	return steps, next, nil
}

type hop struct {
	hash   chain.Hash
	revert bool
}

// pathSince works out Since's steps without their blocks, under the lock, so
// that no switch comes between.
func (l *Ledger) pathSince(c chain.Cursor, n int) ([]hop, chain.Cursor, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.pathFrom(c, n)
}

// pathFrom is pathSince with mu held.
func (l *Ledger) pathFrom(c chain.Cursor, n int) ([]hop, chain.Cursor, error) {
	var path []hop
	for len(path) < n {
		on, err := l.onBestChain(c)
		if err != nil {
			return nil, c, err
		}
		if on {
			break
		}
		r, err := l.store.Record(c.Hash)
		if errors.Is(err, store.ErrNotFound) || err == nil && r.Header.Height != c.Height {
			return nil, c, ErrUnknownCursor
		}
		if err != nil {
			return nil, c, fmt.Errorf("read header %s: %w", c.Hash, err)
		}
		path = append(path, hop{c.Hash, true})
		c = chain.Cursor{Height: c.Height - 1, Hash: r.Header.PrevHash}
	}
	hashes, err := l.store.Hashes(c.Height+1, n-len(path))
	if err != nil {
		return nil, c, fmt.Errorf("read heights from %d: %w", c.Height+1, err)
	}
	for _, hash := range hashes {
		path = append(path, hop{hash, false})
		c = chain.Cursor{Height: c.Height + 1, Hash: hash}
	}
	return path, c, nil
}
