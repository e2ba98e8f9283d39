package stats

import (
	"fmt"
	"math"
)

// Sample is what one model scored: one row for each seed, each row holding the same evaluation items in the same
// order. The score of a seed is sum(Num)/sum(Den), so that bits per byte and accuracies are ratios of totals; lower is
// better unless Options.HigherIsBetter.
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

// Options of a comparison.
type Options struct {
	Alpha          float64 // family-wise error rate, e.g. 0.05
	HigherIsBetter bool
}

// Comparison is the paired difference A - B with what can be said of it.
type Comparison struct {
	A, B       string
	Seeds      int     // that both finished
	Items      int     // independent evaluation items: clusters where items are clustered
	Difference float64 // mean over seeds of score(A) - score(B)
	Low, High  float64 // 1-alpha interval of this one difference, not corrected for the number of pairs
	StdErr     float64
	DF         float64 // degrees of freedom (Satterthwaite)
	P          float64 // two-sided
	Adjusted   float64 // Holm over all pairs
	Detectable float64 // difference seen with 80 % power at Bonferroni's level over the pairs that can be judged
	Verdict    string  // "A", "B" (the better one's name), "not distinguishable", or why there is none
	Decided    bool    // Verdict names a model
}

// NotDistinguishable is the verdict when the data do not tell two models apart.
const NotDistinguishable = "not distinguishable"

// Compare compares all pairs of samples over the seeds that both have.
//
// Two sources of chance count. Seeds: another initialisation gives another model. Items: the evaluation text is
// a sample too. For the mean difference d over n seeds, Var(d) = S/n + I. Scores by model and seed are read as a randomised
// block design with seeds as blocks (Montgomery, Design and Analysis of Experiments, sec. 4.1), since models may share what a
// seed does to all of them:
//
//   - between two models the blocks cancel: S is twice the residual mean square, with (models-1)(seeds-1) degrees of freedom;
//   - against a control, which has no seeds, they do not: S is the variance of one model's score over seeds, pooled over
//     models, (MS_blocks + (models-1) MS_residual)/models, with Satterthwaite's degrees of freedom.
//
// Pooling assumes that models scatter alike. I is the item variance of the seed-averaged ratio difference by
// linearisation (Cochran 1977, eq. 6.9), df = items-1; items of one cluster (windows of one document) are summed first, since they
// are not independent. The degrees of freedom of the sum are Satterthwaite's (1946). With one seed nothing is known of
// S: the verdict says so. A sample with a score that is not finite gets no verdict and does not touch the others'.
func Compare(samples []Sample, opt Options) []Comparison {
	d := design(samples)
	var out []Comparison
	for i := range samples {
		for j := i + 1; j < len(samples); j++ {
			out = append(out, pair(samples[i], samples[j], d, opt))
		}
	}
	ps := make([]float64, len(out))
	judged := 0
	for i, c := range out {
		ps[i] = c.P
		if !math.IsNaN(c.P) {
			judged++
		}
	}
	for i, a := range Holm(ps) {
		c := &out[i]
		c.Adjusted = a
		if math.IsNaN(c.P) {
			continue // pair has set the verdict to why
		}
		if c.StdErr > 0 {
			c.Detectable = MinimumDetectable(c.StdErr, c.DF, opt.Alpha/float64(judged), 0.8)
		}
		c.Verdict = NotDistinguishable
		if a < opt.Alpha {
			c.Decided = true
			c.Verdict = c.A
			if (c.Difference > 0) != opt.HigherIsBetter {
				c.Verdict = c.B
			}
		}
	}
	return out
}

// component is a variance with its degrees of freedom; df 0 means unknown.
type component struct{ variance, df float64 }

// blocks holds what a randomised block design says of chance between seeds.
type blocks struct {
	paired component // of the difference of two models on one seed
	single component // of one model's score over seeds
}

// design analyses the models' scores by seed. Controls, samples without seeds and samples with a score that is not finite are left
// out; only seeds that all the others have are used.
func design(samples []Sample) blocks {
	var random []Sample
	for _, s := range samples {
		if !s.Fixed && len(s.Seeds) > 0 && s.finite() {
			random = append(random, s)
		}
	}
	seeds := common(random)
	m, n := len(random), len(seeds)
	if m < 2 || n < 2 {
		return blocks{}
	}
	y := make([][]float64, m)
	grand := 0.0
	col := make([]float64, n)
	row := make([]float64, m)
	for i, s := range random {
		y[i] = make([]float64, n)
		for k, seed := range seeds {
			y[i][k] = s.find(seed).Score()
			row[i] += y[i][k] / float64(n)
			col[k] += y[i][k] / float64(m)
			grand += y[i][k] / float64(m*n)
		}
	}
	residual, block := 0.0, 0.0
	for k := range seeds {
		block += float64(m) * (col[k] - grand) * (col[k] - grand)
		for i := range y {
			r := y[i][k] - row[i] - col[k] + grand
			residual += r * r
		}
	}
	models := float64(m)
	res := component{residual / float64((m-1)*(n-1)), float64((m - 1) * (n - 1))}
	blk := component{block / float64(n-1) / models, float64(n - 1)}
	return blocks{
		paired: component{2 * res.variance, res.df},
		single: sum(blk, component{res.variance * (models - 1) / models, res.df}),
	}
}

// sum adds independent components; degrees of freedom by Satterthwaite (1946).
func sum(a, b component) component {
	v := a.variance + b.variance
	if v == 0 {
		return component{0, a.df + b.df}
	}
	return component{v, v * v / (a.variance*a.variance/a.df + b.variance*b.variance/b.df)}
}

func (s Sample) finite() bool {
	for _, x := range s.Seeds {
		if v := x.Score(); v-v != 0 {
			return false
		}
	}
	return true
}

func common(samples []Sample) []uint64 {
	var out []uint64
	if len(samples) == 0 {
		return nil
	}
	for _, s := range samples[0].Seeds {
		all := true
		for _, o := range samples[1:] {
			all = all && o.find(s.Seed) != nil
		}
		if all {
			out = append(out, s.Seed)
		}
	}
	return out
}

func (s Sample) find(seed uint64) *SeedScores {
	for i := range s.Seeds {
		if s.Seeds[i].Seed == seed {
			return &s.Seeds[i]
		}
	}
	return nil
}

func pair(a, b Sample, d blocks, opt Options) Comparison {
	nan := math.NaN()
	c := Comparison{A: a.Name, B: b.Name, Difference: nan, Low: nan, High: nan, StdErr: nan, DF: nan, P: nan, Adjusted: nan, Detectable: nan}
	seeds := common([]Sample{a, b})
	c.Seeds = len(seeds)
	if c.Seeds == 0 {
		c.Verdict = "no verdict: no seed finished for both"
		return c
	}
	diffs := make([]float64, 0, len(seeds))
	var infl []float64
	for _, seed := range seeds {
		x, y := a.find(seed), b.find(seed)
		diff := x.Score() - y.Score()
		if diff-diff != 0 || len(x.Num) != len(y.Num) {
			c.Verdict = "no verdict: a score is not finite or items are not paired"
			return c
		}
		diffs = append(diffs, diff)
		fx, fy := influence(*x), influence(*y)
		if infl == nil {
			infl = make([]float64, len(fx))
		}
		if len(infl) != len(fx) {
			c.Verdict = "no verdict: seeds were evaluated on different items"
			return c
		}
		for i := range fx {
			infl[i] += (fx[i] - fy[i]) / float64(len(seeds))
		}
	}
	c.Difference = Mean(diffs)
	infl = byCluster(infl, a.find(seeds[0]).Cluster)
	c.Items = len(infl)
	if c.Seeds < 2 && !(a.Fixed && b.Fixed) {
		c.Verdict = "no verdict: one seed says nothing of the next"
		return c
	}
	n := float64(c.Seeds)
	s := component{Variance(diffs) / n, n - 1}
	switch {
	case a.Fixed && b.Fixed:
		s = component{0, 1}
	case (a.Fixed || b.Fixed) && d.single.df > s.df:
		s = component{d.single.variance / n, d.single.df}
	case !a.Fixed && !b.Fixed && d.paired.df > s.df:
		s = component{d.paired.variance / n, d.paired.df}
	}
	items := component{0, 1}
	if k := len(infl); k > 1 {
		items = component{Variance(infl) * float64(k), float64(k - 1)}
	}
	total := sum(s, items)
	c.StdErr, c.DF = math.Sqrt(total.variance), total.df
	if c.StdErr == 0 {
		// Without any chance the difference is exactly what it is.
		c.Low, c.High, c.P, c.Detectable = c.Difference, c.Difference, 1, 0
		if c.Difference != 0 {
			c.P = 0
		}
		return c
	}
	half := tQuantile(1-opt.Alpha/2, c.DF) * c.StdErr
	c.Low, c.High = c.Difference-half, c.Difference+half
	c.P = tTwoSided(c.Difference/c.StdErr, c.DF)
	return c
}

// influence answers how much each item moves the ratio of totals away from itself: (num - ratio*den)/sum(den).
func influence(s SeedScores) []float64 {
	r, d := s.Score(), 0.0
	for _, v := range s.Den {
		d += v
	}
	out := make([]float64, len(s.Num))
	for i := range out {
		out[i] = (s.Num[i] - r*s.Den[i]) / d
	}
	return out
}

// byCluster sums influences that belong together (Liang & Zeger 1986). Without clusters every item is its own.
func byCluster(infl []float64, cluster []int64) []float64 {
	if len(cluster) != len(infl) {
		return infl
	}
	at := map[int64]int{}
	var out []float64
	for i, v := range infl {
		k, ok := at[cluster[i]]
		if !ok {
			k = len(out)
			at[cluster[i]] = k
			out = append(out, 0)
		}
		out[k] += v
	}
	return out
}

// String reads "A - B = -0.031 [-0.040, -0.022]".
func (c Comparison) String() string {
	return fmt.Sprintf("%s - %s = %+.4f [%+.4f, %+.4f]: %s", c.A, c.B, c.Difference, c.Low, c.High, c.Verdict)
}
