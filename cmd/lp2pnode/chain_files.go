package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/klauspost/compress/zstd"
	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"github.com/lp2pnode/lp2pnode/chain"
	"github.com/lp2pnode/lp2pnode/chain/canonical"
	"github.com/lp2pnode/lp2pnode/chain/ledger"
	"github.com/lp2pnode/lp2pnode/chain/store"
	"github.com/lp2pnode/lp2pnode/node"
)

const aboutFiles = `A file has one block on each line, in its canonical JSON, from low to high heights;
one whose name ends in .zst is compressed by Zstandard. - is standard output or input.`

func newChainExport(t *terminal, s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "export FILE",
		Short: "write blocks of the best chain to a file, one JSON object a line",
		Long:  "export writes blocks of the best chain, while a node runs on it or not.\n\n" + aboutFiles,
		Args:  between(1, 1, "FILE"),
	}
	w := newWorker(cmd, t, s)
	var from, to uint64
	cmd.Flags().Uint64Var(&from, "from", 0, "`HEIGHT` of the first block")
	cmd.Flags().Uint64Var(&to, "to", 0, "`HEIGHT` of the last block (default: the tip's)")
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		if !cmd.Flags().Changed("to") {
			to = math.MaxUint64
		}
		if from > to || from > canonical.MaxInteger {
			return usagef("--from: want a height of at most --to, got %d", from)
		}
		return w.on(node.ToRead, func(p *place) error { return w.export(cmd.Context(), p, args[0], from, to) })
	}
	return cmd
}

// export writes the blocks, to a file only when all are there.
func (w *worker) export(ctx context.Context, p *place, path string, from, to uint64) error {
	tip, err := p.height(ctx)
	if err != nil {
		return err
	}
	if to == math.MaxUint64 {
		to = max(from, tip)
	}
	if to > tip {
		return fmt.Errorf("there is no block %d yet: the tip is block %d", to, tip)
	}
	bar := w.t.bar("export")
	defer bar.end()
	write := func(out io.Writer) error { return p.exportTo(ctx, out, from, to, bar.show) }
	if path == "-" {
		return writeCompressed(w.t.out, false, write)
	}
	err = alone(path, func() error {
		err := writeWhole(path, write)
		for tries := 1; errors.Is(err, errReorganised) && tries < 3; tries++ {
			err = writeWhole(path, write)
		}
		return err
	})
	if err != nil {
		return err
	}
	bar.end()
	_, err = fmt.Fprintf(w.t.err, "%s holds blocks %d to %d\n", path, from, to)
	return err
}

// height returns the height of the tip.
func (p *place) height(ctx context.Context) (uint64, error) {
	if p.dir != nil {
		return p.dir.Ledger().Tip().Tip.Height, nil
	}
	status, err := p.node.Status(ctx)
	if err != nil {
		return 0, err
	}
	return status.Height, nil
}

// errReorganised: the blocks read so far are not all on the best chain now.
var errReorganised = errors.New("the chain was reorganised meanwhile: export again")

func (p *place) exportTo(ctx context.Context, out io.Writer, from, to uint64, progress func(done, total uint64)) error {
	var before chain.Hash
	for height := from; height <= to; {
		blocks, err := p.blocks(ctx, height, int(min(pageSize, to-height+1)))
		if err != nil {
			return err
		}
		if len(blocks) == 0 {
			return fmt.Errorf("block %d: %w", height, errReorganised)
		}
		for _, b := range blocks {
			if height > from && b.PrevHash != before {
				return fmt.Errorf("block %d: %w", height, errReorganised)
			}
			_, err := out.Write(b.Raw())
			if err == nil {
				_, err = io.WriteString(out, "\n")
			}
			if err != nil {
				return fmt.Errorf("write block %d: %w", height, err)
			}
			before = b.Hash
			height++
		}
		progress(height-from, to-from+1)
	}
	return nil
}

// blocks returns blocks of the best chain from a height on.
func (p *place) blocks(ctx context.Context, from uint64, limit int) ([]*chain.Block, error) {
	if p.dir == nil {
		return p.node.Blocks(ctx, from, limit)
	}
	hashes, err := p.dir.Store().Hashes(from, limit)
	if err != nil {
		return nil, err
	}
	blocks := make([]*chain.Block, len(hashes))
	for i, hash := range hashes {
		if blocks[i], err = p.dir.Store().Block(hash); err != nil {
			return nil, fmt.Errorf("block %d: %w", from+uint64(i), err)
		}
	}
	return blocks, ctx.Err()
}

// partialOf names what is written before it appears as path.
func partialOf(path string) string { return path + ".partial" }

// alone calls write for a file that is not there, while no other export writes
// it. The lock is the process's: one that is killed is in nobody's way.
func alone(path string, write func() error) error {
	claim := partialOf(path) + ".lock"
	lock, err := vfs.Default.Lock(claim)
	if err != nil && store.InUse(err) {
		return fmt.Errorf("another export is writing %s: let it end, or name another file", path)
	}
	if err != nil {
		return fmt.Errorf("lock %s: %w", claim, err)
	}
	if _, err = os.Lstat(path); err == nil {
		err = fmt.Errorf("%s is there already: remove it, or name another file", path)
	} else {
		err = write()
	}
	_ = os.Remove(claim) // whoever opened it meanwhile and locks it now finds the file, if there is one
	return errors.Join(err, lock.Close())
}

// writeWhole writes a file, compressed if its name says so, that appears when
// it is complete and on disk. It takes the place of what an export left that
// was cut short.
func writeWhole(path string, write func(io.Writer) error) (err error) {
	partial := partialOf(path)
	if err := os.Remove(partial); err != nil && !errors.Is(err, os.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(partial, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o666)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(partial)
		}
	}()
	err = writeCompressed(f, strings.HasSuffix(path, ".zst"), write)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := os.Rename(partial, path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	return errors.Join(dir.Sync(), dir.Close())
}

func writeCompressed(f io.Writer, compressed bool, write func(io.Writer) error) error {
	buffered := bufio.NewWriterSize(f, 256<<10)
	if !compressed {
		return errors.Join(write(buffered), buffered.Flush())
	}
	z, err := zstd.NewWriter(buffered)
	if err != nil {
		return err
	}
	return errors.Join(write(z), z.Close(), buffered.Flush())
}

func newChainImport(t *terminal, s *settings) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "import FILE",
		Short: "add blocks from a file to a data directory, each checked by every rule",
		Long: `import adds the blocks of a file to the chain of a data directory, which it makes if
need be, and checks each as a stranger's. It passes over those that are there: one
that was cut short is given again, and goes on where it ended. While the disk is full
it waits. No node may run on the directory: a running one has its peers.

` + aboutFiles,
		Args: between(1, 1, "FILE"),
	}
	for _, name := range []string{"data-dir", "genesis", "min-free-mib"} {
		cmd.Flags().Var(s.flags[name], name, s.flags[name].row.help)
	}
	s.addConfigFlag(cmd.Flags())
	cmd.RunE = func(cmd *cobra.Command, args []string) error {
		o, _, err := s.options()
		if err != nil {
			return err
		}
		return o.importFile(cmd.Context(), t, args[0])
	}
	return cmd
}

func (o *options) importFile(ctx context.Context, t *terminal, path string) (err error) {
	in, err := openLines(t, path)
	if err != nil {
		return err
	}
	defer in.close()
	d, err := node.OpenDirectory(o.node, node.ToMake)
	if err != nil {
		return stopFirst(o.directoryError(err))
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	bar := t.bar("import")
	sum, err := importLines(ctx, d, in, bar, t)
	bar.end()
	tip := d.Ledger().Tip().Tip
	_, printed := fmt.Fprintf(t.out, "%s added, %d were here: the tip is block %d, %s\n", count(int(sum.Added), "block"), sum.Known, tip.Height, tip.Hash)
	if err != nil {
		return fmt.Errorf("import %s: %w", path, err)
	}
	return printed
}

// importLines imports while somebody watches the disk.
func importLines(ctx context.Context, d *node.Directory, in *lineSource, bar *bar, t *terminal) (sum ledger.Imported, err error) {
	g, ctx := errgroup.WithContext(ctx)
	watching, done := context.WithCancel(ctx)
	g.Go(func() error {
		return d.WatchDisk(watching, func(why string) {
			if why != "" {
				bar.end()
				fmt.Fprintln(t.err, "lp2pnode: waiting: "+why)
			}
		})
	})
	g.Go(func() error {
		defer done()
		sum, err = d.Ledger().Import(ctx, in, func(ledger.Imported) { bar.show(in.read.Load(), in.size) })
		return err
	})
	err = g.Wait()
	return sum, err
}

// stopFirst says that a directory in use has to be freed.
func stopFirst(err error) error {
	if taken := holderOf(err); taken != nil {
		return fmt.Errorf("data directory %s is in use by process %d: stop it first; a running node has its blocks from its peers", taken.Dir, taken.Holder.PID)
	}
	return err
}

// lineSource reads a file of blocks and counts what it has read of it.
type lineSource struct {
	io.Reader
	file *os.File // nil is standard input
	zstd *zstd.Decoder
	size uint64 // bytes; 0 if unknown
	read atomic.Uint64
	from io.Reader
}

// Most memory that a compressed file may ask for.
const (
	maxWindow       = 32 << 20
	maxDecodeMemory = 128 << 20
)

func openLines(t *terminal, path string) (*lineSource, error) {
	s := &lineSource{from: t.in}
	if path != "-" {
		f, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		s.file, s.from = f, f
		if info, err := f.Stat(); err == nil && info.Mode().IsRegular() {
			s.size = uint64(info.Size())
		}
	}
	s.Reader = readerFunc(func(b []byte) (int, error) {
		n, err := s.from.Read(b)
		s.read.Add(uint64(n))
		return n, err
	})
	if !strings.HasSuffix(path, ".zst") {
		return s, nil
	}
	var err error
	s.zstd, err = zstd.NewReader(s.Reader, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxDecodeMemory))
	if err != nil {
		s.close()
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	s.Reader = s.zstd
	return s, nil
}

func (s *lineSource) close() {
	if s.zstd != nil {
		s.zstd.Close()
	}
	if s.file != nil {
		_ = s.file.Close() // it was read only
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(b []byte) (int, error) { return f(b) }
