package stats

import (
	"math"
	"math/rand/v2"
	"testing"
)

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if math.Abs(got-want) > tol || math.IsNaN(got) != math.IsNaN(want) {
		t.Errorf("%s: got %v, want %v within %v", what, got, want, tol)
	}
}

func TestAgainstPublishedTables(t *testing.T) {
	// Student's t, two-sided 5 %: the usual table.
	near(t, "t df=1", tQuantile(0.975, 1), 12.7062, 1e-3)
	near(t, "t df=3", tQuantile(0.975, 3), 3.18245, 1e-4)
	near(t, "p df=3", tTwoSided(3.18245, 3), 0.05, 1e-6)
	// Wilson: 8 of 10 at 95 %.
	low, high := Wilson(8, 10, 0.05)
	near(t, "wilson low", low, 0.4901625, 1e-6)
	near(t, "wilson high", high, 0.9433178, 1e-6)
	if l, h := Wilson(0, 0, 0.05); l != 0 || h != 1 {
		t.Errorf("wilson of nothing: got [%v,%v], want [0,1]", l, h)
	}
	// Holm's step-down on a worked example: 0.01*4, 0.02*3, 0.03*2, 0.05*1 made monotone.
	for i, want := range []float64{0.06, 0.04, 0.06, 0.06} {
		near(t, "holm", Holm([]float64{0.02, 0.01, 0.03, 0.05})[i], want, 1e-12)
	}
	if h := Holm([]float64{math.NaN(), 0.04}); !math.IsNaN(h[0]) || h[1] != 0.04 {
		t.Errorf("holm with a missing p-value: got %v", h)
	}
	near(t, "quantile", Quantile([]float64{4, 1, 3, 2}, 0.25), 1.75, 1e-12)
}

func TestPassAtKEqualsEnumeration(t *testing.T) {
	for n := 1; n <= 7; n++ {
		for c := 0; c <= n; c++ {
			for k := 1; k <= n; k++ {
				hit, all := 0, 0
				for set := 0; set < 1<<n; set++ {
					size, ok := 0, false
					for i := 0; i < n; i++ {
						if set>>i&1 == 1 {
							size++
							ok = ok || i < c
						}
					}
					if size == k {
						all++
						if ok {
							hit++
						}
					}
				}
				near(t, "pass@k", PassAtK(n, c, k), float64(hit)/float64(all), 1e-12)
			}
		}
	}
}

// draw makes samples of models whose true scores are given, with noise by seed and by item shared as in a real run: an
// item's difficulty is common to all models.
func draw(r *rand.Rand, truth []float64, seeds, items int, seedSD, itemSD float64) []Sample {
	difficulty := make([]float64, items)
	for i := range difficulty {
		difficulty[i] = r.NormFloat64()
	}
	out := make([]Sample, len(truth))
	for m, mu := range truth {
		out[m].Name = string(rune('a' + m))
		taste := make([]float64, items) // a model's own affinity to the item: constant over seeds
		for i := range taste {
			taste[i] = r.NormFloat64() * itemSD
		}
		for s := range seeds {
			e := r.NormFloat64() * seedSD
			sc := SeedScores{Seed: uint64(s), Num: make([]float64, items), Den: make([]float64, items)}
			for i := range items {
				sc.Den[i] = 10
				sc.Num[i] = 10 * (mu + e + difficulty[i] + taste[i])
			}
			out[m].Seeds = append(out[m].Seeds, sc)
		}
	}
	return out
}

// The family-wise error of verdicts among identical models stays at its level, intervals cover, and real differences of
// the size called detectable are found. Bounds are binomial: 4 standard errors of 1,500 trials around the nominal value.
func TestCalibration(t *testing.T) {
	const trials = 1500
	slack := 4 * math.Sqrt(0.05*0.95/trials)
	for name, c := range map[string]struct {
		seeds, items   int
		seedSD, itemSD float64
	}{
		"seeds rule":      {3, 40, 0.02, 0.001},
		"items rule":      {3, 40, 0.0005, 0.1},
		"two seeds, both": {2, 60, 0.01, 0.05},
	} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			wrong, covered, found, comparisons := 0, 0, 0, 0
			for range trials {
				any := false
				cs := Compare(draw(r, []float64{1, 1, 1, 1}, c.seeds, c.items, c.seedSD, c.itemSD), Options{Alpha: 0.05})
				for _, x := range cs {
					any = any || x.Decided
					comparisons++
					if x.Low <= 0 && 0 <= x.High {
						covered++
					}
				}
				if any {
					wrong++
				}
				mde := cs[0].Detectable
				for _, x := range Compare(draw(r, []float64{1, 1 + mde, 1, 1}, c.seeds, c.items, c.seedSD, c.itemSD), Options{Alpha: 0.05}) {
					if x.A == "a" && x.B == "b" && x.Verdict == "a" {
						found++
					}
				}
			}
			if e := float64(wrong) / trials; e > 0.05+slack {
				t.Errorf("family-wise error %.3f, want at most 0.05", e)
			}
			if cov := float64(covered) / float64(comparisons); cov < 0.95-slack {
				t.Errorf("coverage of the 95 %% interval %.3f", cov)
			}
			// Detectable is estimated itself, so power scatters around 80 %.
			if power := float64(found) / trials; power < 0.6 {
				t.Errorf("power at the detectable difference %.3f, want about 0.8", power)
			}
		})
	}
}

func TestVerdicts(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	s := draw(r, []float64{1, 2}, 3, 20, 0.01, 0.01)
	if c := Compare(s, Options{Alpha: 0.05})[0]; c.Verdict != "a" || !c.Decided || c.Difference > 0 {
		t.Errorf("lower loss wins: got %v", c)
	}
	if c := Compare(s, Options{Alpha: 0.05, HigherIsBetter: true})[0]; c.Verdict != "b" {
		t.Errorf("higher accuracy wins: got %v", c)
	}
	same := []Sample{{Name: "x", Seeds: s[0].Seeds}, {Name: "y", Seeds: s[0].Seeds}}
	if c := Compare(same, Options{Alpha: 0.05})[0]; c.Verdict != NotDistinguishable || c.Difference != 0 {
		t.Errorf("identical models: got %v", c)
	}
	one := []Sample{{Name: "x", Seeds: s[0].Seeds[:1]}, {Name: "y", Seeds: s[1].Seeds[:1]}}
	if c := Compare(one, Options{Alpha: 0.05})[0]; c.Decided || math.IsNaN(c.Difference) {
		t.Errorf("one seed decides nothing but shows its difference: got %v", c)
	}
	none := []Sample{{Name: "x"}, s[1]}
	if c := Compare(none, Options{Alpha: 0.05})[0]; c.Decided || c.Seeds != 0 {
		t.Errorf("a model without a finished seed: got %v", c)
	}
	bad := []Sample{{Name: "x", Seeds: append([]SeedScores(nil), s[0].Seeds...)}, s[1]}
	bad[0].Seeds[1].Num = append([]float64(nil), bad[0].Seeds[1].Num...)
	bad[0].Seeds[1].Num[0] = math.NaN()
	if c := Compare(bad, Options{Alpha: 0.05})[0]; c.Decided {
		t.Errorf("a score that is not finite: got %v", c)
	}
	control := s[0]
	control.Fixed = true
	control.Seeds = []SeedScores{s[0].Seeds[0], s[0].Seeds[0], s[0].Seeds[0]}
	for i := range control.Seeds {
		control.Seeds[i].Seed = uint64(i)
	}
	if c := Compare([]Sample{control, s[1]}, Options{Alpha: 0.05})[0]; !c.Decided || c.StdErr == 0 {
		t.Errorf("a control against a model: got %v", c)
	}
}
