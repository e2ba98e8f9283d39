package stats

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
)

// Of units of many sizes that reach far there are too many cosines to multiply: beyond so many, flipDraws exchanges are tried
// instead, all there are of few units.
const exactWork, flipDraws = 1 << 26, 1 << 15

// signFlips answers the two-sided p-value that differences d have no sign of their own: the share of the 2^n ways to give them
// signs whose sum is as far from zero as theirs. For differences of one size it is McNemar's test.
func signFlips(d []int64) float64 {
	var units []int64 // that are not zero, by their largest common part
	var reach, observed, part int64
	for _, v := range d {
		observed += v
		if v = max(v, -v); v > 0 {
			units = append(units, v)
			part = gcd(part, v)
		}
		reach += v
	}
	if len(units) == 0 {
		return 1
	}
	reach, observed = reach/part, max(observed, -observed)/part
	many := map[int64]int{} // units of a size
	for i := range units {
		units[i] /= part
		many[units[i]]++
	}
	switch n := int64(len(units)); {
	case len(many) == 1:
		return McNemar(int(n+observed)/2, int(n-observed)/2)
	case reach > exactWork/int64(len(many)):
		return triedFlips(units, observed)
	}
	return summedFlips(many, reach, observed)
}

// summedFlips is signFlips of so many units of each size, to within reach/2^52, by Fourier's inversion. The sum of all units with signs at
// random takes M = reach+1 values in steps of 2, and its characteristic function is the product of cos(size t). At M frequencies it
// gives back the chance of every value; those nearer to zero than the observed one add up to Dirichlet's kernel.
func summedFlips(many map[int64]int, reach, observed int64) float64 {
	if observed == 0 {
		return 1
	}
	sizes := slices.Sorted(maps.Keys(many))
	values, nearer := reach+1, observed-1
	angle := func(k, x int64) float64 { return math.Pi * float64(k*x%(2*values)) / float64(values) }
	inside := float64(nearer)
	for k := int64(1); 2*k <= values; k++ { // frequencies k and values-k weigh the same
		phi := 1.0
		for _, v := range sizes {
			phi *= math.Pow(math.Cos(angle(k, v)), float64(many[v]))
			if math.Abs(phi) < 1e-22 {
				phi = 0
				break
			}
		}
		if 2*k < values {
			phi *= 2
		}
		inside += phi * math.Sin(angle(k, nearer)) / math.Sin(angle(k, 1))
	}
	return min(1, max(1-inside/float64(values), math.Ldexp(float64(reach), -52))) // less is rounding
}

// triedFlips is signFlips by trying signs: all there are of few units, else flipDraws of them at random, the observed ones counted in
// (Phipson & Smyth 2010, eq. 2): it says no less than 1/(flipDraws+1).
func triedFlips(units []int64, observed int64) float64 {
	far := func(word func() uint64) int { // the signs of 64 units
		sum, signs := int64(0), uint64(0)
		for i, v := range units {
			if i%64 == 0 {
				signs = word()
			}
			minus := int64(signs >> (i % 64) & 1)
			sum += (v ^ -minus) + minus
		}
		if max(sum, -sum) >= observed {
			return 1
		}
		return 0
	}
	hits := 0
	if n := len(units); n < 63 && 1<<n <= flipDraws {
		for k := range uint64(1) << n {
			hits += far(func() uint64 { return k })
		}
		return float64(hits) / float64(int(1)<<n)
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range flipDraws {
		hits += far(r.Uint64)
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
