package mempool

import "container/heap"

// queue is a heap whose items know their place in it; first comes out first.
type queue[T any] struct {
	items []T
	first func(a, b T) bool
	place func(T) *int // nil if items need no place
}

func (q *queue[T]) Len() int           { return len(q.items) }
func (q *queue[T]) Less(i, j int) bool { return q.first(q.items[i], q.items[j]) }

func (q *queue[T]) Swap(i, j int) {
	q.items[i], q.items[j] = q.items[j], q.items[i]
	q.mark(i)
	q.mark(j)
}

func (q *queue[T]) mark(i int) {
	if q.place != nil {
		*q.place(q.items[i]) = i
	}
}

// Push implements heap.Interface; call add.
func (q *queue[T]) Push(x any) {
	q.items = append(q.items, x.(T))
	q.mark(len(q.items) - 1)
}

// Pop implements heap.Interface; call take or set.
func (q *queue[T]) Pop() any {
	var none T
	n := len(q.items) - 1
	x := q.items[n]
	q.items[n] = none
	q.items = q.items[:n]
	if q.place != nil {
		*q.place(x) = -1
	}
	return x
}

func (q *queue[T]) add(x T) { heap.Push(q, x) }

func (q *queue[T]) take() T { return heap.Pop(q).(T) }

// set puts x in, moves it to where it now belongs, or takes it out. Items must
// know their place.
func (q *queue[T]) set(x T, in bool) {
	switch at := *q.place(x); {
	case in && at < 0:
		heap.Push(q, x)
	case in:
		heap.Fix(q, at)
	case at >= 0:
		heap.Remove(q, at)
	}
}
