// Package stats decides which differences between models are real: paired comparisons over seeds and evaluation
// items, corrected for their number, with the smallest difference that the experiment could have seen. It knows
// numbers only, not models or files.
//
//	cmp := stats.Compare(samples, stats.Options{Alpha: 0.05})
//	for _, c := range cmp { fmt.Println(c.A, c.B, c.Difference, c.Verdict) }
package stats

import (
	"math"
	"sort"

	"gonum.org/v1/gonum/stat/distuv"
)

// Mean answers the arithmetic mean, NaN for no values.
func Mean(x []float64) float64 {
	s := 0.0
	for _, v := range x {
		s += v
	}
	return s / float64(len(x))
}

// Variance answers the unbiased sample variance, NaN for fewer than two values.
func Variance(x []float64) float64 {
	m, s := Mean(x), 0.0
	for _, v := range x {
		s += (v - m) * (v - m)
	}
	return s / float64(len(x)-1)
}

// TInterval answers the mean of x and the half-width of its 1-alpha confidence interval by Student's t. The half-width
// is NaN for fewer than two values.
func TInterval(x []float64, alpha float64) (mean, half float64) {
	mean = Mean(x)
	if len(x) < 2 {
		return mean, math.NaN()
	}
	se := math.Sqrt(Variance(x) / float64(len(x)))
	return mean, tQuantile(1-alpha/2, float64(len(x)-1)) * se
}

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

// Holm answers the p-values adjusted for their number by Holm's step-down method (Holm 1979), in the order given. The
// family-wise error stays below alpha when every adjusted value below alpha is called significant. NaN stays NaN and
// does not count.
func Holm(p []float64) []float64 {
	idx := make([]int, 0, len(p))
	out := make([]float64, len(p))
	for i, v := range p {
		out[i] = math.NaN()
		if !math.IsNaN(v) {
			idx = append(idx, i)
		}
	}
	sort.SliceStable(idx, func(a, b int) bool { return p[idx[a]] < p[idx[b]] })
	run := 0.0
	for rank, i := range idx {
		run = math.Max(run, math.Min(1, float64(len(idx)-rank)*p[i]))
		out[i] = run
	}
	return out
}

func tQuantile(p, df float64) float64 {
	return distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Quantile(p)
}

// tTwoSided answers P(|T| >= |t|).
func tTwoSided(t, df float64) float64 {
	return 2 * distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Survival(math.Abs(t))
}
