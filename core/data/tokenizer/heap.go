package tokenizer

// earlier is what a heap asks of its values.
type earlier[T any] interface{ before(T) bool }

// heapOf is a heap of values with four children each, whose root comes before all others. Unlike container/heap it does not box what it
// holds: vocabularies are learned and long words are merged by millions of pushes.
type heapOf[T earlier[T]] []T

func (h heapOf[T]) init() {
	for i := (len(h) - 2) / 4; i >= 0 && len(h) > 1; i-- {
		h.down(i)
	}
}

func (h *heapOf[T]) push(x T) {
	*h = append(*h, x)
	s := *h
	i := len(s) - 1
	for i > 0 {
		parent := (i - 1) / 4
		if !x.before(s[parent]) {
			break
		}
		s[i] = s[parent]
		i = parent
	}
	s[i] = x
}

func (h *heapOf[T]) pop() T {
	s := *h
	top, end := s[0], len(s)-1
	s[0] = s[end]
	*h = s[:end]
	if end > 1 {
		h.down(0)
	}
	return top
}

// down restores the order after the value at i has come to belong later.
func (h heapOf[T]) down(i int) {
	x := h[i]
	for {
		child := 4*i + 1
		if child >= len(h) {
			break
		}
		best := child
		for c := child + 1; c < min(child+4, len(h)); c++ {
			if h[c].before(h[best]) {
				best = c
			}
		}
		if !h[best].before(x) {
			break
		}
		h[i] = h[best]
		i = best
	}
	h[i] = x
}
