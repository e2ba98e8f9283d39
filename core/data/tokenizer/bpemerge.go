package tokenizer

import "math/rand/v2"

// symbol is a part of a word while it is being merged.
type symbol struct {
	id int32
	n  int32 // bytes
}

// shortWord bounds the words that are merged by looking for the best pair again after each merge; beyond, the heap wins.
const shortWord = 48

// merger merges symbols. It holds what one call works with.
type merger struct {
	merges []merged // of symbol i and i+1
	// For long words, by the place of a symbol before any merge: its neighbours, and the pairs that can merge.
	prev, next []int32
	heap       heapOf[candidate]
	skipped    []candidate
}

// merge merges symbols in place until no pair is left that can be.
func (m *merger) merge(pairs *pairTable, word []symbol) []symbol {
	if len(word) > shortWord {
		return m.mergeLong(pairs, word, nil, 0)
	}
	return m.mergeShort(pairs, word)
}

// mergeShort looks for the leftmost pair of lowest rank, merges it, and looks again. It is the reference of mergeLong.
func (m *merger) mergeShort(pairs *pairTable, word []symbol) []symbol {
	merges := m.merges[:0]
	for i := 0; i+1 < len(word); i++ {
		merges = append(merges, pairs.get(pair(word[i].id, word[i+1].id)))
	}
	m.merges = merges
	for len(merges) > 0 {
		best, rank := 0, merges[0].rank
		for i, p := range merges {
			if p.rank < rank {
				best, rank = i, p.rank
			}
		}
		if rank == noMerge.rank {
			break
		}
		word[best] = symbol{merges[best].id, word[best].n + word[best+1].n}
		copy(word[best+1:], word[best+2:])
		word = word[:len(word)-1]
		copy(merges[best:], merges[best+1:])
		merges = merges[:len(merges)-1]
		if best > 0 {
			merges[best-1] = pairs.get(pair(word[best-1].id, word[best].id))
		}
		if best < len(merges) {
			merges[best] = pairs.get(pair(word[best].id, word[best+1].id))
		}
	}
	return word
}

// candidate is a pair that could merge when it was put in the heap.
type candidate struct {
	merged
	at, left, right int32
}

// before orders by the time of learning, then from left to right.
func (c candidate) before(d candidate) bool {
	if c.rank != d.rank {
		return c.rank < d.rank
	}
	return c.at < d.at
}

// mergeLong merges n symbols in n log n steps: a linked list of symbols, and a heap of the pairs that can merge. With rng each merge that
// comes up is put off with probability dropout until another one has been done, as the reference does it.
func (m *merger) mergeLong(pairs *pairTable, word []symbol, rng *rand.Rand, dropout float64) []symbol {
	n := int32(len(word))
	m.prev, m.next, m.heap, m.skipped = m.prev[:0], m.next[:0], m.heap[:0], m.skipped[:0]
	for i := range n {
		m.prev = append(m.prev, i-1)
		m.next = append(m.next, i+1)
		if i+1 < n {
			if p := pairs.get(pair(word[i].id, word[i+1].id)); p != noMerge {
				m.heap = append(m.heap, candidate{p, i, word[i].id, word[i+1].id})
			}
		}
	}
	m.heap.init()
	for len(m.heap) > 0 {
		c := m.heap.pop()
		if rng != nil && rng.Float64() < dropout {
			m.skipped = append(m.skipped, c)
			continue
		}
		for _, s := range m.skipped {
			m.heap.push(s)
		}
		m.skipped = m.skipped[:0]
		i, j := c.at, m.next[c.at]
		if word[i].n < 0 || j >= n || word[i].id != c.left || word[j].id != c.right {
			continue // one of the two has merged since
		}
		word[i] = symbol{c.id, word[i].n + word[j].n}
		word[j].n = -1
		m.next[i] = m.next[j]
		if m.next[i] < n {
			m.prev[m.next[i]] = i
		}
		m.offer(pairs, word, m.prev[i])
		m.offer(pairs, word, i)
	}
	out := word[:0]
	for i := int32(0); i < n; i = m.next[i] {
		out = append(out, word[i])
	}
	if cap(m.next) > 1<<20 {
		*m = merger{} // a giant's memory is not kept
	}
	return out
}

// offer puts the pair that begins at symbol i in the heap, if it can merge.
func (m *merger) offer(pairs *pairTable, word []symbol, i int32) {
	if i < 0 || int(m.next[i]) >= len(word) {
		return
	}
	left, right := word[i].id, word[m.next[i]].id
	if p := pairs.get(pair(left, right)); p != noMerge {
		m.heap.push(candidate{p, i, left, right})
	}
}
