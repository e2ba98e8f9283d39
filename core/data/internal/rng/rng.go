// Package rng is the one source of randomness of core/data: small, explicit, and with a sequence that never changes, since
// records of old runs must stay reproducible.
//
// It is not for cryptography.
package rng

import "math/bits"

// Mix is the finaliser of SplitMix64 (Steele, Lea & Flood 2014): a bijection on 64 bits that scatters its input.
func Mix(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	x ^= x >> 31
	return x
}

const (
	golden = 0x9e3779b97f4a7c15
	silver = 0xd1b54a32d192ed03 // a second odd constant, so that keys and state are scattered differently
)

// Hash combines any number of keys into one seed; the order matters.
func Hash(keys ...uint64) uint64 {
	h := uint64(golden)
	for _, k := range keys {
		h = Mix(h+golden) ^ Mix(k+silver)
		h = Mix(h + golden)
	}
	return h
}

// Source is a SplitMix64 generator. The zero value is the generator with seed 0.
type Source struct{ state uint64 }

// New seeds a generator with Hash(keys...).
func New(keys ...uint64) *Source { return &Source{state: Hash(keys...)} }

// Uint64 answers the next 64 bits.
func (s *Source) Uint64() uint64 {
	s.state += golden
	return Mix(s.state)
}

// Intn answers a number in [0,n) without modulo bias (Lemire 2019); n must be positive.
func (s *Source) Intn(n int) int {
	v := uint64(n)
	hi, lo := bits.Mul64(s.Uint64(), v)
	if lo < v {
		for threshold := -v % v; lo < threshold; {
			hi, lo = bits.Mul64(s.Uint64(), v)
		}
	}
	return int(hi)
}

// Float64 answers a number in (0,1): never 0, so that its logarithm is finite.
func (s *Source) Float64() float64 {
	return (float64(s.Uint64()>>11) + 0.5) / (1 << 53)
}

// Choose fills dst with distinct numbers of [0,n) in random order: a partial Fisher-Yates shuffle that remembers only what it
// moved, so that choosing few of many costs little. It needs len(dst) <= n.
func (s *Source) Choose(dst []int, n int) {
	moved := make(map[int]int, 2*len(dst))
	at := func(i int) int {
		if v, ok := moved[i]; ok {
			return v
		}
		return i
	}
	for i := range dst {
		j := i + s.Intn(n-i)
		dst[i] = at(j)
		moved[j] = at(i)
	}
}
