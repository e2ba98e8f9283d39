package tokenizer

import "math"

// trie is a map from byte strings to numbers that answers, for a text, all keys that the text begins with. It is a double array
// (Aoe 1989): unit t belongs to the child of s by byte c where t = base(s) xor c and check(t) = s. Bases never cross blocks of 256
// units, so that no step needs a check of bounds of its own.
type trie struct {
	units  []uint64 // check<<32 | final<<31 | base
	values []int32  // by unit, where final is set
}

const (
	trieRoot  = 0
	trieFinal = 1 << 31
	trieFree  = math.MaxUint32 // check of a unit that nobody uses, and of the root
)

// newTrie builds the trie of keys, which must be sorted and differ; values are theirs. The empty key is never found.
func newTrie(keys []string, values []int32) *trie {
	b := &trieBuilder{keys: keys, of: values}
	b.grow()
	b.used[trieRoot] = true
	b.place(trieRoot, 0, len(keys), 0)
	return &trie{units: b.units, values: b.values}
}

// step walks from a unit by one byte; ok says whether a key goes on like that.
func (t *trie) step(at uint32, c byte) (next uint32, ok bool) {
	next = uint32(t.units[at])&^trieFinal ^ uint32(c)
	return next, uint32(t.units[next]>>32) == at
}

// value is the value of the key that ends at a unit.
func (t *trie) value(at uint32) (int32, bool) {
	if t.units[at]&trieFinal == 0 {
		return 0, false
	}
	return t.values[at], true
}

// longest is the length of the longest key that text begins with, and its value; 0 where there is none.
func (t *trie) longest(text []byte) (n int, value int32) {
	at := uint32(trieRoot)
	for i, c := range text {
		next, ok := t.step(at, c)
		if !ok {
			break
		}
		at = next
		if v, ok := t.value(at); ok {
			n, value = i+1, v
		}
	}
	return n, value
}

// exact is the value of a key.
func (t *trie) exact(key []byte) (int32, bool) {
	at := uint32(trieRoot)
	for _, c := range key {
		next, ok := t.step(at, c)
		if !ok {
			return 0, false
		}
		at = next
	}
	return t.value(at)
}

type trieBuilder struct {
	trie
	keys   []string
	of     []int32
	used   []bool
	from   int    // no unit below is worth looking at
	labels []byte // of the children of all units on the way down
	starts []int  // where each child's keys begin
}

func (b *trieBuilder) grow() {
	for range 256 {
		b.units = append(b.units, trieFree<<32)
		b.values = append(b.values, -1)
		b.used = append(b.used, false)
	}
}

// place gives the children of a unit their units: keys[lo:hi] share their first depth bytes.
func (b *trieBuilder) place(at uint32, lo, hi, depth int) {
	if lo < hi && len(b.keys[lo]) == depth {
		if depth > 0 {
			b.units[at] |= trieFinal
			b.values[at] = b.of[lo]
		}
		lo++
	}
	if lo == hi {
		return
	}
	mark := len(b.labels)
	for i := lo; i < hi; i++ {
		if c := b.keys[i][depth]; len(b.labels) == mark || b.labels[len(b.labels)-1] != c {
			b.labels = append(b.labels, c)
			b.starts = append(b.starts, i)
		}
	}
	end := len(b.labels)
	base := b.find(b.labels[mark:end])
	b.units[at] |= uint64(base)
	for _, c := range b.labels[mark:end] {
		t := base ^ uint32(c)
		b.used[t] = true
		b.units[t] = uint64(at) << 32
	}
	for i := mark; i < end; i++ {
		next := hi
		if i+1 < end {
			next = b.starts[i+1]
		}
		b.place(base^uint32(b.labels[i]), b.starts[i], next, depth+1)
	}
	b.labels, b.starts = b.labels[:mark], b.starts[:mark]
}

// find answers a base under which all labels fall on free units. What has been looked through often without success is given up,
// which keeps the search short at a few percent of the memory.
func (b *trieBuilder) find(labels []byte) uint32 {
	for t, tried := b.from, 0; ; t, tried = t+1, tried+1 {
		if t == len(b.units) {
			b.grow()
		}
		if tried == 2048 {
			b.from, tried = t, 0
		}
		base := uint32(t) ^ uint32(labels[0])
		fits := true
		for _, c := range labels {
			if b.used[base^uint32(c)] {
				fits = false
				break
			}
		}
		if fits {
			return base
		}
	}
}
