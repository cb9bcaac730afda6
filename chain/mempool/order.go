package mempool

import (
	"cmp"
	"iter"
	"slices"

	"github.com/lp2pnode/lp2pnode/chain"
)

// walk goes through the chunks of the pool, best first, without touching it:
// O(log n) for each chunk seen. The pool must not change meanwhile.
type walk struct {
	heap []*sender // Pool.best
	open queue[stop]
}

// stop is a chunk to come to.
type stop struct {
	key
	sender *sender
	chunk  int
	node   int // place in heap, whose children come after it; −1 if they did
}

func (p *Pool) walk() *walk {
	w := &walk{heap: p.best.items}
	w.open.first = func(a, b stop) bool { return a.before(b.key) }
	w.node(0)
	return w
}

func (w *walk) node(i int) {
	if i < len(w.heap) {
		s := w.heap[i]
		w.open.add(stop{s.chunks[0].key, s, 0, i})
	}
}

// next returns the best chunk that is left. Its sender's next one comes only
// after a call of more.
func (w *walk) next() (stop, bool) {
	if len(w.open.items) == 0 {
		return stop{}, false
	}
	st := w.open.take()
	if st.node >= 0 {
		w.node(2*st.node + 1)
		w.node(2*st.node + 2)
	}
	return st, true
}

func (w *walk) more(st stop) {
	if i := st.chunk + 1; i < len(st.sender.chunks) {
		w.open.add(stop{st.sender.chunks[i].key, st.sender, i, -1})
	}
}

func (st stop) entries() []*entry {
	c := st.sender.chunks[st.chunk]
	return st.sender.list[c.from:c.to]
}

// Pending goes through all transactions in the pool's order, with their
// positions from 0; those that wait for a gap come last. The pool must not
// change meanwhile.
func (p *Pool) Pending() iter.Seq2[int, Entry] {
	return func(yield func(int, Entry) bool) {
		n := 0
		w := p.walk()
		for st, ok := w.next(); ok; st, ok = w.next() {
			for _, e := range st.entries() {
				if !yield(n, e.public()) {
					return
				}
				n++
			}
			w.more(st)
		}
		for _, e := range p.allWaiting() {
			if !yield(n, e.public()) {
				return
			}
			n++
		}
	}
}

func (p *Pool) allWaiting() []*entry {
	var senders []*sender
	for _, s := range p.senders {
		if s.ready < len(s.list) {
			senders = append(senders, s)
		}
	}
	slices.SortFunc(senders, func(a, b *sender) int {
		return cmp.Or(cmp.Compare(b.last.rate, a.last.rate), cmp.Compare(a.last.tie, b.last.tie))
	})
	var list []*entry
	for _, s := range senders {
		list = append(list, s.list[s.ready:]...)
	}
	return list
}

// Position returns how many transactions would be mined before this one; false
// if it is not in the pool or waits behind a gap. O(senders).
func (p *Pool) Position(id chain.Hash) (int, bool) {
	e := p.ids[id]
	if e == nil || e.waiting {
		return 0, false
	}
	at, _ := e.sender.find(e.tx.Nonce)
	mine, _ := slices.BinarySearchFunc(e.sender.chunks, at, func(c chunk, at int) int {
		return cmp.Compare(c.to, at+1)
	})
	k, n := e.sender.chunks[mine].key, at
	for _, s := range p.best.items {
		if s == e.sender {
			continue
		}
		for _, c := range s.chunks {
			if k.before(c.key) {
				break
			}
			n += c.to - c.from
		}
	}
	return n, true
}
