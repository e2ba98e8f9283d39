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
	Items      int     // evaluation items of each seed
	Difference float64 // mean over seeds of score(A) - score(B)
	Low, High  float64 // 1-alpha interval of this one difference
	StdErr     float64
	DF         float64 // degrees of freedom (Satterthwaite)
	P          float64 // two-sided
	Adjusted   float64 // Holm over all pairs
	Detectable float64 // smallest difference seen with 80 % power at the Bonferroni level
	Verdict    string  // "A", "B" (the better one's name), "not distinguishable", or why there is none
	Decided    bool    // Verdict names a model
}

// NotDistinguishable is the verdict when the data do not tell two models apart.
const NotDistinguishable = "not distinguishable"

// Compare compares all pairs of samples over the seeds that both have.
//
// Two sources of chance count. Seeds: initialisation and data order differ, so scores do. Items: the evaluation text is
// a sample too. For the mean difference d over n seeds, Var(d) = S/n + I, where S is the residual variance of paired
// differences by seed, pooled over all pairs of complete models as in a randomised block design (Montgomery, Design and
// Analysis of Experiments, sec. 4.1: twice the residual mean square, df = (models-1)(seeds-1); once it against a control,
// which has no seeds), and I the item variance of
// the seed-averaged ratio difference by linearisation (Cochran 1977, eq. 6.9), df = items-1. The degrees of freedom of the sum
// are Satterthwaite's (1946). With one seed nothing is known of S: the verdict says so.
func Compare(samples []Sample, opt Options) []Comparison {
	pooledS, pooledDF := pooled(samples)
	var out []Comparison
	pairs := len(samples) * (len(samples) - 1) / 2
	for i := range samples {
		for j := i + 1; j < len(samples); j++ {
			out = append(out, pair(samples[i], samples[j], pooledS, pooledDF, pairs, opt))
		}
	}
	ps := make([]float64, len(out))
	for i, c := range out {
		ps[i] = c.P
	}
	for i, a := range Holm(ps) {
		c := &out[i]
		c.Adjusted = a
		if math.IsNaN(c.P) {
			continue // the verdict says why
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

// pooled answers the variance of a paired difference by seed pooled over models, and its degrees of freedom. Only seeds
// that every model with at least one finished seed has are used, controls are left out; df 0 means that nothing can be pooled.
func pooled(samples []Sample) (variance, df float64) {
	var random []Sample
	for _, s := range samples {
		if !s.Fixed && len(s.Seeds) > 0 {
			random = append(random, s)
		}
	}
	samples = random
	seeds := common(samples)
	m, n := len(samples), len(seeds)
	if m < 2 || n < 2 {
		return math.NaN(), 0
	}
	y := make([][]float64, m)
	grand := 0.0
	col := make([]float64, n)
	row := make([]float64, m)
	for i, s := range samples {
		y[i] = make([]float64, n)
		for k, seed := range seeds {
			y[i][k] = s.find(seed).Score()
			row[i] += y[i][k] / float64(n)
			col[k] += y[i][k] / float64(m)
			grand += y[i][k] / float64(m*n)
		}
	}
	ss := 0.0
	for i := range y {
		for k := range seeds {
			r := y[i][k] - row[i] - col[k] + grand
			ss += r * r
		}
	}
	df = float64((m - 1) * (n - 1))
	return 2 * ss / df, df
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

func pair(a, b Sample, pooledS, pooledDF float64, pairs int, opt Options) Comparison {
	nan := math.NaN()
	c := Comparison{A: a.Name, B: b.Name, Difference: nan, Low: nan, High: nan, StdErr: nan, DF: nan, P: nan, Detectable: nan}
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
		d := x.Score() - y.Score()
		if math.IsNaN(d) || math.IsInf(d, 0) || len(x.Num) != len(y.Num) {
			c.Verdict = "no verdict: a score is not finite or items are not paired"
			return c
		}
		diffs = append(diffs, d)
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
	c.Items = len(infl)
	c.Difference = Mean(diffs)
	if c.Seeds < 2 {
		c.Verdict = "no verdict: one seed says nothing of the next"
		return c
	}
	s, sdf := Variance(diffs), float64(c.Seeds-1)
	switch {
	case a.Fixed && b.Fixed:
		s = 0
	case pooledDF > sdf && (a.Fixed || b.Fixed):
		s, sdf = pooledS/2, pooledDF
	case pooledDF > sdf:
		s, sdf = pooledS, pooledDF
	}
	s /= float64(c.Seeds)
	item, idf := 0.0, 1.0
	if n := len(infl); n > 1 {
		item, idf = Variance(infl)*float64(n), float64(n-1)
	}
	c.StdErr = math.Sqrt(s + item)
	if c.StdErr == 0 {
		// Identical models on identical data: the difference is exactly zero and known to be.
		c.Low, c.High, c.P, c.Detectable, c.DF = c.Difference, c.Difference, 1, 0, sdf
		if c.Difference != 0 {
			c.P = 0
		}
		return c
	}
	c.DF = (s + item) * (s + item) / (s*s/sdf + item*item/idf)
	half := tQuantile(1-opt.Alpha/2, c.DF) * c.StdErr
	c.Low, c.High = c.Difference-half, c.Difference+half
	c.P = tTwoSided(c.Difference/c.StdErr, c.DF)
	level := opt.Alpha / float64(max(1, pairs))
	c.Detectable = (tQuantile(1-level/2, c.DF) + tQuantile(0.8, c.DF)) * c.StdErr
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

// String reads "A - B = -0.031 [-0.040, -0.022]".
func (c Comparison) String() string {
	return fmt.Sprintf("%s - %s = %+.4f [%+.4f, %+.4f]: %s", c.A, c.B, c.Difference, c.Low, c.High, c.Verdict)
}
