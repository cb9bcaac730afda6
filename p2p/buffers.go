package p2p

import (
	"bufio"
	"io"
	"sync"
)

const bufferBytes = 64 << 10

// buffers are those of sync's streams, used again: most answers are short, and
// every connection asks.
type buffers struct{ readers, writers sync.Pool }

func (b *buffers) reader(r io.Reader) *bufio.Reader {
	if free, ok := b.readers.Get().(*bufio.Reader); ok {
		free.Reset(r)
		return free
	}
	return bufio.NewReaderSize(r, bufferBytes)
}

func (b *buffers) writer(w io.Writer) *bufio.Writer {
	if free, ok := b.writers.Get().(*bufio.Writer); ok {
		free.Reset(w)
		return free
	}
	return bufio.NewWriterSize(w, bufferBytes)
}

// putReader takes back a reader that nobody reads any more, and lets go of its
// stream.
func (b *buffers) putReader(r *bufio.Reader) {
	r.Reset(nil)
	b.readers.Put(r)
}

func (b *buffers) putWriter(w *bufio.Writer) {
	w.Reset(nil)
	b.writers.Put(w)
}
