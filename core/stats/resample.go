package stats

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"gonum.org/v1/gonum/stat/distuv"
)

// Unit says over what chance is taken: what is drawn again by a bootstrap and exchanged by a permutation test.
type Unit int

// What the observed differences are a sample of.
const (
	Items Unit = 1 << iota // evaluation items, whole clusters of them: another text, the same trained models
	Seeds                  // training seeds: other trained models, the same text
)

// Interval is an estimate with what it may be instead.
type Interval struct{ Estimate, Low, High float64 }

// matched holds two samples by seed and cluster, for the seeds that both have: numerators and denominators of A and B.
type matched struct {
	seeds, clusters int
	num, den        [2][]float64 // [seeds, clusters]
}

// match pairs two samples. It refuses samples whose items are not the same, and scores that are not finite: every comparison
// with NaN is false, so that they would come out as the smallest of p-values.
func match(a, b Sample) (*matched, error) {
	seeds := common([]Sample{a, b})
	if len(seeds) == 0 {
		return nil, fmt.Errorf("stats: %s and %s have no seed in common", a.Name, b.Name)
	}
	m := &matched{seeds: len(seeds)}
	for _, seed := range seeds {
		for side, s := range []*SeedScores{a.find(seed), b.find(seed)} {
			if !sameItems(*s, *a.find(seeds[0])) {
				return nil, fmt.Errorf("stats: %s and %s were not evaluated on the same items", a.Name, b.Name)
			}
			if v := s.Score(); v-v != 0 {
				return nil, fmt.Errorf("stats: a score of %s or %s is not finite", a.Name, b.Name)
			}
			num, den := byCluster(s.Num, s.Cluster), byCluster(s.Den, s.Cluster)
			m.clusters = len(num)
			m.num[side], m.den[side] = append(m.num[side], num...), append(m.den[side], den...)
		}
	}
	return m, nil
}

// difference is the mean over seeds of score(A) - score(B), where seed s counts seedWeight[s] times and cluster c
// clusterWeight[c] times.
func (m *matched) difference(seedWeight, clusterWeight []int) float64 {
	sum, n := 0.0, 0
	for s := range m.seeds {
		if seedWeight[s] == 0 {
			continue
		}
		var num, den [2]float64
		for c, w := range clusterWeight {
			if w == 0 {
				continue
			}
			at := s*m.clusters + c
			for side := range 2 {
				num[side] += float64(w) * m.num[side][at]
				den[side] += float64(w) * m.den[side][at]
			}
		}
		sum += float64(seedWeight[s]) * (num[0]/den[0] - num[1]/den[1])
		n += seedWeight[s]
	}
	return sum / float64(n)
}

func ones(n int) []int {
	w := make([]int, n)
	for i := range w {
		w[i] = 1
	}
	return w
}

// PairedBootstrap answers the difference of two samples' scores with its 1-alpha interval over draws resamples (Efron &
// Tibshirani 1993, sec. 13.3; over items as in Koehn 2004, "Statistical Significance Tests for Machine Translation
// Evaluation"). Both samples are drawn alike, so that what an item or a seed does to both cancels. With Items|Seeds both are
// drawn, independently of each other (Owen 2007, "The pigeonhole bootstrap", errs on the careful side).
//
// A plain percentile interval of n units is too short, by sqrt((n-1)/n) and by what a normal's tails lack beside Student's: its
// percentiles are those at Phi(-sqrt(n/(n-1)) t(1-alpha/2, n-1)) instead of alpha/2 (Hesterberg 2015, "What Teachers Should Know
// About the Bootstrap", on the expanded percentile interval). It is not finite for one unit.
func PairedBootstrap(a, b Sample, over Unit, draws int, alpha float64, r *rand.Rand) (Interval, error) {
	m, err := match(a, b)
	if err != nil {
		return Interval{}, err
	}
	if draws < 1 || over&(Items|Seeds) == 0 {
		return Interval{}, fmt.Errorf("stats: a bootstrap draws items, seeds or both, once at least")
	}
	seeds, clusters := ones(m.seeds), ones(m.clusters)
	out := Interval{Estimate: m.difference(seeds, clusters)}
	drawn := make([]float64, draws)
	for i := range drawn {
		if over&Seeds != 0 {
			redraw(seeds, r)
		}
		if over&Items != 0 {
			redraw(clusters, r)
		}
		drawn[i] = m.difference(seeds, clusters)
	}
	slices.Sort(drawn)
	units := math.MaxInt
	if over&Seeds != 0 {
		units = m.seeds
	}
	if over&Items != 0 {
		units = min(units, m.clusters)
	}
	tail := expanded(units, alpha)
	out.Low, out.High = quantile(drawn, tail), quantile(drawn, 1-tail)
	return out, nil
}

// expanded is the tail whose percentile bounds an interval of n units.
func expanded(n int, alpha float64) float64 {
	if n < 2 {
		return math.NaN()
	}
	f := float64(n)
	return distuv.UnitNormal.CDF(-math.Sqrt(f/(f-1)) * tCritical(alpha, f-1))
}

// redraw counts how often each of n units is met in n draws with replacement.
func redraw(count []int, r *rand.Rand) {
	clear(count)
	for range count {
		count[r.IntN(len(count))]++
	}
}

// quantile interpolates between order statistics (Hyndman & Fan 1996, definition 7).
func quantile(sorted []float64, p float64) float64 {
	if len(sorted) == 0 || math.IsNaN(p) {
		return math.NaN()
	}
	at := p * float64(len(sorted)-1)
	i := int(at)
	if i+1 >= len(sorted) {
		return sorted[len(sorted)-1]
	}
	return sorted[i] + (at-float64(i))*(sorted[i+1]-sorted[i])
}

// PairedPermutation answers the two-sided p-value of no difference between two samples: how often a difference as large
// comes about when A and B trade places at random on each unit (Fisher 1935; Good 2005, Permutation Tests, sec. 3.2). over is
// Items or Seeds. All exchanges are tried where they are draws at most; else draws of them, the observed one counted in, so
// that the test keeps its level (Phipson & Smyth 2010, "Permutation P-values should never be zero", eq. 2).
//
// The smallest p-value of n units is 2^(1-n): three seeds cannot say anything at 5 %.
func PairedPermutation(a, b Sample, over Unit, draws int, r *rand.Rand) (float64, error) {
	if over != Items && over != Seeds {
		return math.NaN(), fmt.Errorf("stats: a permutation test exchanges items or seeds, not both")
	}
	m, err := match(a, b)
	if err != nil {
		return math.NaN(), err
	}
	n := m.clusters
	if over == Seeds {
		n = m.seeds
	}
	swapped := make([]bool, n)
	observed := math.Abs(m.exchanged(over, swapped))
	// Sums in another order round otherwise: what is equal in truth must count as such, zero among it.
	least := observed - 1e-12*m.magnitude()
	if n < 62 && 1<<n <= draws {
		hits := 0
		for i := range 1 << n {
			for k := range swapped {
				swapped[k] = i>>k&1 == 1
			}
			if math.Abs(m.exchanged(over, swapped)) >= least {
				hits++
			}
		}
		return float64(hits) / float64(int(1)<<n), nil
	}
	hits := 0
	for range draws {
		for k := range swapped {
			swapped[k] = r.Uint64()&1 == 1
		}
		if math.Abs(m.exchanged(over, swapped)) >= least {
			hits++
		}
	}
	return float64(hits+1) / float64(draws+1), nil
}

// magnitude is how large the scores are.
func (m *matched) magnitude() float64 {
	most := 0.0
	for s := range m.seeds {
		for side := range 2 {
			num, den := 0.0, 0.0
			for c := s * m.clusters; c < (s+1)*m.clusters; c++ {
				num, den = num+math.Abs(m.num[side][c]), den+m.den[side][c]
			}
			most = math.Max(most, num/den)
		}
	}
	return most
}

// exchanged is the difference with A and B swapped on some units.
func (m *matched) exchanged(over Unit, swapped []bool) float64 {
	sum := 0.0
	for s := range m.seeds {
		var num, den [2]float64
		for c := range m.clusters {
			at, side := s*m.clusters+c, 0
			if over == Items && swapped[c] || over == Seeds && swapped[s] {
				side = 1
			}
			num[0], num[1] = num[0]+m.num[side][at], num[1]+m.num[1-side][at]
			den[0], den[1] = den[0]+m.den[side][at], den[1]+m.den[1-side][at]
		}
		sum += num[0]/den[0] - num[1]/den[1]
	}
	return sum / float64(m.seeds)
}
