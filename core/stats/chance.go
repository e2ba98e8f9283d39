package stats

import "math"

// component is a variance with its degrees of freedom; df 0 means unknown.
type component struct{ variance, df float64 }

// chance is the variance of a difference by its sources. A source that is not counted has variance 0.
type chance struct {
	seeds  component // of the next seeds: what is known of it from all models (design), or from the pair alone
	excess component // by how much the pair's own seeds scatter more than that
	items  component // of the next items
	own    float64   // degrees of freedom that an excess has or would have; 0 where there can be none
}

func (c chance) parts() [3]component { return [...]component{c.seeds, c.excess, c.items} }

func (c chance) variance() float64 { return c.seeds.variance + c.excess.variance + c.items.variance }

// critical is how many standard errors from zero a difference is called real at level alpha: the sources' own Student quantiles,
// weighted by their variances (Cochran & Cox 1950, Experimental Designs, sec. 4.14). It errs on the careful side. Satterthwaite's
// degrees of freedom do not: with two models and two seeds, one degree of freedom, they call equal models different in 10 % at 5 %,
// because seeds that lie close together by luck look like a small variance that is well known.
func (c chance) critical(alpha float64) float64 {
	t := 0.0
	for _, x := range c.parts() {
		if x.variance > 0 {
			t += x.variance / c.variance() * tCritical(alpha, x.df)
		}
	}
	return t
}

// p is the two-sided p-value of a difference of t standard errors: the level at which it is just called real.
func (c chance) p(t float64) float64 {
	t = math.Abs(t)
	low, high := 1.0, 0.0 // of the sources' own p-values, between which it is
	for _, x := range c.parts() {
		if x.variance > 0 {
			p := tTwoSided(t, x.df)
			low, high = math.Min(low, p), math.Max(high, p)
		}
	}
	if low == high || high < 1e-14 { // beyond what 1-alpha/2 can hold
		return high
	}
	// In logarithms critical is nearly straight.
	return math.Exp(root(math.Log(math.Max(low, 1e-14)), math.Log(high), 1e-7*t, func(logP float64) float64 { return c.critical(math.Exp(logP)) - t }))
}

// root answers where f, which crosses zero between two bounds, is zero but for a tolerance, by false position: a bound that stays
// counts half (the Illinois rule). Where f does not cross zero it answers the bound that is nearer to doing so.
func root(a, b, tolerance float64, f func(float64) float64) float64 {
	fa, fb := f(a), f(b)
	if fa*fb >= 0 {
		if math.Abs(fa) < math.Abs(fb) {
			return a
		}
		return b
	}
	for range 100 {
		mid := (a*fb - b*fa) / (fb - fa)
		y := f(mid)
		if math.Abs(y) <= tolerance {
			return mid
		}
		if y*fb < 0 { // the zero is between mid and b
			a, fa = b, fb
		} else {
			fa /= 2
		}
		b, fb = mid, y
	}
	return b
}
