package store

import (
	"errors"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// grow commits n empty blocks, a hundred in a batch.
func grow(tb testing.TB, s *Store, c *toy, n int) {
	tb.Helper()
	tip := c.genesis
	for done := 0; done < n; done += 100 {
		blocks := c.chain(tb, tip, 100, 0)
		next := blocks[len(blocks)-1]
		var apply Change
		for _, b := range blocks {
			apply.Put = append(apply.Put, b.entry())
			apply.Apply = append(apply.Apply, b.applied())
			b.parent = nil
		}
		commit(tb, s, apply)
		tip = next
	}
}

// openOnDisk opens a new store in a directory of the benchmark's.
func openOnDisk(b *testing.B, c *toy) (*Store, *Lock) {
	b.Helper()
	lock, err := LockDir(b.TempDir(), vfs.Default)
	if err != nil {
		b.Fatal(err)
	}
	s, err := Open(lock, c.rules, Options{})
	if err != nil {
		b.Fatal(err)
	}
	return s, lock
}

// BenchmarkOpen: opening a store of 10,000 blocks takes at most twice what
// opening an empty one takes.
func BenchmarkOpen(b *testing.B) {
	var empty float64
	for _, n := range []int{0, 10_000} {
		name := "empty"
		if n > 0 {
			name = fmt.Sprint(n)
		}
		b.Run(name, func(b *testing.B) {
			c := newToy(b, "toy")
			s, lock := openOnDisk(b, c)
			grow(b, s, c, n)
			if err := s.Close(); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				s, err := Open(lock, c.rules, Options{})
				if err != nil {
					b.Fatal(err)
				}
				if _, err := s.Tip(); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				if err := s.Close(); err != nil {
					b.Fatal(err)
				}
				b.StartTimer()
			}
			each := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
			if n == 0 {
				empty = each
			} else if empty > 0 {
				b.ReportMetric(each/empty, "×empty")
			}
			if err := lock.Close(); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// BenchmarkCommit commits one block a time to a real disk.
func BenchmarkCommit(b *testing.B) {
	for _, txs := range []int{0, 10} {
		b.Run(fmt.Sprintf("%d transactions", txs), func(b *testing.B) {
			c := newToy(b, "toy")
			s, lock := openOnDisk(b, c)
			tip := c.genesis
			for b.Loop() {
				b.StopTimer()
				next := c.on(b, tip, txs)
				b.StartTimer()
				commit(b, s, Change{Put: []Entry{next.entry()}, Apply: []Applied{next.applied()}})
				next.parent, tip = nil, next
			}
			if err := errors.Join(s.Close(), lock.Close()); err != nil {
				b.Fatal(err)
			}
		})
	}
}

func TestEmptyBlockTakesLittleDisk(t *testing.T) {
	c := newToy(t, "toy")
	fs := vfs.NewMem()
	s, lock, err := openOn(fs, c.rules)
	if err != nil {
		t.Fatal(err)
	}
	const blocks = 4000
	grow(t, s, c, blocks)
	if err := errors.Join(s.Close(), lock.Close()); err != nil {
		t.Fatal(err)
	}
	s = open(t, fs, c.rules)
	each := s.Size() / blocks
	t.Logf("%d bytes a block", each)
	if each >= 600 {
		t.Errorf("%d bytes for an empty block; want less than 600", each)
	}
}

// BenchmarkVerify proves a chain of signed transactions with one processor and
// with all, in turn; speed-up is how many times quicker all are.
func BenchmarkVerify(b *testing.B) {
	c := newToy(b, "toy")
	s, lock := openOnDisk(b, c)
	blocks := c.chain(b, c.genesis, 200, 100)
	commit(b, s, change(c.genesis, blocks[len(blocks)-1], blocks...))
	prove := func(processors int) time.Duration {
		defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
		begin := time.Now()
		if err := s.Verify(b.Context(), nil); err != nil {
			b.Fatal(err)
		}
		return time.Since(begin)
	}
	var one, all time.Duration
	for b.Loop() {
		one += prove(1)
		all += prove(runtime.NumCPU())
	}
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(one.Seconds()*1000/float64(b.N), "one-ms")
	b.ReportMetric(all.Seconds()*1000/float64(b.N), "all-ms")
	b.ReportMetric(float64(runtime.NumCPU()), "processors")
	b.ReportMetric(one.Seconds()/all.Seconds(), "speed-up")
	if err := errors.Join(s.Close(), lock.Close()); err != nil {
		b.Fatal(err)
	}
}
