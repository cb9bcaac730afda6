package ledger

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"golang.org/x/sync/errgroup"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/store"
)

// A window of blocks is decoded on all processors while the one before it is
// added in one synced batch.
const (
	windowBlocks = 512
	windowBytes  = 4 << 20
)

// Imported counts what Import has done.
type Imported struct {
	Added uint64 // blocks that were not here
	Known uint64 // blocks that were
}

// Import adds blocks from r, each in its canonical JSON on a line of its own,
// parents first, as strangers' blocks are added: every rule is checked. Blocks
// that are here already are passed over quickly, so that an import that was cut
// short goes on where it ended. told, if not nil, is told after each batch.
//
// The error names the line. What was added before it stays. While the ledger is
// held (Hold), or its store broken, Import waits for whoever sees to that.
func (l *Ledger) Import(ctx context.Context, r io.Reader, told func(Imported)) (Imported, error) {
	var sum Imported
	windows := make(chan *window)
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error {
		defer close(windows)
		return l.readWindows(ctx, r, windows)
	})
	g.Go(func() error {
		for w := range windows {
			sum.Known += w.known
			added, err := l.addWindow(ctx, w)
			if sum.Added += added; err != nil {
				return err
			}
			if told != nil {
				told(sum)
			}
		}
		return nil
	})
	err := g.Wait()
	return sum, err
}

// window is a number of lines, decoded: the blocks that are not here.
type window struct {
	blocks []*chain.Block
	lines  []uint64 // on which they stand
	known  uint64
	err    error // ends the import after the blocks
}

// readWindows reads to the end, or to a line that cannot be right: the blocks
// before it are as good as ever.
func (l *Ledger) readWindows(ctx context.Context, r io.Reader, to chan<- *window) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 0, 64<<10), int(l.rules.Params.MaxBlockBytes)+2)
	number := uint64(1)
	for more := true; more; {
		var raws [][]byte
		size := 0
		for len(raws) < windowBlocks && size < windowBytes {
			if more = lines.Scan(); !more {
				break
			}
			raws = append(raws, bytes.Clone(lines.Bytes()))
			size += len(lines.Bytes())
		}
		w := l.decodeWindow(raws, number)
		number += uint64(len(raws))
		switch err := lines.Err(); {
		case w.err != nil:
			more = false
		case errors.Is(err, bufio.ErrTooLong):
			w.err = fmt.Errorf("line %d: %w", number, chain.Invalid(chain.RuleSize, fmt.Sprintf("a block of at most %d bytes", l.rules.Params.MaxBlockBytes), "more"))
		case err != nil:
			w.err = fmt.Errorf("line %d: %w", number, err)
		}
		select {
		case to <- w:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// decodeWindow decodes lines on all processors, with their signatures checked.
func (l *Ledger) decodeWindow(raws [][]byte, first uint64) *window {
	blocks, errs := make([]*chain.Block, len(raws)), make([]error, len(raws))
	var g errgroup.Group
	g.SetLimit(runtime.GOMAXPROCS(0))
	for i, raw := range raws {
		g.Go(func() error {
			blocks[i], errs[i] = l.decodeLine(raw)
			return nil
		})
	}
	_ = g.Wait() // each line has its own error
	w := &window{}
	for i, b := range blocks {
		line := first + uint64(i)
		switch {
		case errs[i] != nil:
			w.err = fmt.Errorf("line %d: %w", line, errs[i])
			return w
		case b == nil:
			w.known++
		default:
			w.blocks, w.lines = append(w.blocks, b), append(w.lines, line)
		}
	}
	return w
}

// decodeLine returns the block of a line, nil if it is here already.
func (l *Ledger) decodeLine(raw []byte) (*chain.Block, error) {
	b, err := l.rules.DecodeBlock(raw)
	if rule := new(chain.RuleError); errors.As(err, &rule) && rule.Rule == chain.RuleHeight {
		return nil, fmt.Errorf("block 0 is of another chain than %s, choose that chain's genesis file and another directory: %w", l.rules.Genesis().Hash, err)
	}
	if err != nil {
		return nil, err
	}
	// A store that has just broken answers later, when the block is added.
	if here, err := l.store.Has(b.Hash); here || err != nil && !errors.Is(err, store.ErrBroken) {
		return nil, err
	}
	return b, l.rules.VerifyTransactions(b.Transactions)
}

// addWindow adds a window's blocks, however long the disk is full meanwhile.
func (l *Ledger) addWindow(ctx context.Context, w *window) (added uint64, err error) {
	for len(w.blocks) > 0 {
		if err := ctx.Err(); err != nil {
			return added, err
		}
		changed := l.Changed()
		n, err := l.AddBlocks(chain.Source{Via: chain.ViaImport}, w.blocks...)
		if errors.Is(err, chain.ErrKnown) {
			n, err = n+1, nil // the last one, which came to disk after all
		}
		added += uint64(n)
		w.blocks, w.lines = w.blocks[n:], w.lines[n:]
		switch {
		case errors.Is(err, chain.ErrHeld), errors.Is(err, store.ErrBroken), errors.Is(err, store.ErrReadOnly):
			select {
			case <-changed:
			case <-ctx.Done():
				return added, ctx.Err()
			}
		case err != nil:
			return added, fmt.Errorf("line %d: %w", w.lines[0], err)
		}
	}
	return added, w.err
}
