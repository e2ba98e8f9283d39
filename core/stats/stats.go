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
// is NaN for fewer than two values, and for values that are all the same: they say nothing of how others would scatter.
func TInterval(x []float64, alpha float64) (mean, half float64) {
	mean = Mean(x)
	se := math.Sqrt(Variance(x) / float64(len(x)))
	if len(x) < 2 || se == 0 {
		return mean, math.NaN()
	}
	return mean, tCritical(alpha, float64(len(x)-1)) * se
}

// Student answers the 1-alpha interval of an estimate whose standard error has df degrees of freedom.
func Student(estimate, stdErr, df, alpha float64) Interval {
	half := tCritical(alpha, df) * stdErr
	return Interval{estimate, estimate - half, estimate + half}
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

// Clustered answers the mean of x with its standard error where values of one cluster are no independent draws: the root
// of sum_c (sum_{i in c} (x_i - mean))^2, over n, times sqrt(C/(C-1)) for C clusters (Liang & Zeger 1986; for evaluations
// Miller 2024, "Adding Error Bars to Evals", on clustered errors). Without clusters it is the usual standard error. NaN below two clusters.
func Clustered(x []float64, cluster []int64) (mean, stdErr float64) {
	mean = Mean(x)
	off := make([]float64, len(x))
	for i, v := range x {
		off[i] = v - mean
	}
	sum := 0.0
	off = byCluster(off, cluster)
	for _, v := range off {
		sum += v * v
	}
	c := float64(len(off))
	if c < 2 {
		return mean, math.NaN()
	}
	return mean, math.Sqrt(sum*c/(c-1)) / float64(len(x))
}

// tCritical answers the distance from zero that Student's t passes, on either side, with probability alpha: the root of
// log(tTwoSided) by Newton's method in log t, in which its tails are straight.
func tCritical(alpha, df float64) float64 {
	dist := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}
	t := distuv.UnitNormal.Quantile(1 - alpha/2)
	if alpha > 0.5 || t > 8 { // the middle, where it is not, and what no experiment reaches
		return dist.Quantile(1 - alpha/2)
	}
	for range 50 {
		tail := 2 * dist.Survival(t)
		step := math.Log(tail/alpha) * tail / (2 * t * dist.Prob(t))
		t *= math.Exp(min(step, 3))
		if math.Abs(step) < 1e-12 {
			break
		}
	}
	return t
}

// tTwoSided answers P(|T| >= |t|).
func tTwoSided(t, df float64) float64 {
	return 2 * distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}.Survival(math.Abs(t))
}
