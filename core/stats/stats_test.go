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
}

// world is a truth to draw samples from.
type world struct {
	scores  []float64 // true score of each model
	control bool      // the last model is a control: no chance between seeds
	seeds   int
	items   int
	block   float64 // standard deviation of what a seed does to all models alike
	seedSD  float64 // and to each model by itself
	itemSD  float64 // of a model's own affinity to an item, constant over seeds
	cluster int     // items of one cluster share their affinity; 0 and 1: none
}

func (w world) draw(r *rand.Rand) []Sample {
	size := max(1, w.cluster)
	difficulty, den := make([]float64, w.items), make([]float64, w.items)
	for i := range difficulty {
		difficulty[i], den[i] = r.NormFloat64(), 5+10*r.Float64()
	}
	shared := make([]float64, w.seeds)
	for s := range shared {
		shared[s] = w.block * r.NormFloat64()
	}
	out := make([]Sample, len(w.scores))
	for m, mu := range w.scores {
		out[m].Name = string(rune('a' + m))
		out[m].Fixed = w.control && m == len(w.scores)-1
		taste := make([]float64, w.items)
		for i := range taste {
			if i%size == 0 {
				taste[i] = r.NormFloat64() * w.itemSD
			} else {
				taste[i] = taste[i-1]
			}
		}
		for s := range w.seeds {
			e := 0.0
			if !out[m].Fixed {
				e = shared[s] + r.NormFloat64()*w.seedSD
			}
			sc := SeedScores{Seed: uint64(s), Num: make([]float64, w.items), Den: den}
			for i := range w.items {
				sc.Num[i] = den[i] * (mu + e + difficulty[i] + taste[i])
				if w.cluster > 0 {
					sc.Cluster = append(sc.Cluster, int64(i/size))
				}
			}
			out[m].Seeds = append(out[m].Seeds, sc)
		}
	}
	return out
}

// Where one source of chance rules, the family-wise error of verdicts among equal models is at its level, intervals cover as stated
// and differences of the size called detectable are found four times in five. Bounds: five standard errors of a
// proportion over the trials. Holm and Satterthwaite may err on the careful side only, so the lower bound of the error is loose.
func TestCalibration(t *testing.T) {
	const trials = 1500
	five := 5 * math.Sqrt(0.05*0.95/trials)
	for name, w := range map[string]world{
		"seeds rule":              {seeds: 3, items: 40, seedSD: 0.02, itemSD: 0.0001},
		"seeds rule, common part": {seeds: 3, items: 40, block: 0.1, seedSD: 0.02, itemSD: 0.0001},
		"items rule":              {seeds: 3, items: 60, seedSD: 0.0001, itemSD: 0.1},
		"clustered items rule":    {seeds: 3, items: 160, seedSD: 0.0001, itemSD: 0.1, cluster: 4},
		"two seeds, both":         {seeds: 2, items: 60, seedSD: 0.01, itemSD: 0.05},
		"a control, common part":  {seeds: 3, items: 40, block: 0.02, seedSD: 0.005, itemSD: 0.0001, control: true},
		"a control, items too":    {seeds: 2, items: 60, seedSD: 0.01, itemSD: 0.05, control: true},
	} {
		t.Run(name, func(t *testing.T) {
			w.scores = []float64{1, 1, 1, 1}
			r := rand.New(rand.NewPCG(1, 2))
			wrong, covered, comparisons, found := 0, 0, 0, 0
			for range trials {
				any := false
				cs := Compare(w.draw(r), Options{Alpha: 0.05})
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
				better := w
				better.scores = []float64{1, 1 + cs[0].Detectable, 1, 1}
				for _, x := range Compare(better.draw(r), Options{Alpha: 0.05}) {
					if x.A == "a" && x.B == "b" && x.Verdict == "a" {
						found++
					}
				}
			}
			if e := float64(wrong) / trials; e > 0.05+five || e < 0.004 {
				t.Errorf("family-wise error %.3f, want about 0.05 and no more", e)
			}
			// Pairs of one trial depend on each other: trials, not comparisons, count. Items with random weights make the
			// linearised variance approximate: half a percent either way.
			if cov := float64(covered) / float64(comparisons); math.Abs(cov-0.95) > five+0.005 {
				t.Errorf("coverage of the 95 %% interval %.3f", cov)
			}
			// Detectable is estimated from other data than the verdict, so power scatters below 80 %.
			if power := float64(found) / trials; power < 0.6 || power > 0.95 {
				t.Errorf("power at the detectable difference %.3f, want about 0.8", power)
			}
		})
	}
}

// Worked by hand: two models, two seeds, one item. Scores a = (1, 3), b = (2, 3). Residual after model and seed means: each
// +-0.25, so the residual mean square is 4*0.0625/1 and S of the difference 0.5; over two seeds 0.25. Blocks: seed means 1.5
// and 3 around 2.25 give SS 2*2*0.5625 = 2.25, df 1. Against a control the variance of a score is (2.25+0.25)/2 = 1.25.
func TestVarianceComponentsByHand(t *testing.T) {
	one := func(v ...float64) (out []SeedScores) {
		for s, x := range v {
			out = append(out, SeedScores{Seed: uint64(s), Num: []float64{x}, Den: []float64{1}})
		}
		return out
	}
	cs := Compare([]Sample{{Name: "a", Seeds: one(1, 3)}, {Name: "b", Seeds: one(2, 3)}, {Name: "c", Seeds: one(5, 5), Fixed: true}}, Options{Alpha: 0.05})
	near(t, "a-b difference", cs[0].Difference, -0.5, 1e-12)
	near(t, "a-b standard error", cs[0].StdErr, math.Sqrt(0.25), 1e-12)
	near(t, "a-b df", cs[0].DF, 1, 1e-12)
	near(t, "a-c difference", cs[1].Difference, -3, 1e-12)
	near(t, "a-c standard error", cs[1].StdErr, math.Sqrt(1.25/2), 1e-12)
	// Satterthwaite of 1.125 (df 1) and 0.125 (df 1).
	near(t, "a-c df", cs[1].DF, 1.25*1.25/(1.125*1.125+0.125*0.125), 1e-12)

	// Items: ratio of totals 6/4; influences (2-1.5)/4, (4-1.5*3)/4 = +-0.125, variance 0.03125, times two items 0.0625.
	x := []SeedScores{{Num: []float64{2, 4}, Den: []float64{1, 3}}, {Seed: 1, Num: []float64{2, 4}, Den: []float64{1, 3}}}
	zero := []SeedScores{{Num: []float64{0, 0}, Den: []float64{1, 3}}, {Seed: 1, Num: []float64{0, 0}, Den: []float64{1, 3}}}
	c := Compare([]Sample{{Name: "x", Seeds: x, Fixed: true}, {Name: "y", Seeds: zero, Fixed: true}}, Options{Alpha: 0.05})[0]
	near(t, "ratio", c.Difference, 1.5, 1e-12)
	near(t, "item standard error", c.StdErr, math.Sqrt(0.0625), 1e-12)
}

func TestANonFiniteModelDoesNotTouchTheOthers(t *testing.T) {
	w := world{scores: []float64{1, 2, 3}, seeds: 3, items: 20, seedSD: 0.01, itemSD: 0.01}
	good := w.draw(rand.New(rand.NewPCG(5, 6)))
	want := Compare(good[:2], Options{Alpha: 0.05})[0]
	bad := append([]Sample(nil), good...)
	bad[2].Seeds = append([]SeedScores(nil), good[2].Seeds...)
	bad[2].Seeds[1].Num = append([]float64(nil), good[2].Seeds[1].Num...)
	bad[2].Seeds[1].Num[0] = math.Inf(1)
	for _, c := range Compare(bad, Options{Alpha: 0.05}) {
		switch {
		case c.Verdict == "":
			t.Errorf("%s and %s: no word of a verdict", c.A, c.B)
		case c.B != "c" && (c.P != want.P || c.Verdict != want.Verdict):
			t.Errorf("a and b: got %v, want %v as without c", c, want)
		case c.B == "c" && (c.Decided || !math.IsNaN(c.P)):
			t.Errorf("a model that is not finite is judged: %v", c)
		}
	}
}

func TestVerdicts(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	s := world{scores: []float64{1, 2}, seeds: 3, items: 20, seedSD: 0.01, itemSD: 0.01}.draw(r)
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
