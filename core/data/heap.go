package data

// earlier is what a heap asks of its values.
type earlier[T any] interface{ before(T) bool }

// heapOf is a binary heap of values, whose root comes before all others. Unlike container/heap it does not box what it holds: vocabularies
// are learned and long words are merged by millions of pushes.
type heapOf[T earlier[T]] []T

func (h heapOf[T]) init() {
	for i := len(h)/2 - 1; i >= 0; i-- {
		h.down(i)
	}
}

func (h *heapOf[T]) push(x T) {
	*h = append(*h, x)
	s := *h
	for i := len(s) - 1; i > 0; {
		parent := (i - 1) / 2
		if !s[i].before(s[parent]) {
			return
		}
		s[i], s[parent] = s[parent], s[i]
		i = parent
	}
}

func (h *heapOf[T]) pop() T {
	s := *h
	top, last := s[0], len(s)-1
	s[0] = s[last]
	*h = s[:last]
	h.down(0)
	return top
}

// down restores the order after the value at i has come to belong later.
func (h heapOf[T]) down(i int) {
	for {
		child := 2*i + 1
		if child >= len(h) {
			return
		}
		if child+1 < len(h) && h[child+1].before(h[child]) {
			child++
		}
		if !h[child].before(h[i]) {
			return
		}
		h[i], h[child] = h[child], h[i]
		i = child
	}
}
