package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

// The ways to the p-value of sign flips agree, and none of them costs more for units that reach far.
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
		"McNemar of 2002":        {append(ones64(1045), minus(ones64(957))...), McNemar(1045, 957)},
		"the same, 6 seeds":      {times(6, append(ones64(1045), minus(ones64(957))...)), McNemar(1045, 957)},
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

// Fourier's inversion agrees with sums that are counted one unit after the other, also where few units decide and where all are of
// other sizes.
func TestSummedFlips(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 3))
	dominated := append([]int64{1000, 1000, 1000, 1000}, append(ones64(500), minus(ones64(497))...)...)
	seeds, all, steps := make([]int64, 1200), make([]int64, 150), append(times(100, ones64(110)), minus(times(100, ones64(90)))...)
	for i := range seeds {
		seeds[i] = r.Int64N(7) - 3 + int64(i%40/39)
	}
	for i := range all {
		all[i] = int64(i+1) * int64(2*(i%5/2)-1)
	}
	for name, d := range map[string][]int64{"dominated": dominated, "seeds": seeds, "all": all, "steps": append(steps, 1, 1, 1, -1), "zero": {1, 2, -3}} {
		got, want := signFlips(d), countedFlips(d)
		if math.Abs(got-want) > 1e-12 {
			t.Errorf("%s: p = %v, want %v", name, got, want)
		}
	}
	if p := signFlips(dominated); p < 0.055 { // normal, it were 0.0455
		t.Errorf("four units of 1000 that agree among 997 of 1: p = %v", p)
	}
	if p := signFlips(append(ones64(90), 2)); p <= 0 || p > 1e-12 {
		t.Errorf("91 units that agree: p = %v, want what rounding leaves", p)
	}
}

// countedFlips is signFlips unit after unit: the share of every sum so far.
func countedFlips(d []int64) float64 {
	reach, observed := int64(0), int64(0)
	for _, v := range d {
		reach, observed = reach+max(v, -v), observed+v
	}
	share := make([]float64, 2*reach+1) // from -reach
	share[reach] = 1
	for _, v := range d {
		next := make([]float64, len(share))
		for s, x := range share {
			if x > 0 {
				next[s+int(v)] += x / 2
				next[s-int(v)] += x / 2
			}
		}
		share = next
	}
	p := 0.0
	for s, x := range share {
		if v := int64(s) - reach; max(v, -v) >= max(observed, -observed) {
			p += x
		}
	}
	return p
}

// What a comparison calls McNemar's exact test is that, of any number of items.
func TestMcNemarOfMany(t *testing.T) {
	row := func(name string, right func(i int) bool) Sample {
		s := SeedScores{Seed: 1}
		for i := range 4000 {
			s.Num, s.Den = append(s.Num, map[bool]float64{true: 1}[right(i)]), append(s.Den, 1)
		}
		return Sample{Name: name, Seeds: []SeedScores{s}}
	}
	a, b := row("a", func(i int) bool { return i < 1045 }), row("b", func(i int) bool { return i >= 1045 && i < 2002 })
	c := Compare([]Sample{a, b}, Options{Alpha: 0.05, HigherIsBetter: true})[0]
	if c.Test != testMcNemar || c.Verdict != NotDistinguishable || math.Abs(c.P-McNemar(1045, 957)) > 1e-4 {
		t.Errorf("%s: p = %v, %s; want McNemar's %v", c.Test, c.P, c.Verdict, McNemar(1045, 957))
	}
}

func minus(d []int64) []int64 { return times(-1, d) }

func times(k int64, d []int64) []int64 {
	out := make([]int64, len(d))
	for i, v := range d {
		out[i] = k * v
	}
	return out
}

func ones64(n int) []int64 {
	d := make([]int64, n)
	for i := range d {
		d[i] = 1
	}
	return d
}
