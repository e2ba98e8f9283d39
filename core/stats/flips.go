package stats

import (
	"math"
	"math/rand/v2"
)

// exactUnits is up to how many units that differ the permutation test counts all exchanges. Of more, the sum is normal to four digits.
const exactUnits = 2000

// The sums of units of many items and seeds reach far: beyond so many of them, or so many additions of their shares, flipDraws exchanges
// are tried instead, all there are of few units.
const exactSums, exactWork, flipDraws = 1 << 20, 1 << 26, 1 << 15

// signFlips answers the exact two-sided p-value that differences d have no sign of their own: the share of the 2^n ways to give
// them signs whose sum is as far from zero as theirs. For differences of +-1 it is McNemar's test.
func signFlips(d []int64) float64 {
	var units []int64 // that are not zero, by their largest common part
	var reach, observed, part int64
	squares := 0.0
	for _, v := range d {
		observed += v
		if v = max(v, -v); v > 0 {
			units = append(units, v)
			part = gcd(part, v)
		}
		reach += v
		squares += float64(v) * float64(v)
	}
	observed = max(observed, -observed)
	n := int64(len(units))
	switch {
	case n == 0:
		return 1
	case n > exactUnits:
		return 2 * normalCDF(-float64(observed)/math.Sqrt(squares))
	}
	reach, observed = reach/part, observed/part
	for i := range units {
		units[i] /= part
	}
	if reach > exactSums || n*reach > exactWork {
		return triedFlips(units, observed)
	}
	share, next := make([]float64, 2*reach+1), make([]float64, 2*reach+1) // of each sum so far, from -reach
	share[reach] = 1
	done := int64(0)
	for _, v := range units {
		clear(next)
		for s := reach - done; s <= reach+done; s++ {
			next[s+v] += share[s] / 2
			next[s-v] += share[s] / 2
		}
		done += v
		share, next = next, share
	}
	p := 0.0
	for s := observed; s <= reach; s++ {
		p += share[reach+s]
		if s > 0 {
			p += share[reach-s]
		}
	}
	return min(1, p)
}

// triedFlips is signFlips by trying signs: all there are of few units, else flipDraws of them at random, the observed ones counted in
// (Phipson & Smyth 2010, eq. 2).
func triedFlips(units []int64, observed int64) float64 {
	far := func(signs func(i int) bool) int {
		sum := int64(0)
		for i, v := range units {
			if signs(i) {
				v = -v
			}
			sum += v
		}
		if max(sum, -sum) >= observed {
			return 1
		}
		return 0
	}
	hits := 0
	if n := len(units); n < 63 && 1<<n <= flipDraws {
		for k := range 1 << n {
			hits += far(func(i int) bool { return k>>i&1 == 1 })
		}
		return float64(hits) / float64(int(1)<<n)
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range flipDraws {
		hits += far(func(int) bool { return r.Uint64()&1 == 1 })
	}
	return float64(hits+1) / (flipDraws + 1)
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// smallestStep is the smallest difference of a unit that is not zero, 1 where all are.
func smallestStep(d []int64) float64 {
	least := int64(0)
	for _, v := range d {
		if v = max(v, -v); v > 0 && (least == 0 || v < least) {
			least = v
		}
	}
	return float64(max(1, least))
}
