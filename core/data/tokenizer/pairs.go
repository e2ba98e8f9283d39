package tokenizer

import "math/bits"

// merged is what a pair merges into, and how early that was learned.
type merged struct{ rank, id int32 }

// noMerge is the answer for pairs that were not learned: later than any.
var noMerge = merged{1<<31 - 1, -1}

func pair(left, right int32) uint64 { return uint64(uint32(left))<<32 | uint64(uint32(right)) }

// pairTable finds merges by pair: an open-addressed table with keys beside values, which merging asks at every step.
type pairTable struct {
	slots []pairSlot
	shift uint
	n     int
}

type pairSlot struct {
	key uint64 // the pair + 1; 0 where empty
	merged
}

func newPairTable(n int) pairTable {
	size := 16
	for size < 2*n {
		size *= 2
	}
	return pairTable{slots: make([]pairSlot, size), shift: uint(64 - bits.TrailingZeros(uint(size)))}
}

// spread is Fibonacci hashing, after both halves have met.
func spread(key uint64) uint64 {
	key ^= key >> 29
	return key * 0x9E3779B97F4A7C15
}

func (t *pairTable) get(key uint64) merged {
	mask := uint64(len(t.slots) - 1)
	for i := spread(key) >> t.shift; ; i = (i + 1) & mask {
		s := &t.slots[i&mask]
		if s.key == key+1 {
			return s.merged
		}
		if s.key == 0 {
			return noMerge
		}
	}
}

// set puts a merge in the place of any other for the pair. The table must have been made for as many pairs.
func (t *pairTable) set(key uint64, m merged) {
	mask := uint64(len(t.slots) - 1)
	for i := spread(key) >> t.shift; ; i = (i + 1) & mask {
		s := &t.slots[i&mask]
		if s.key == 0 {
			t.n++
		}
		if s.key == 0 || s.key == key+1 {
			*s = pairSlot{key + 1, m}
			return
		}
	}
}
