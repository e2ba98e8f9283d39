package stats

import (
	"math"
	"sync"

	"gonum.org/v1/gonum/integrate/quad"
	"gonum.org/v1/gonum/stat/distuv"
)

// MinimumDetectable is the true difference that a two-sided test at level alpha finds, with its right sign, with the given
// power, where the difference's estimate has the true standard error stdErr and is judged by an estimate of it with df degrees
// of freedom, +Inf for a known one. It is exact: the power of Student's test is a noncentral t's (Johnson, Kotz & Balakrishnan
// 1995, ch. 31).
func MinimumDetectable(stdErr, df, alpha, power float64) float64 {
	if math.IsInf(df, 1) {
		return (distuv.UnitNormal.Quantile(1-alpha/2) + distuv.UnitNormal.Quantile(power)) * stdErr
	}
	critical, scales := tCritical(alpha, df), chiSquares(df, 128)
	return stdErr * solve(power, func(shift float64) float64 {
		sum := 0.0
		for _, s := range scales {
			sum += s.weight * normalCDF(shift-critical*math.Sqrt(s.x))
		}
		return sum
	})
}

// foreseen is the true difference that an experiment like the one at hand finds with the given power, at level alpha: what
// MinimumDetectable is where the variances are known. Estimates of few degrees of freedom are too small more often than too
// large, and the next experiment's will be no better. So power is averaged over what the true variances may be (estimate over
// chi2(df)/df) and over what the next experiment will take them for, each judged as chance.critical does.
//
// A pair whose seeds scatter beyond the pooled variance may do so by luck or not: the larger of what both would mean is foreseen.
//
// So that few equations are solved, it is interpolated between shares of the variance on a grid, and degrees of freedom are rounded
// down, by up to 6 %, whole ones below 32 not at all.
func (c chance) foreseen(alpha, power float64) float64 {
	if c.excess.variance > 0 && c.own > 0 {
		luck, real := c, c
		luck.excess, real.own = component{}, 0
		return math.Max(luck.foreseen(alpha, power), real.foreseen(alpha, power))
	}
	at := foreseenKey{own: c.own, alpha: alpha, power: power}
	for i, x := range c.parts() {
		if x.variance > 0 {
			f, e := math.Frexp(math.Min(x.df, 1e4))
			at.df[i] = math.Ldexp(math.Floor(32*f)/32, e)
		}
	}
	k := 0.0
	for _, x := range c.corners() {
		at.seeds, at.excess = x.seeds, x.excess
		v, ok := foreseenAt.Load(at)
		if !ok {
			s, e := float64(x.seeds)/shares, float64(x.excess)/shares
			v = chance{component{s, at.df[0]}, component{e, at.df[1]}, component{1 - s - e, at.df[2]}, c.own}.foresee(alpha, power)
			foreseenAt.Store(at, v)
		}
		k += x.weight * v.(float64)
	}
	return k * math.Sqrt(c.variance())
}

// shares is how fine the grid of foreseen is.
const shares = 16

// corner is a point of the grid, in parts of shares, with its weight in an interpolation.
type corner struct {
	seeds, excess int
	weight        float64
}

// corners answers the points of the grid that the shares of a variance are between: of the triangle that they lie in.
func (c chance) corners() (out []corner) {
	x, y := shares*c.seeds.variance/c.variance(), shares*c.excess.variance/c.variance()
	i, j := int(x+1e-9), int(y+1e-9)
	u, v := x-float64(i), y-float64(j)
	all := []corner{{i, j, 1 - u - v}, {i + 1, j, u}, {i, j + 1, v}}
	if u+v > 1 {
		all = []corner{{i + 1, j + 1, u + v - 1}, {i, j + 1, 1 - u}, {i + 1, j, 1 - v}}
	}
	for _, k := range all {
		if k.weight > 1e-9 {
			out = append(out, k)
		}
	}
	return out
}

type foreseenKey struct {
	seeds, excess     int
	df                [3]float64
	own, alpha, power float64
}

var foreseenAt sync.Map // foreseenKey to float64, in standard errors

// wellKnown is of how many degrees of freedom a variance is as good as known: the averages of foresee change less than 1 %.
const wellKnown = 200

// foresee solves for what foreseen is at.
func (c chance) foresee(alpha, power float64) float64 {
	sources := 0
	for _, x := range c.parts() {
		if x.variance > 0 {
			sources++
		}
	}
	if sources == 1 && c.items.variance > 0 && c.items.df >= wellKnown {
		return MinimumDetectable(math.Sqrt(c.items.variance), c.items.df, alpha, power)
	}
	points := [][3]int{{32, 32, 32}, {10, 6, 3}, {6, 4, 2}}[sources-1] // of seeds, excess and items: within 2 % of finer ones
	truths, nexts := []truth{{weight: 1}}, []next{{weight: 1}}
	for i, x := range c.parts() {
		if x.variance == 0 {
			continue
		}
		chi := chiSquares(x.df, points[i])
		as := []next{{weight: 1}}
		as[0].v[i], as[0].judged[i] = 1, tCritical(alpha, x.df)
		if i == 0 && c.own > 0 {
			as = c.surprises(alpha)
		}
		var ts []truth
		for _, t := range truths {
			for _, u := range chi {
				k := truth{t.v, t.weight * u.weight}
				k.v[i] = x.variance / u.x
				ts = append(ts, k)
			}
		}
		var ns []next
		for _, n := range nexts {
			for _, u := range chi {
				for _, e := range as {
					k := next{n.v, n.judged, n.weight * u.weight * e.weight}
					k.v[i], k.judged[i] = u.x*e.v[i], u.x*e.judged[i]
					ns = append(ns, k)
				}
			}
		}
		truths, nexts = ts, ns
	}
	// Each outcome: the difference's standard error in truth and the distance from zero at which the next experiment decides.
	type outcome struct{ stdErr, critical, weight float64 }
	all := make([]outcome, 0, len(truths)*len(nexts))
	for _, t := range truths {
		for _, n := range nexts {
			v, judged := 0.0, 0.0
			for i, x := range t.v {
				v, judged = v+x*n.v[i], judged+x*n.judged[i]
			}
			all = append(all, outcome{math.Sqrt(t.v[0] + t.v[1] + t.v[2]), judged / math.Sqrt(v), t.weight * n.weight})
		}
	}
	return solve(power, func(difference float64) float64 {
		sum := 0.0
		for _, o := range all {
			sum += o.weight * normalCDF((difference-o.critical)/o.stdErr)
		}
		return sum
	})
}

// truth is what the variances of the three sources may be.
type truth struct {
	v      [3]float64
	weight float64
}

// next is what another experiment takes them for, as multiples of the truth, and these times the quantiles that they are judged by.
type next struct {
	v, judged [3]float64
	weight    float64
}

// surprises answers what a pair's own seeds make of a pooled variance, as multiples of it, where all models scatter alike. The pair's own
// variance counts as a part of the pooled one; where a training failed, the pooled one leaves that seed out for all, the pair does
// not, and the answer is near. With F the ratio of the pair's own variance to that of the rest, which is independent of the pooled
// one (Lukacs 1955), there is an excess where F > 1, and both together are (own+rest) F/(own F+rest) of the pooled one.
func (c chance) surprises(alpha float64) []next {
	rest := math.Max(c.seeds.df-c.own, c.own) // against a control degrees of freedom are no such sum
	f, pooled, excess := distuv.F{D1: c.own, D2: rest}, tCritical(alpha, c.seeds.df), tCritical(alpha, c.own)
	out := []next{{weight: f.CDF(1)}}
	out[0].v[0], out[0].judged[0] = 1, pooled
	for _, p := range legendre(f.CDF(1), 1, 4) {
		q := f.Quantile(p.x)
		k := next{weight: p.weight}
		k.v[0] = (c.own + rest) * q / (c.own*q + rest)
		k.judged[0] = pooled + (k.v[0]-1)*excess
		out = append(out, k)
	}
	return out
}

// legendre answers Gauss and Legendre's points between two bounds; the weights' sum is their distance.
func legendre(low, high float64, n int) []weighted {
	p, w := make([]float64, n), make([]float64, n)
	quad.Legendre{}.FixedLocations(p, w, low, high)
	out := make([]weighted, n)
	for i := range out {
		out[i] = weighted{p[i], w[i]}
	}
	return out
}

// weighted is a point of a quadrature.
type weighted struct{ x, weight float64 }

// chiSquares answers points that stand for the distribution of chi2(df)/df: Gauss and Legendre's in its quantiles.
func chiSquares(df float64, n int) []weighted {
	out, chi := legendre(0, 1, n), distuv.ChiSquared{K: df}
	for i := range out {
		out[i].x = chi.Quantile(out[i].x) / df
	}
	return out
}

// solve answers where a rising function of a positive number reaches y.
func solve(y float64, f func(float64) float64) float64 {
	low, high := 0.0, 1.0
	for f(high) < y && high < 1e12 {
		low, high = high, 2*high
	}
	return root(low, high, 1e-9, func(x float64) float64 { return f(x) - y })
}

func normalCDF(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }
