package control

import (
	"sync/atomic"

	"github.com/archlab/archlab/core/data/internal/rng"
)

// stats sums up the n-grams that extend one history: the sum of their counts, and how many have a count of one, two and more.
type stats struct{ total, ones, twos, more uint32 }

// entry is an n-gram in a table.
type entry struct {
	key    uint64 // node of the history << 32 | token
	number uint32 // 1 + its node; 0 marks an empty place
	count  uint32 // 0 for one that is only a history of others
}

const entrySize = 16

// level is a hash table from (node of the history, next token) to the longer n-gram, with linear probing. Nodes are numbered in order of
// appearance, so that tables, and with them results, do not depend on anything but the tokens.
type level struct {
	entries []entry
	used    int

	discount [4]float64     // by min(count, 3)
	stats    []stats        // by node: what follows it
	first    []uint32       // by node of the history: where its children begin in tokens
	tokens   []int32        // grouped by node of the history
	winner   []atomic.Int32 // by node of the history: 1 + the likeliest next token, 0 = not asked yet
}

func (l *level) init() { l.entries = make([]entry, 1<<8) }

func nodeKey(node uint32, token int32) uint64 { return uint64(node)<<32 | uint64(uint32(token)) }

// home is where the search for a key starts.
func (l *level) home(key uint64) int { return int(rng.Mix(key)) & (len(l.entries) - 1) }

// place is where a key is, or the empty place where it would go.
func (l *level) place(key uint64) *entry {
	i := l.home(key)
	for {
		e := &l.entries[i]
		if e.number == 0 || e.key == key {
			return e
		}
		i = (i + 1) & (len(l.entries) - 1)
	}
}

// find answers the node and the count of an n-gram, or missing and 0.
func (l *level) find(node uint32, token int32) (child, count uint32) {
	if node == missing {
		return missing, 0
	}
	if e := l.place(nodeKey(node, token)); e.number != 0 {
		return e.number - 1, e.count
	}
	return missing, 0
}

// crowded says that the table has to double before it takes one more.
func (l *level) crowded() bool { return 4*(l.used+1) > 3*len(l.entries) }

func (l *level) double() {
	old := l.entries
	l.entries = make([]entry, 2*len(old))
	for _, e := range old {
		if e.number != 0 {
			*l.place(e.key) = e
		}
	}
}

// finish sums up what follows each of the histories, and estimates the discounts from the counts of counts (Chen & Goodman 1998,
// equation 26).
func (l *level) finish(histories int, following []stats) {
	l.first = make([]uint32, histories+1)
	var counts [5]float64 // how many n-grams have a count of 1, 2, 3, 4
	for _, e := range l.entries {
		if e.count == 0 {
			continue
		}
		n := e.count
		s := &following[e.key>>32]
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
		l.first[e.key>>32+1]++
	}
	for i := range histories {
		l.first[i+1] += l.first[i]
	}
	l.tokens = make([]int32, l.used)
	fill := append([]uint32(nil), l.first...)
	for _, e := range l.entries {
		if e.count != 0 {
			at := &fill[e.key>>32]
			l.tokens[*at] = int32(uint32(e.key))
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
