package stats

import (
	"math"
	"math/rand/v2"
	"slices"
)

// The tests that a comparison may name.
const (
	testBoth    = "t over seeds and items"
	testSeeds   = "t over seeds"
	testItems   = "t over items"
	testCounts  = "t over seeds and items, and exact paired permutation over items"
	testMcNemar = "t over items, and McNemar's exact test"
	testRight   = "t over items, and exact paired permutation over items"
	testPermute = "paired permutation over items"
	testAlike   = ", and exact paired permutation over seeds"
)

// paired is two samples on the seeds that both have.
type paired struct {
	diffs   []float64 // by seed, of the scores
	scale   float64   // the largest score
	infl    []float64 // by item: how much it moves the mean difference
	cluster []int64
	shares  bool    // scores are parts of a whole: no difference is larger than 1
	counts  []int64 // by item: sum over seeds of right(A) - right(B); nil unless every item is right or wrong
}

// align pairs two samples, or answers why that cannot be.
func align(a, b Sample, seeds []uint64) (p paired, why string) {
	first := a.find(seeds[0])
	p.cluster = first.Cluster
	binary := true
	p.shares = true
	for _, seed := range seeds {
		x, y := a.find(seed), b.find(seed)
		sx, sy := x.Score(), y.Score()
		diff := sx - sy
		if diff-diff != 0 {
			return p, "no verdict: a score is not finite"
		}
		if !sameItems(*x, *y) || !sameItems(*x, *first) {
			return p, "no verdict: the two were not scored on the same items"
		}
		p.diffs = append(p.diffs, diff)
		p.scale = max(p.scale, math.Abs(sx), math.Abs(sy))
		binary = binary && x.binary() && y.binary()
		p.shares = p.shares && x.shares() && y.shares()
		fx, fy := influence(*x), influence(*y)
		if p.infl == nil {
			p.infl, p.counts = make([]float64, len(fx)), make([]int64, len(fx))
		}
		for i := range fx {
			p.infl[i] += (fx[i] - fy[i]) / float64(len(seeds))
			p.counts[i] += int64(x.Num[i]) - int64(y.Num[i])
		}
	}
	if !binary {
		p.counts = nil
	}
	return p, ""
}

// sameItems answers whether two rows can be paired: as many items, of the same clusters.
func sameItems(x, y SeedScores) bool {
	return len(x.Num) > 0 && len(x.Num) == len(x.Den) && len(y.Num) == len(y.Den) && len(x.Num) == len(y.Num) &&
		(len(x.Cluster) == 0 || len(x.Cluster) == len(x.Num)) && slices.Equal(x.Cluster, y.Cluster)
}

// binary answers whether every item is right or wrong.
func (s SeedScores) binary() bool {
	for i, v := range s.Num {
		if s.Den[i] != 1 || v != 0 && v != 1 {
			return false
		}
	}
	return len(s.Num) > 0
}

// shares answers whether every item counts a part of what there is of it.
func (s SeedScores) shares() bool {
	for i, v := range s.Num {
		if v < 0 || v > s.Den[i] {
			return false
		}
	}
	return true
}

// pair compares two samples, all but the verdict.
func pair(a, b Sample, d blocks, alpha float64) Comparison {
	nan := math.NaN()
	c := Comparison{A: a.Name, B: b.Name, Difference: nan, Low: nan, High: nan, StdErr: nan, P: nan, Adjusted: nan, Detectable: nan}
	seeds := common([]Sample{a, b})
	c.Seeds = len(seeds)
	if c.Seeds == 0 {
		c.Verdict = "no verdict: no seed finished for both"
		return c
	}
	if a.Fixed && b.Fixed {
		seeds = seeds[:1] // the others repeat it
	}
	p, why := align(a, b, seeds)
	if c.Verdict = why; why != "" {
		return c
	}
	c.Difference, c.shares = Mean(p.diffs), p.shares
	infl := byCluster(p.infl, p.cluster)
	c.Items = len(infl)

	ch := seedChance(a, b, p, d)
	if c.Items > 1 {
		ch.items = component{unrounded(Variance(infl), p.scale/float64(c.Items)) * float64(c.Items), float64(c.Items - 1)}
		if p.counts != nil {
			ch.items.variance = math.Max(ch.items.variance, agrestiMin(p.counts, len(seeds)))
		}
	}
	known, alike := ch.seeds.variance+ch.excess.variance > 0, ch.seeds.df > 0
	// Seeds that all give the same difference say nothing of how others would scatter: right and wrong answers are coarse, and a
	// training may be one of two kinds. They are exchanged instead, if there are enough of them for that to say something.
	signs := math.Exp2(1 - float64(c.Seeds))
	switch {
	case known && c.Items > 1:
		c.Scope, c.Test = Families, testBoth
	case known:
		c.Scope, c.Test = OneText, testSeeds
	case c.Items > 1 && a.Fixed && b.Fixed:
		c.Scope, c.Test = Families, testItems // no seed would give another control
	case c.Items > 1 && alike && c.Difference != 0 && signs < alpha:
		c.Scope, c.Test = Families, testItems
		c.judge(a, b, p, ch, alpha)
		c.Test, c.P = c.Test+testAlike, math.Max(c.P, signs)
		c.Low, c.High, c.StdErr = nan, nan, nan
		return c
	case c.Items > 1:
		c.Scope, c.Test = Weights, testItems
	case alike:
		c.Verdict = "no verdict: neither seeds nor items differ"
		return c
	default:
		c.Verdict = "no verdict: one seed says nothing of the next, and one item nothing of others"
		return c
	}
	c.judge(a, b, p, ch, alpha)
	return c
}

// judge sets the p-value with the standard error and the interval.
func (c *Comparison) judge(a, b Sample, p paired, ch chance, alpha float64) {
	permuted := math.NaN()
	if p.counts != nil && c.Scope != OneText {
		units := byCluster(p.counts, p.cluster)
		permuted = signFlips(units)
		c.least, c.grain = smallestStep(units), float64(len(p.diffs)*len(p.counts))
	}
	if ch.variance() == 0 {
		// Nothing scatters: all items differ by the same, or not at all.
		c.Test, c.P = testPermute, 1
		if c.Difference != 0 {
			c.P, _ = PairedPermutation(a, b, Items, 1<<13, rand.New(rand.NewPCG(1, 1)))
		}
		return
	}
	c.chance, c.StdErr = ch, math.Sqrt(ch.variance())
	half := ch.critical(alpha) * c.StdErr
	c.P = ch.p(c.Difference / c.StdErr)
	c.Low, c.High = c.Difference-half, c.Difference+half
	if !math.IsNaN(permuted) {
		switch {
		case c.Test != testItems:
			c.Test = testCounts
		case c.Items == len(p.counts):
			c.Test = testMcNemar
		default:
			c.Test = testRight
		}
		c.P = math.Max(c.P, permuted)
		if permuted >= alpha { // what the exact test does not exclude is in the interval
			c.Low, c.High = math.Min(0, c.Low), math.Max(0, c.High)
		}
	}
	if p.shares {
		c.Low, c.High = math.Max(-1, c.Low), math.Min(1, c.High)
	}
}

// agrestiMin is the variance of a mean difference of proportions, from the items' differences summed over seeds, with half an
// item added to each of the four outcomes (Agresti & Min 2005, "Simple improved confidence intervals for comparing matched
// proportions"): of the two that tell the models apart, one on either side.
func agrestiMin(counts []int64, seeds int) float64 {
	sum, squares, n := 0.0, 1.0, float64(len(counts)+2)
	for _, k := range counts {
		d := float64(k) / float64(seeds)
		sum += d
		squares += d * d
	}
	return (squares - sum*sum/n) / (n * n)
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

// byCluster sums what belongs together. Without clusters every item is its own.
func byCluster[T int64 | float64](x []T, cluster []int64) []T {
	if len(cluster) != len(x) {
		return x
	}
	at := map[int64]int{}
	var out []T
	for i, v := range x {
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
