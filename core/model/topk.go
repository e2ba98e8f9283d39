package model

import "sort"

// before says that logit a of token i ranks before logit b of token j: larger logits first, NaN last, ties to the lower
// token.
func before(a float32, i int32, b float32, j int32) bool {
	switch {
	case a > b:
		return true
	case a < b:
		return false
	case a != a && b == b:
		return false
	case b != b && a == a:
		return true
	}
	return i < j
}

// argmax answers the token that ranks first.
func argmax(logits []float32) int32 {
	best := int32(0)
	for i, x := range logits {
		if before(x, int32(i), logits[best], best) {
			best = int32(i)
		}
	}
	return best
}

// topK picks the k first of a row of logits with a heap of k entries, its root the last of them.
type topK struct {
	logit []float32
	id    []int32
}

func (h *topK) Len() int           { return len(h.id) }
func (h *topK) Less(a, b int) bool { return before(h.logit[a], h.id[a], h.logit[b], h.id[b]) }
func (h *topK) Swap(a, b int) {
	h.logit[a], h.logit[b] = h.logit[b], h.logit[a]
	h.id[a], h.id[b] = h.id[b], h.id[a]
}

// pick writes the len(ids) first logits in order.
func (h *topK) pick(out []float32, ids []int32, logits []float32) {
	k := len(ids)
	h.logit, h.id = h.logit[:0], h.id[:0]
	for i, x := range logits {
		id := int32(i)
		if len(h.id) < k {
			h.logit, h.id = append(h.logit, x), append(h.id, id)
			h.up()
			continue
		}
		if before(x, id, h.logit[0], h.id[0]) {
			h.logit[0], h.id[0] = x, id
			h.down()
		}
	}
	sort.Sort(h)
	copy(out, h.logit)
	copy(ids, h.id)
}

func (h *topK) up() {
	for i := len(h.id) - 1; i > 0; {
		parent := (i - 1) / 2
		if !h.Less(parent, i) {
			return
		}
		h.Swap(parent, i)
		i = parent
	}
}

func (h *topK) down() {
	for i := 0; ; {
		worst := i
		for c := 2*i + 1; c <= 2*i+2 && c < len(h.id); c++ {
			if h.Less(worst, c) {
				worst = c
			}
		}
		if worst == i {
			return
		}
		h.Swap(worst, i)
		i = worst
	}
}
