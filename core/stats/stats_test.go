package stats_test

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	. "github.com/archlab/archlab/core/stats"
	"github.com/archlab/archlab/core/stats/statstest"
)

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol) && !(math.IsNaN(got) && math.IsNaN(want)) {
		t.Errorf("%s: got %v, want %v within %v", what, got, want, tol)
	}
}

func TestStudentsT(t *testing.T) {
	// Two-sided 5 %: the usual table.
	_, half := TInterval([]float64{0, 2}, 0.05) // a standard error of 1
	near(t, "t df=1", half, 12.7062, 1e-3)
	near(t, "normal", MinimumDetectable(1, math.Inf(1), 0.05, 0.8), 1.959964+0.841621, 1e-5)
}

func TestEdges(t *testing.T) {
	if l, h := Wilson(0, 0, 0.05); l != 0 || h != 1 {
		t.Errorf("wilson of nothing: got [%v,%v], want [0,1]", l, h)
	}
	if h := Holm([]float64{math.NaN(), 0.04}); !math.IsNaN(h[0]) || h[1] != 0.04 {
		t.Errorf("holm with a missing p-value: got %v", h)
	}
	near(t, "one of three samples tried four times", PassAtK(3, 1, 4), math.NaN(), 0)
	if p := McNemar(0, 0); p != 1 {
		t.Errorf("no item tells two models apart: p = %v", p)
	}
	if _, se := Clustered([]float64{1, 2}, []int64{5, 5}); !math.IsNaN(se) {
		t.Errorf("one cluster has a standard error of %v", se)
	}
}

// Where one source of chance rules, the family-wise error of verdicts among equal models is at its level, intervals cover as stated
// and differences of the size called detectable are found four times in five. Bounds: five standard errors of a
// proportion over the trials. Holm and Cochran & Cox may err on the careful side only, so the lower bound of the error and the upper one
// of the coverage are loose.
func TestCalibration(t *testing.T) {
	const trials = 400
	five := 5 * math.Sqrt(0.05*0.95/trials)
	for name, w := range map[string]statstest.World{
		"seeds rule":              {Seeds: 3, Items: 40, SeedSD: 0.02, ItemSD: 0.0001},
		"seeds rule, common part": {Seeds: 3, Items: 40, Block: 0.1, SeedSD: 0.02, ItemSD: 0.0001},
		"items rule":              {Seeds: 3, Items: 60, SeedSD: 0.0001, ItemSD: 0.1},
		"clustered items rule":    {Seeds: 3, Items: 160, SeedSD: 0.0001, ItemSD: 0.1, Cluster: 4},
		"two seeds, both":         {Seeds: 2, Items: 60, SeedSD: 0.01, ItemSD: 0.05},
		"two models, two seeds":   {Seeds: 2, Items: 60, SeedSD: 0.02, ItemSD: 0.05, Scores: []float64{1, 1}},
		"a control, common part":  {Seeds: 3, Items: 40, Block: 0.02, SeedSD: 0.005, ItemSD: 0.0001, Control: true},
		"a control, items too":    {Seeds: 2, Items: 60, SeedSD: 0.01, ItemSD: 0.05, Control: true},
		"one unstable model":      {Seeds: 3, Items: 40, SeedSD: 0.005, ItemSD: 0.0001, Unstable: 10},
	} {
		t.Run(name, func(t *testing.T) {
			if w.Scores == nil {
				w.Scores = []float64{1, 1, 1, 1}
			}
			r := rand.New(rand.NewPCG(1, 2))
			wrong, covered, comparisons, found := 0, 0, 0, 0
			for range trials {
				any := false
				cs := Compare(w.Draw(r), Options{Alpha: 0.05})
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
				better.Scores = slices.Clone(w.Scores)
				better.Scores[1] += cs[0].Detectable
				for _, x := range Compare(better.Draw(r), Options{Alpha: 0.05}) {
					if x.A == "a" && x.B == "b" && x.Verdict == "a" {
						found++
					}
				}
			}
			if e := float64(wrong) / trials; e > 0.05+five || e < 0.002 {
				t.Errorf("family-wise error %.3f, want about 0.05 and no more", e)
			}
			// Pairs of one trial depend on each other: trials, not comparisons, count. Items with random weights make the
			// linearised variance approximate: half a percent.
			if cov := float64(covered) / float64(comparisons); cov < 0.95-five-0.005 || cov > 0.993 {
				t.Errorf("coverage of the 95 %% interval %.3f", cov)
			}
			// Holm's later steps are less strict than the first, for which the difference is foreseen, so it may be found more often.
			if power := float64(found) / trials; power < 0.8-5*math.Sqrt(0.8*0.2/trials) || power > 0.93 {
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
	near(t, "a-b p, one degree of freedom", cs[0].P, 0.5, 1e-9)
	// Against the control the differences of a, -4 and -2, scatter more: variance 2. Of the variance of their mean, 1, the pooled part is 0.625
	// with Satterthwaite's degrees of freedom, of 1.125 (df 1) and 0.125 (df 1): 1.5625/1.28125; and the excess 0.375 with one. p solves
	// 0.625 t(p, 1.2195) + 0.375 t(p, 1) = 3.
	near(t, "a-c difference", cs[1].Difference, -3, 1e-12)
	near(t, "a-c standard error", cs[1].StdErr, 1, 1e-12)
	near(t, "a-c p", cs[1].P, 0.182905, 1e-5)
	// b's, -3 and -2, scatter less: the pooled variance alone, |t| = 2.5/sqrt(0.625).
	near(t, "b-c standard error", cs[2].StdErr, math.Sqrt(1.25/2), 1e-12)
	near(t, "b-c p", cs[2].P, 0.157758, 1e-5)

	// Items: ratio of totals 6/4; influences (2-1.5)/4, (4-1.5*3)/4 = +-0.125, variance 0.03125, times two items 0.0625.
	x := []SeedScores{{Num: []float64{2, 4}, Den: []float64{1, 3}}, {Seed: 1, Num: []float64{2, 4}, Den: []float64{1, 3}}}
	zero := []SeedScores{{Num: []float64{0, 0}, Den: []float64{1, 3}}, {Seed: 1, Num: []float64{0, 0}, Den: []float64{1, 3}}}
	c := Compare([]Sample{{Name: "x", Seeds: x, Fixed: true}, {Name: "y", Seeds: zero, Fixed: true}}, Options{Alpha: 0.05})[0]
	near(t, "ratio", c.Difference, 1.5, 1e-12)
	near(t, "item standard error", c.StdErr, math.Sqrt(0.0625), 1e-12)
}

func TestANonFiniteModelDoesNotTouchTheOthers(t *testing.T) {
	w := statstest.World{Scores: []float64{1, 2, 3}, Seeds: 3, Items: 20, SeedSD: 0.01, ItemSD: 0.01}
	good := w.Draw(rand.New(rand.NewPCG(5, 6)))
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
	s := statstest.World{Scores: []float64{1, 2}, Seeds: 3, Items: 20, SeedSD: 0.01, ItemSD: 0.01}.Draw(r)
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
