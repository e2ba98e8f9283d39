package stats

import "math"

// blocks holds what a randomised block design says of chance between seeds.
type blocks struct {
	paired component // of the difference of two models on one seed
	single component // of one model's score over seeds
}

// design reads scores by model and seed as a randomised block design with seeds as blocks (Montgomery, Design and Analysis of
// Experiments, sec. 4.1), since models may share what a seed does to all of them:
//
//   - between two models the blocks cancel: the variance is twice the residual mean square, with (models-1)(seeds-1) degrees of freedom;
//   - against a control, which has no seeds, they do not: it is the variance of one model's score over seeds, pooled over
//     models, (MS_blocks + (models-1) MS_residual)/models, with Satterthwaite's degrees of freedom.
//
// Pooling assumes that models scatter alike; where a pair's own seeds contradict, seedChance adds to it. Controls, samples without seeds
// and samples with a score that is not finite are left out. A block is complete: where models finished different seeds, those
// models and seeds are taken that leave most degrees of freedom, so that one failure does not blunt the verdicts on the others.
func design(samples []Sample) blocks {
	random, seeds := complete(samples)
	m, n := len(random), len(seeds)
	if m < 2 || n < 2 {
		return blocks{}
	}
	y := make([][]float64, m)
	grand, scale := 0.0, 0.0
	col := make([]float64, n)
	row := make([]float64, m)
	for i, s := range random {
		y[i] = make([]float64, n)
		for k, seed := range seeds {
			y[i][k] = s.find(seed).Score()
			scale = max(scale, math.Abs(y[i][k]))
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
	res := component{unrounded(residual/float64((m-1)*(n-1)), scale), float64((m - 1) * (n - 1))}
	blk := component{unrounded(block/float64(n-1), scale) / models, float64(n - 1)}
	return blocks{
		paired: component{2 * res.variance, res.df},
		single: sum(blk, component{res.variance * (models - 1) / models, res.df}),
	}
}

// complete answers models with the seeds that all of them have, of those in question the ones with most (models-1)(seeds-1).
func complete(samples []Sample) (models []Sample, seeds []uint64) {
	var random []Sample
	for _, s := range samples {
		if !s.Fixed && len(s.Seeds) > 0 && s.finite() {
			random = append(random, s)
		}
	}
	best := -1
	try := func(seeds0 []uint64) {
		var have []Sample
		for _, s := range random {
			all := true
			for _, seed := range seeds0 {
				all = all && s.find(seed) != nil
			}
			if all {
				have = append(have, s)
			}
		}
		if df := (len(have) - 1) * (len(seeds0) - 1); len(have) > 0 && df > best {
			best, models, seeds = df, have, seeds0
		}
	}
	if len(random) > 0 {
		try(common(random))
	}
	for _, s := range random {
		try(common([]Sample{s}))
	}
	return models, seeds
}

// seedChance is the variance, by chance of seeds, of the mean of two samples' differences by seed; seeds.df 0 where it is unknown.
//
// It is the pooled one, with what the pair's own differences scatter beyond it: that excess has the degrees of freedom of the pair's
// own seeds. One error term for all pairs is wrong where models scatter differently, however few degrees of freedom it is said
// to have (Maxwell 1980, "Pairwise Multiple Comparisons in Repeated Measures Designs"; Boik 1981, "A Priori Tests in Repeated
// Measures Designs: Effects of Nonsphericity"): of four models, the differences from an unstable one scatter by twice the pooled
// variance. A pair's own variance alone would never be wrong, and blind: with four models and three seeds it sees differences
// of 14 standard errors where this sees 8. The price is that an unstable model whose seeds lie close together by luck passes for a
// stable one; benchmarks/STATISTICS.md says how often.
func seedChance(a, b Sample, p paired, d blocks) chance {
	n := float64(len(p.diffs))
	if n < 2 || a.Fixed && b.Fixed {
		return chance{}
	}
	own, pooled := component{unrounded(Variance(p.diffs), p.scale) / n, n - 1}, component{d.paired.variance / n, d.paired.df}
	if a.Fixed || b.Fixed {
		pooled = component{d.single.variance / n, d.single.df}
	}
	if pooled.df <= own.df {
		return chance{seeds: own}
	}
	return chance{seeds: pooled, excess: component{math.Max(0, own.variance-pooled.variance), own.df}, own: own.df}
}

// unrounded answers a variance of values of a scale, 0 where the rounding of what is the same makes it.
func unrounded(variance, scale float64) float64 {
	if variance <= 1e-24*scale*scale {
		return 0
	}
	return variance
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

// common lists the seeds that all samples have, in the first one's order.
func common(samples []Sample) []uint64 {
	var out []uint64
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
