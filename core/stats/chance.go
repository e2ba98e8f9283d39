package stats

import "math"

// component is a variance with its degrees of freedom; df 0 means unknown.
type component struct{ variance, df float64 }

// chance is the variance of a difference by its two sources. A source that is not counted has variance 0.
type chance struct{ seeds, items component }

func (c chance) variance() float64 { return c.seeds.variance + c.items.variance }

// share is the part of the variance that seeds make.
func (c chance) share() float64 {
	if c.seeds.variance == 0 {
		return 0
	}
	return c.seeds.variance / c.variance()
}

// critical is how many standard errors from zero a difference is called real at level alpha: the sources' own Student quantiles,
// weighted by their variances (Cochran & Cox 1950, Experimental Designs, sec. 4.14). It errs on the careful side. Satterthwaite's
// degrees of freedom do not: with two models and two seeds, one degree of freedom, they call equal models different in 10 % at 5 %,
// because seeds that lie close together by luck look like a small variance that is well known.
func (c chance) critical(alpha float64) float64 {
	w, t := c.share(), 0.0
	if w > 0 {
		t += w * tCritical(alpha, c.seeds.df)
	}
	if w < 1 {
		t += (1 - w) * tCritical(alpha, c.items.df)
	}
	return t
}

// p is the two-sided p-value of a difference of t standard errors: the level at which it is just called real.
func (c chance) p(t float64) float64 {
	t = math.Abs(t)
	switch c.share() {
	case 0:
		return tTwoSided(t, c.items.df)
	case 1:
		return tTwoSided(t, c.seeds.df)
	}
	// Between the two sources' own p-values; in logarithms critical is nearly straight, so false position finds it soon. A bound that stays
	// counts half (the Illinois rule).
	low, high := tTwoSided(t, c.seeds.df), tTwoSided(t, c.items.df)
	if low > high {
		low, high = high, low
	}
	if low == high || high < 1e-14 { // beyond what 1-alpha/2 can hold
		return high
	}
	off := func(logP float64) float64 { return c.critical(math.Exp(logP)) - t }
	a, b := math.Log(math.Max(low, 1e-14)), math.Log(high)
	fa, fb, last := off(a), off(b), 0
	for range 60 {
		if fa <= 0 || fb >= 0 {
			break
		}
		mid := (a*fb - b*fa) / (fb - fa)
		f := off(mid)
		switch {
		case math.Abs(f) < 1e-7*t:
			return math.Exp(mid)
		case f > 0:
			if a, fa = mid, f; last > 0 {
				fb /= 2
			}
			last = 1
		default:
			if b, fb = mid, f; last < 0 {
				fa /= 2
			}
			last = -1
		}
	}
	return math.Exp((a + b) / 2)
}
