package rng

import "math/bits"

// Permute maps i in [0,n) to its place in a pseudo-random permutation chosen by the key: a Feistel network over the next even
// power of two, walked along its cycle until it falls inside [0,n) (Black & Rogaway 2002). Random access needs no table, which
// is what lets a run resume from its step alone.
func Permute(i, n, key uint64) uint64 {
	if n < 2 {
		return i
	}
	half := uint((bits.Len64(n-1) + 1) / 2)
	mask := uint64(1)<<half - 1
	for {
		l, r := i>>half, i&mask
		for round := uint64(0); round < 6; round++ {
			l, r = r, l^(Hash(key, round, r)&mask)
		}
		i = l<<half | r
		if i < n {
			return i
		}
	}
}
