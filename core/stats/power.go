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
// chi2(df)/df) and over what the next experiment will take them for (true times chi2(df)/df), each judged as chance.critical does.
//
// Shares and degrees of freedom are rounded to a careful grid (more of the variance less known, by up to 6 %), so that few
// equations are solved.
func (c chance) foreseen(alpha, power float64) float64 {
	const share, step = 16, 0.05
	at := foreseenKey{alpha: alpha, power: power}
	at.share = int(math.Ceil(share*c.share() - 1e-9))
	for i, x := range []component{c.seeds, c.items} {
		if x.variance > 0 {
			at.df[i] = int(math.Floor(math.Log(math.Min(x.df, 1e4))/step + 1e-9))
		}
	}
	k, ok := foreseenAt.Load(at)
	if !ok {
		w := float64(at.share) / share
		k = chance{component{w, math.Exp(step * float64(at.df[0]))}, component{1 - w, math.Exp(step * float64(at.df[1]))}}.foresee(alpha, power)
		foreseenAt.Store(at, k)
	}
	return k.(float64) * math.Sqrt(c.variance())
}

type foreseenKey struct {
	share        int
	df           [2]int
	alpha, power float64
}

var foreseenAt sync.Map // foreseenKey to float64, in standard errors

// foresee solves for what foreseen is at.
func (c chance) foresee(alpha, power float64) float64 {
	seeds, items := []weighted{{1, 1}}, []weighted{{1, 1}}
	switch {
	case c.items.variance == 0:
		seeds = chiSquares(c.seeds.df, 48)
	case c.seeds.variance == 0:
		items = chiSquares(c.items.df, 48)
	default:
		seeds, items = chiSquares(c.seeds.df, 12), chiSquares(c.items.df, 3)
	}
	// Each outcome: the difference's standard error in truth and the distance from zero at which the next experiment decides.
	type outcome struct{ stdErr, critical, weight float64 }
	var all []outcome
	ts, ti := tCritical(alpha, c.seeds.df), tCritical(alpha, c.items.df)
	for _, u := range seeds {
		for _, v := range items {
			s, i := c.seeds.variance/u.x, c.items.variance/v.x
			for _, u2 := range seeds {
				for _, v2 := range items {
					a, b := s*u2.x, i*v2.x
					all = append(all, outcome{math.Sqrt(s + i), (a*ts + b*ti) / math.Sqrt(a+b), u.weight * v.weight * u2.weight * v2.weight})
				}
			}
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

// weighted is a point of a quadrature.
type weighted struct{ x, weight float64 }

// chiSquares answers points that stand for the distribution of chi2(df)/df: Gauss and Legendre's in its quantiles.
func chiSquares(df float64, n int) []weighted {
	p, w := make([]float64, n), make([]float64, n)
	quad.Legendre{}.FixedLocations(p, w, 0, 1)
	out, chi := make([]weighted, n), distuv.ChiSquared{K: df}
	for i := range out {
		out[i] = weighted{chi.Quantile(p[i]) / df, w[i]}
	}
	return out
}

// solve answers where a rising function of a positive number reaches y, to 1e-6 of it.
func solve(y float64, f func(float64) float64) float64 {
	low, high := 0.0, 1.0
	for f(high) < y && high < 1e12 {
		low, high = high, 2*high
	}
	for high-low > 1e-6*high {
		mid := (low + high) / 2
		if f(mid) < y {
			low = mid
		} else {
			high = mid
		}
	}
	return (low + high) / 2
}

func normalCDF(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }
