package stats

import (
	"math"
	"slices"
)

// ExpectedBest answers the expected lowest of k scores drawn at random, without replacement, from those of a grid's settings (lower is
// better), and the chance that all k failed. NaN is a failure: it is never the best of any that finished, and the expectation is that of
// draws of which one did. Without replacement the estimate has no bias (Tang et al. 2020, "Showing Your Work Doesn't Always Work"); the
// idea of reporting it is Dodge et al.'s (2019, "Show Your Work", sec. 3).
func ExpectedBest(scores []float64, k int) (best, failed float64) {
	var good []float64
	for _, v := range scores {
		if !math.IsNaN(v) {
			good = append(good, v)
		}
	}
	n := len(scores)
	if k < 1 || k > n {
		return math.NaN(), math.NaN()
	}
	slices.Sort(good)
	// The i-th best (from 0) is the best of k draws if it is drawn and the others come from the n-1-i that are worse.
	weight, sum := 0.0, 0.0
	for i, v := range good {
		w := chooseRatio(n-1-i, n, k)
		weight += w
		sum += w * v
	}
	if weight == 0 {
		return math.NaN(), 1
	}
	return sum / weight, math.Max(0, 1-weight)
}

// chooseRatio is C(rest, k-1)/C(n, k).
func chooseRatio(rest, n, k int) float64 {
	if rest < k-1 {
		return 0
	}
	lg := func(x int) float64 { v, _ := math.Lgamma(float64(x + 1)); return v }
	return math.Exp(lg(rest) - lg(k-1) - lg(rest-k+1) - lg(n) + lg(k) + lg(n-k))
}
