package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The three ways to the p-value of sign flips agree, and none of them costs more for units that reach far.
func TestSignFlips(t *testing.T) {
	for name, c := range map[string]struct {
		d    []int64
		want float64
	}{
		"nothing":                {[]int64{0, 0}, 1},
		"McNemar":                {[]int64{1, 1, 1, 1, 1, 0, -1}, McNemar(5, 1)},
		"McNemar of six seeds":   {[]int64{6, 6, 6, 6, 6, 0, -6}, McNemar(5, 1)},
		"by hand":                {[]int64{3, 1, -1}, 0.75}, // sums of +-3 +-1 +-1: 5, 3, 3, 1 and their negatives
		"few that reach far":     {[]int64{1 << 40, 1<<40 + 1, 3}, 0.25},
		"all of 12, reach far":   {[]int64{9e8, 8e8 + 1, 7e8, 6e8, 5e8, 4e8, 3e8, 2e8, 1e8, 5e7, 3, 2}, math.Exp2(-11)},
		"2001 units of one sign": {ones64(2001), 0},
	} {
		if got := signFlips(c.d); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%s: p = %v, want %v", name, got, c.want)
		}
	}
	// Drawn signs against the sums: five standard errors of a share.
	r := rand.New(rand.NewPCG(1, 2))
	near, far := make([]int64, 200), make([]int64, 200)
	for i := range near {
		near[i] = r.Int64N(9) - 3
		far[i] = near[i]*(1<<30) + r.Int64N(2) // one unit less in a billion
	}
	exact, drawn := signFlips(near), signFlips(far)
	if se := math.Sqrt(exact * (1 - exact) / flipDraws); math.Abs(drawn-exact) > 5*se+2.0/flipDraws {
		t.Errorf("p = %v of drawn signs, %v of all", drawn, exact)
	}
	if p := signFlips(append(ones64(30), 1<<50)); p != 1.0/(flipDraws+1) { // 2^-30 in truth
		t.Errorf("signs that all agree: p = %v, want the smallest that draws can say", p)
	}
}

func ones64(n int) []int64 {
	d := make([]int64, n)
	for i := range d {
		d[i] = 1
	}
	return d
}
