package control

import (
	"sync/atomic"

	"github.com/archlab/archlab/core/data/internal/rng"
)

// stats sums up the n-grams that extend one history: the sum of their counts, and how many have a count of one, two and more.
type stats struct{ total, ones, twos, more uint32 }

// level is a hash table from (node of the history, next token) to the node of the longer n-gram. Nodes are numbered in order of
// appearance, so that tables, and with them results, do not depend on anything but the tokens.
type level struct {
	keys  []uint64 // open addressing, linear probing; history<<32 | token, plus 1
	ids   []uint32
	count []uint32 // by node

	discount [4]float64 // by min(count, 3)
	stats    []stats    // by node: what follows it
	first    []uint32   // by node of the history: where its children begin in tokens
	tokens   []int32
	winner   []atomic.Int32 // by node of the history: 1 + the likeliest next token, 0 = not asked yet
}

func (l *level) init() {
	l.keys = make([]uint64, 1<<8)
	l.ids = make([]uint32, 1<<8)
}

func (l *level) slot(key uint64) int {
	mask := len(l.keys) - 1
	i := int(rng.Mix(key)) & mask
	for l.keys[i] != 0 && l.keys[i] != key {
		i = (i + 1) & mask
	}
	return i
}

func nodeKey(node uint32, token int32) uint64 { return uint64(node)<<32 | uint64(uint32(token)) + 1 }

func (l *level) find(node uint32, token int32) uint32 {
	if node == missing {
		return missing
	}
	if i := l.slot(nodeKey(node, token)); l.keys[i] != 0 {
		return l.ids[i]
	}
	return missing
}

// insert finds or makes a node; fresh says that it is new. It answers missing when it would have to make one and may not.
func (l *level) insert(node uint32, token int32, grow bool) (id uint32, fresh bool) {
	key := nodeKey(node, token)
	i := l.slot(key)
	if l.keys[i] != 0 {
		return l.ids[i], false
	}
	if !grow || len(l.count) == missing-1 {
		return missing, false
	}
	if 4*(len(l.count)+1) > 3*len(l.keys) {
		l.rehash()
		i = l.slot(key)
	}
	id = uint32(len(l.count))
	l.keys[i], l.ids[i] = key, id
	l.count = append(l.count, 0)
	return id, true
}

func (l *level) rehash() {
	keys, ids := l.keys, l.ids
	l.keys, l.ids = make([]uint64, 2*len(keys)), make([]uint32, 2*len(ids))
	for j, key := range keys {
		if key != 0 {
			i := l.slot(key)
			l.keys[i], l.ids[i] = key, ids[j]
		}
	}
}

// finish sums up what follows each of the histories, and estimates the discounts from the counts of counts (Chen & Goodman 1998,
// equation 26).
func (l *level) finish(histories int, following []stats) {
	l.first = make([]uint32, histories+1)
	var counts [5]float64 // how many n-grams have a count of 1, 2, 3, 4
	for i, key := range l.keys {
		if key == 0 {
			continue
		}
		n := l.count[l.ids[i]]
		s := &following[(key-1)>>32]
		s.total += n
		switch n {
		case 1:
			s.ones++
		case 2:
			s.twos++
		default:
			s.more++
		}
		if n < 5 {
			counts[n]++
		}
		l.first[(key-1)>>32+1]++
	}
	for i := range histories {
		l.first[i+1] += l.first[i]
	}
	l.tokens = make([]int32, len(l.count))
	fill := append([]uint32(nil), l.first...)
	for _, key := range l.keys {
		if key != 0 {
			at := &fill[(key-1)>>32]
			l.tokens[*at] = int32(uint32(key - 1))
			*at++
		}
	}
	l.winner = make([]atomic.Int32, histories)
	l.discount = discounts(counts)
}

// discounts are clipped to [0.05, count]: some mass must always be left for the lower order, or unseen n-grams would be impossible.
// Where a count of counts is zero the estimate is undefined and 0.5 stands in.
func discounts(n [5]float64) (d [4]float64) {
	y := n[1] / (n[1] + 2*n[2])
	for c := 1; c <= 3; c++ {
		d[c] = 0.5
		if n[1] > 0 && n[2] > 0 && n[c] > 0 {
			estimate := float64(c) - float64(c+1)*y*n[c+1]/n[c]
			d[c] = min(max(estimate, 0.05), float64(c))
		}
	}
	return d
}

// children lists the tokens that followed a history.
func (l *level) children(node uint32) []int32 { return l.tokens[l.first[node]:l.first[node+1]] }
