package stats

import (
	"fmt"
	"math"
)

// Sample is what one model scored: one row for each seed, each row holding the same evaluation items in the same
// order. The score of a seed is sum(Num)/sum(Den), so that bits per byte and accuracies are ratios of totals.
type Sample struct {
	Name  string
	Seeds []SeedScores
	Fixed bool // a control without randomness: its seeds repeat one result and say nothing of chance
}

// SeedScores holds the items of one seed.
type SeedScores struct {
	Seed     uint64
	Num, Den []float64 // an item's contribution to numerator and denominator
	// Cluster, if given, says which items belong together and are no independent draws (windows of one document).
	Cluster []int64
}

// Score answers the seed's ratio of totals.
func (s SeedScores) Score() float64 {
	n, d := 0.0, 0.0
	for i := range s.Num {
		n += s.Num[i]
		d += s.Den[i]
	}
	return n / d
}

// Metric is one question put to some models: which of them score better.
type Metric struct {
	Samples        []Sample
	HigherIsBetter bool // else lower is better
}

// Options of a comparison.
type Options struct {
	Alpha          float64 // family-wise error rate, e.g. 0.05
	HigherIsBetter bool
}

// Scope says what a comparison speaks of.
type Scope string

// What a verdict may be about.
const (
	Families Scope = "families" // models trained with other seeds, on other items of this kind
	OneText  Scope = "text"     // models trained with other seeds, on these very items: they are one cluster
	Weights  Scope = "weights"  // these trained models, on other items of this kind: there is one seed, or seeds that differ in nothing
)

// Comparison is the paired difference A - B with what can be said of it.
type Comparison struct {
	A, B       string
	Scope      Scope   // empty where there is no verdict
	Test       string  // in words
	Seeds      int     // that both finished
	Items      int     // independent evaluation items: clusters where items are clustered
	Difference float64 // mean over seeds of score(A) - score(B)
	Low, High  float64 // 1-alpha interval of this one difference, not corrected for the number of comparisons; NaN where unknown
	StdErr     float64 // NaN where unknown
	P          float64 // two-sided
	Adjusted   float64 // Holm over all comparisons
	Detectable float64 // difference that such an experiment finds with 80 % power at Bonferroni's level; NaN where unknown, +Inf where none is so large
	Verdict    string  // "A", "B" (the better one's name), "not distinguishable", or why there is none
	Decided    bool    // Verdict names a model

	chance       chance
	shares       bool    // no difference is larger than 1
	least, grain float64 // where items are right or wrong: the smallest step of a cluster, and of how many the mean is
}

// NotDistinguishable is the verdict when the data do not tell two models apart.
const NotDistinguishable = "not distinguishable"

// power is the chance with which a detectable difference is found.
const power = 0.8

// Compare compares all pairs of the samples on one metric.
func Compare(samples []Sample, opt Options) []Comparison {
	return CompareAll([]Metric{{samples, opt.HigherIsBetter}}, opt.Alpha)[0]
}

// CompareAll compares all pairs of samples on every metric, over the seeds that both have. The comparisons of all metrics are
// one family: p-values are adjusted for their number by Holm's method.
//
// Two sources of chance count. Seeds: another initialisation gives another model. Items: the evaluation text is
// a sample too. For the mean difference d over n seeds, Var(d) = S/n + I, and d over its root is judged by Student's t
// (chance.critical). S comes from the blocks of seeds (design), I is the item variance of the seed-averaged ratio difference by
// linearisation (Cochran 1977, eq. 6.9), df = clusters-1; items of one cluster (windows of one document) are summed first, since they
// are not independent (Liang & Zeger 1986).
//
//   - One seed says nothing of S, nor do several whose differences are exactly the same. The items alone are judged, and the scope is
//     Weights: no family is decided upon. Of seeds that are alike enough may agree for the exact permutation over seeds, 2^(1-n) below
//     alpha: then the larger p counts, and interval and detectable difference are unknown.
//   - One cluster says nothing of I. The seeds alone are judged, and the scope is OneText.
//   - Items that are right or wrong (every denominator 1, every numerator 0 or 1) scatter least where they are all alike, and t
//     trusts them most where it should least. Their variance has the two pseudo-items of Agresti & Min (2005) in it,
//     and p is the larger of t's and that of the exact paired permutation over items, which for one seed is McNemar's test. Where
//     that does not exclude zero, neither does the interval.
//   - Where nothing scatters at all, other items are judged by the paired permutation, and interval and detectable difference are
//     unknown.
//
// A sample with a score that is not finite gets no verdict and does not touch the others'.
func CompareAll(metrics []Metric, alpha float64) [][]Comparison {
	out := make([][]Comparison, len(metrics))
	var family []*Comparison
	for i, m := range metrics {
		d := design(m.Samples)
		for k, a := range m.Samples {
			for _, b := range m.Samples[k+1:] {
				out[i] = append(out[i], pair(a, b, d, alpha))
			}
		}
		for k := range out[i] {
			family = append(family, &out[i][k])
		}
	}
	ps, judged := make([]float64, len(family)), 0
	for i, c := range family {
		ps[i] = c.P
		if !math.IsNaN(c.P) {
			judged++
		}
	}
	for i, a := range Holm(ps) {
		family[i].Adjusted = a
	}
	for i, m := range metrics {
		for k := range out[i] {
			if c := &out[i][k]; !math.IsNaN(c.P) { // else pair has set the verdict to why
				c.decide(m.HigherIsBetter, alpha, judged)
			}
		}
	}
	return out
}

// decide gives the verdict of a comparison with an adjusted p-value, one of so many.
func (c *Comparison) decide(higherIsBetter bool, alpha float64, judged int) {
	level := alpha / float64(judged)
	if c.StdErr > 0 {
		c.Detectable = c.chance.foreseen(level, power)
	}
	if c.least > 0 {
		// The exact test counts the step that was reached as not yet exceeded; and n units of one sign have p = 2^(1-n): fewer cannot decide.
		step := c.least / c.grain
		c.Detectable = math.Max(c.Detectable+step, step*math.Ceil(1-math.Log2(level)))
	}
	if c.shares && c.Detectable > 1 {
		c.Detectable = math.Inf(1)
	}
	c.Verdict = NotDistinguishable
	if !(c.Adjusted < alpha) {
		return
	}
	better := c.A
	if (c.Difference > 0) != higherIsBetter {
		better = c.B
	}
	if c.Scope == Weights {
		seeds := "this one seed"
		if c.Seeds > 1 {
			seeds = fmt.Sprintf("these %d seeds, which all give the same difference", c.Seeds)
		}
		c.Verdict = fmt.Sprintf("as trained with %s, %s is better; of another seed nothing is known", seeds, better)
		return
	}
	c.Decided, c.Verdict = true, better
}

// String reads "A - B = -0.031 [-0.040, -0.022]: B".
func (c Comparison) String() string {
	return fmt.Sprintf("%s - %s = %+.4f [%+.4f, %+.4f]: %s", c.A, c.B, c.Difference, c.Low, c.High, c.Verdict)
}
