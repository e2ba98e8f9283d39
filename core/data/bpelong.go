package data

// longMerger merges words of any length in O(n log n): a linked list of symbols and a heap of the pairs that can merge. Without it one
// line of a megabyte of spaces or letters would take hours.
type longMerger struct {
	ids        []int32 // by position of the symbol's first byte; -1 when merged away
	prev, next []int32
	heap       heapOf[candidate]
}

// candidate is a pair that merged into id when it was pushed; it is stale when either symbol has changed since.
type candidate struct {
	id, at, left, right int32
}

// before orders by id, which is the order of learning, then from left to right.
func (c candidate) before(d candidate) bool {
	if c.id != d.id {
		return c.id < d.id
	}
	return c.at < d.at
}

func (m *longMerger) merge(b *BPE, dst []int32, word []byte) []int32 {
	n := int32(len(word))
	m.ids, m.prev, m.next, m.heap = m.ids[:0], m.prev[:0], m.next[:0], m.heap[:0]
	for i, c := range word {
		m.ids = append(m.ids, int32(c))
		m.prev = append(m.prev, int32(i)-1)
		m.next = append(m.next, int32(i)+1)
	}
	for i := int32(0); i < n-1; i++ {
		if id := b.rank(m.ids[i], m.ids[i+1]); id != noRank {
			m.heap = append(m.heap, candidate{id, i, m.ids[i], m.ids[i+1]})
		}
	}
	m.heap.init()
	push := func(i int32) {
		if i < 0 || m.next[i] >= n {
			return
		}
		l, r := m.ids[i], m.ids[m.next[i]]
		if id := b.rank(l, r); id != noRank {
			m.heap.push(candidate{id, i, l, r})
		}
	}
	for len(m.heap) > 0 {
		c := m.heap.pop()
		j := m.next[c.at]
		if m.ids[c.at] != c.left || j >= n || m.ids[j] != c.right {
			continue
		}
		m.ids[c.at], m.ids[j] = c.id, -1
		m.next[c.at] = m.next[j]
		if m.next[j] < n {
			m.prev[m.next[j]] = c.at
		}
		push(m.prev[c.at])
		push(c.at)
	}
	for i := int32(0); i < n; i = m.next[i] {
		dst = append(dst, m.ids[i])
	}
	if cap(m.ids) > 1<<20 {
		*m = longMerger{} // do not keep a giant's memory in the pool
	}
	return dst
}
