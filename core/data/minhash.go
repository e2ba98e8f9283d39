package data

import (
	"math"
	"slices"

	"github.com/archlab/archlab/core/data/internal/rng"
)

// minHasher estimates how far sets resemble each other (Broder 1997, "On the resemblance and containment of documents"): the smallest hash of
// a set is equal in two sets with the probability of their Jaccard index, so that the share of equal minima among many hash functions
// estimates it, with a standard error of sqrt(J(1-J)/functions).
type minHasher struct{ mul, add []uint64 }

// newMinHasher chooses the functions; they are the same in all runs.
func newMinHasher(functions int) *minHasher {
	m := &minHasher{make([]uint64, functions), make([]uint64, functions)}
	r := rng.New(0x4d696e48617368)
	for i := range functions {
		m.mul[i], m.add[i] = r.Uint64()|1, r.Uint64()
	}
	return m
}

// signature fills mins with the smallest value of each function over a set of hashes, which must be well mixed.
func (m *minHasher) signature(mins []uint64, set []uint64) {
	for i := range mins {
		mins[i] = math.MaxUint64
	}
	mul, add := m.mul[:len(mins)], m.add[:len(mins)]
	for _, x := range set {
		for i := range mins {
			mins[i] = min(mins[i], x*mul[i]+add[i])
		}
	}
}

// bands hashes a signature into as many numbers as dst holds: documents that agree in all rows of a band agree in its number.
func bands(dst, mins []uint64) {
	rows := len(mins) / len(dst)
	for i := range dst {
		dst[i] = rng.Hash(mins[i*rows : (i+1)*rows]...)
	}
}

// jaccard is the exact index of two sets, sorted and without repetitions.
func jaccard(a, b []uint64) float64 {
	if len(a) == 0 && len(b) == 0 {
		return 1
	}
	both, i, j := 0, 0, 0
	for i < len(a) && j < len(b) {
		switch {
		case a[i] < b[j]:
			i++
		case a[i] > b[j]:
			j++
		default:
			both, i, j = both+1, i+1, j+1
		}
	}
	return float64(both) / float64(len(a)+len(b)-both)
}

// asSet sorts hashes and drops repetitions, in place.
func asSet(hashes []uint64) []uint64 {
	slices.Sort(hashes)
	return slices.Compact(hashes)
}
