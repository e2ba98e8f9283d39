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
	z := distuv.UnitNormal.Quantile(1 - alpha/2)
	nf := float64(n)
	p := correct / nf
	d := 1 + z*z/nf
	c := (p + z*z/(2*nf)) / d
	h := z * math.Sqrt(p*(1-p)/nf+z*z/(4*nf*nf)) / d
	return math.Max(0, c-h), math.Min(1, c+h)
}

// McNemar answers the two-sided p-value that two models solve items equally often, from the items that only A and that only
// B solved (McNemar 1947), by the exact binomial distribution: no item that both or neither solved says anything.
func McNemar(onlyA, onlyB int) float64 {
	n, k := onlyA+onlyB, min(onlyA, onlyB)
	if n == 0 || onlyA == onlyB {
		return 1
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
