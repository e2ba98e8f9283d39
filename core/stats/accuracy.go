package stats

import (
	"math"

	"gonum.org/v1/gonum/mathext"
	"gonum.org/v1/gonum/stat/distuv"
)

// Wilson answers the score interval of a proportion (Wilson 1927) for correct of n at level 1-alpha.
func Wilson(correct float64, n int, alpha float64) (low, high float64) {
	if n == 0 {
		return 0, 1
	}
	return score(correct/float64(n), float64(n), distuv.UnitNormal.Quantile(1-alpha/2))
}

// score is the interval of a proportion p of n, with the quantile z.
func score(p, n, z float64) (low, high float64) {
	d := 1 + z*z/n
	c := (p + z*z/(2*n)) / d
	h := z * math.Sqrt(math.Max(0, p*(1-p)/n+z*z/(4*n*n))) / d
	return math.Max(0, c-h), math.Min(1, c+h)
}

// Shares answers the mean of x, each the share of an item's tries that were right or an estimate of its chance in [0,1] (PassAtK), with
// the interval over items at level 1-alpha. Of items that are right or wrong it is Wilson's, and like Wilson's it does not collapse where
// all are alike: it is the score interval of as many items as would scatter like x if they were right or wrong (Korn & Graubard
// 1998, on the effective size of a sample), at least as many as there are, at most as many tries as stand behind the shares; by
// Student's t where there are more than items.
func Shares(x []float64, tries int, alpha float64) Interval {
	n := float64(len(x))
	if n == 0 {
		return Interval{math.NaN(), 0, 1}
	}
	p := math.Min(1, math.Max(0, Mean(x)))
	size, z := n, distuv.UnitNormal.Quantile(1-alpha/2)
	if v := Variance(x); n > 1 && v < p*(1-p) {
		size = math.Min(p*(1-p)*n/v, n*math.Max(1, float64(tries)))
		if size > n {
			z = tCritical(alpha, n-1)
		}
		size = math.Max(size, n)
	}
	low, high := score(p, size, z)
	return Interval{p, low, high}
}

// McNemar answers the two-sided p-value that two models solve items equally often, from the items that only A and that only
// B solved (McNemar 1947), by the exact binomial distribution: no item that both or neither solved says anything.
func McNemar(onlyA, onlyB int) float64 {
	n, k := onlyA+onlyB, min(onlyA, onlyB)
	if n == 0 || onlyA == onlyB {
		return 1
	}
	if n <= 50 { // counted without rounding
		sum, ways := 0.0, 1.0 // C(n, i)
		for i := range k + 1 {
			sum += ways
			ways = ways * float64(n-i) / float64(i+1)
		}
		return min(1, math.Ldexp(sum, 1-n))
	}
	// P(X <= k) for X ~ Binomial(n, 1/2) is the regularised incomplete beta function I_{1/2}(n-k, k+1).
	return min(1, 2*mathext.RegIncBeta(float64(n-k), float64(k+1), 0.5))
}

// PassAtK estimates without bias the chance that at least one of k samples solves a problem of which correct of n samples
// did: 1 - C(n-correct, k)/C(n, k) (Chen et al. 2021, "Evaluating Large Language Models Trained on Code", eq. 1). NaN
// where k samples were not drawn.
func PassAtK(n, correct, k int) float64 {
	if k < 1 || k > n || correct < 0 || correct > n {
		return math.NaN()
	}
	miss := 1.0
	for i := n - correct + 1; i <= n; i++ {
		miss *= max(0, 1-float64(k)/float64(i))
	}
	return 1 - miss
}
