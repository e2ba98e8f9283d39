package stats_test

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	. "github.com/archlab/archlab/core/stats"
	"github.com/archlab/archlab/core/stats/statstest"
)

// answers makes a sample of items that are right (1) or wrong (0), one string a seed.
func answers(name string, seeds ...string) Sample {
	s := Sample{Name: name}
	for i, text := range seeds {
		x := SeedScores{Seed: uint64(i)}
		for _, c := range text {
			x.Num, x.Den = append(x.Num, float64(c-'0')), append(x.Den, 1)
		}
		s.Seeds = append(s.Seeds, x)
	}
	return s
}

var higher = Options{Alpha: 0.05, HigherIsBetter: true}

func TestFewItemsThatAllSayTheSameDecideNothing(t *testing.T) {
	c := Compare([]Sample{answers("a", "111", "111"), answers("b", "000", "000")}, higher)[0]
	if c.Decided || c.Verdict != NotDistinguishable {
		t.Errorf("three items, all of them for a: %v", c)
	}
	near(t, "p of three signs that agree", c.P, 0.25, 0)
	if !(c.Low < 1 && c.High == 1 && c.Detectable > 0.5) {
		t.Errorf("interval [%v,%v], detectable %v", c.Low, c.High, c.Detectable)
	}
	all, none := strings.Repeat("1", 40), strings.Repeat("0", 40)
	if c := Compare([]Sample{answers("a", all, all), answers("b", none, none)}, higher)[0]; c.Decided || c.Scope != Weights || !strings.HasPrefix(c.Verdict, "as trained with these 2 seeds") || !(c.Low > 0.8) {
		t.Errorf("forty items, all of them for a, on two seeds: %v (%s)", c, c.Scope)
	}
	seven := func(name, x string) Sample { return answers(name, x, x, x, x, x, x, x) }
	if c := Compare([]Sample{seven("a", all), seven("b", none)}, higher)[0]; c.Verdict != "a" || c.P != math.Exp2(-6) || !math.IsNaN(c.Low) || !math.IsNaN(c.Detectable) {
		t.Errorf("and on seven: %v, p %v, detectable %v", c, c.P, c.Detectable)
	}
	same := Compare([]Sample{answers("a", all, all), answers("b", all, all)}, higher)[0]
	if same.P != 1 || same.Verdict != NotDistinguishable || !(same.Low < 0 && same.High > 0) || !(same.Detectable > 0) {
		t.Errorf("two models that solve everything: %v, p %v, detectable %v", same, same.P, same.Detectable)
	}
}

// Losses that differ by the same on every item and seed have no variance: items are exchanged instead, and seeds if they are enough.
func TestZeroVariance(t *testing.T) {
	of := func(name string, loss float64, items, seeds int) Sample {
		s := Sample{Name: name}
		for seed := range seeds {
			x := SeedScores{Seed: uint64(seed)}
			for range items {
				x.Num, x.Den = append(x.Num, 8*loss), append(x.Den, 8)
			}
			s.Seeds = append(s.Seeds, x)
		}
		return s
	}
	for name, c := range map[string]struct {
		items, seeds int
		p            float64
		verdict      string
	}{
		"few items":            {3, 2, 0.25, NotDistinguishable},
		"two seeds":            {12, 2, math.Exp2(-11), "as trained with these 2 seeds, which all give the same difference, a is better; of another seed nothing is known"},
		"five seeds":           {12, 5, math.Exp2(-11), "as trained with these 5 seeds, which all give the same difference, a is better; of another seed nothing is known"},
		"six seeds":            {12, 6, math.Exp2(-5), "a"},
		"six seeds, few items": {3, 6, 0.25, NotDistinguishable},
		"one item":             {1, 2, math.NaN(), "no verdict: neither seeds nor items differ"},
	} {
		got := Compare([]Sample{of("a", 1, c.items, c.seeds), of("b", 2, c.items, c.seeds)}, Options{Alpha: 0.05})[0]
		if got.Verdict != c.verdict || got.Decided != (c.verdict == "a") || !math.IsNaN(got.Low) || !math.IsNaN(got.Detectable) {
			t.Errorf("%s: %v, detectable %v", name, got, got.Detectable)
		}
		near(t, name, got.P, c.p, 1e-15)
	}
	// What rounding makes of the same is no scatter.
	var equal [2]Sample
	for i, loss := range []float64{1.987, 2.123} {
		x := SeedScores{Num: []float64{7 * loss, 3 * loss, 11 * loss}, Den: []float64{7, 3, 11}}
		equal[i] = Sample{Name: string(rune('a' + i)), Seeds: []SeedScores{x}}
	}
	if c := Compare(equal[:], Options{Alpha: 0.05})[0]; c.P != 0.25 {
		t.Errorf("three items that differ by the same but for rounding: %v, p %v by %s", c, c.P, c.Test)
	}
	// 0.9 - 0.1 and 0.8 - 0 are the same but for rounding.
	a, b := answers("a", "1111111110", "1111111100"), answers("b", "1000000000", "0000000000")
	if c := Compare([]Sample{a, b}, higher)[0]; c.Scope != Weights {
		t.Errorf("differences of 0.8 and 0.8: %v (%s)", c, c.Scope)
	}
	if c := Compare([]Sample{of("a", 1, 12, 6), of("b", 1, 12, 6)}, Options{Alpha: 0.05})[0]; c.Verdict != NotDistinguishable || c.P != 1 {
		t.Errorf("two that are the same: %v, p %v", c, c.P)
	}
}

// Where items are right or wrong, the interval of a row holds zero if and only if its p-value is not below alpha.
func TestARowTellsOneStory(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	disagreed := 0
	// b is better, so differences are below zero.
	for _, w := range []statstest.Answers{
		{Seeds: 1, Items: 12, Ease: 0.5, Span: 0.4, Skill: []float64{0, 0.4}},
		{Seeds: 1, Items: 60, Ease: 0.5, Span: 0.4, Skill: []float64{0, 0.2}},
		{Seeds: 3, Items: 20, Ease: 0.5, Span: 0.4, SeedSD: 0.02, Skill: []float64{0, 0.3}},
	} {
		for range 300 {
			s := w.Draw(r)
			c := Compare(s, higher)[0]
			if zero := c.Low <= 0 && 0 <= c.High; zero != (c.P >= 0.05) {
				t.Fatalf("%v, p %v, by %s", c, c.P, c.Test)
			}
			if c.High == 0 && c.Difference-c.Low < -c.Difference-1e-9 {
				disagreed++ // t alone would have excluded zero
			}
		}
	}
	if disagreed == 0 {
		t.Error("t and the exact test always agree: nothing was tested")
	}
}

func TestOneSeedJudgesWeightsNotFamilies(t *testing.T) {
	a, b := strings.Repeat("1", 30)+strings.Repeat("0", 10), strings.Repeat("0", 25)+strings.Repeat("1", 5)+strings.Repeat("0", 10)
	c := Compare([]Sample{answers("a", a), answers("b", b)}, higher)[0]
	if c.Decided || c.Scope != Weights || !strings.Contains(c.Verdict, "as trained with this one seed, a is better") {
		t.Errorf("got %q (%s)", c.Verdict, c.Scope)
	}
	near(t, "p", c.P, McNemar(25, 0), 1e-12)
	w := statstest.World{Scores: []float64{1, 1}, Seeds: 1, Items: 30, ItemSD: 0.1, SeedSD: 0.1}
	if c := Compare(w.Draw(rand.New(rand.NewPCG(1, 2))), Options{Alpha: 0.05})[0]; c.Scope != Weights || c.Decided || !(c.StdErr > 0) || !(c.Detectable > 0) {
		t.Errorf("losses of one seed: %+v", c)
	}
}

func TestOneDocumentIsOneText(t *testing.T) {
	w := statstest.World{Scores: []float64{1, 2}, Seeds: 3, Items: 30, ItemSD: 0.1, SeedSD: 0.01, Cluster: 30}
	if c := Compare(w.Draw(rand.New(rand.NewPCG(1, 2))), Options{Alpha: 0.05})[0]; c.Scope != OneText || c.Items != 1 || c.Verdict != "a" {
		t.Errorf("got %v (%s) of %d items", c, c.Scope, c.Items)
	}
}

// With several seeds the exact permutation is that of PairedPermutation, which tries all exchanges.
func TestExactPermutationOfAnswers(t *testing.T) {
	a, b := answers("a", "1110110101", "1100110111"), answers("b", "0010100100", "1000110010")
	want, err := PairedPermutation(a, b, Items, 1<<10, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c := Compare([]Sample{a, b}, higher)[0]; c.P < want-1e-12 {
		t.Errorf("p %v is below that of the permutation, %v", c.P, want)
	}
	one := Compare([]Sample{answers("a", "1110110101"), answers("b", "0010100100")}, higher)[0]
	want, _ = PairedPermutation(answers("a", "1110110101"), answers("b", "0010100100"), Items, 1<<10, nil)
	near(t, "one seed", one.P, want, 1e-12)
	near(t, "one seed, McNemar", one.P, McNemar(4, 0), 1e-12)
}

func TestWhatIsNotPairedIsRefused(t *testing.T) {
	w := statstest.World{Scores: []float64{1, 2}, Seeds: 2, Items: 8, ItemSD: 0.1, Cluster: 2}
	s := w.Draw(rand.New(rand.NewPCG(1, 2)))
	other := append([]int64(nil), s[1].Seeds[1].Cluster...)
	other[0], other[7] = other[7], other[0]
	s[1].Seeds[1].Cluster = other
	if c := Compare(s, Options{Alpha: 0.05})[0]; c.Decided || !strings.Contains(c.Verdict, "same items") {
		t.Errorf("items of other documents: %v", c)
	}
	r := rand.New(rand.NewPCG(1, 2))
	if _, err := PairedBootstrap(s[0], s[1], Items, 9, 0.05, r); err == nil {
		t.Error("a bootstrap of items of other documents")
	}
	// Comparisons with NaN are false: without a refusal it would have the smallest p-value there is.
	bad := w.Draw(r)
	bad[0].Seeds[0].Num[3] = math.NaN()
	if p, err := PairedPermutation(bad[0], bad[1], Items, 99, r); err == nil {
		t.Errorf("a score that is not a number has p = %v", p)
	}
	if _, err := PairedBootstrap(s[0], s[0], Items, 0, 0.05, r); err == nil {
		t.Error("a bootstrap of no draws")
	}
}

// A model that lost its seeds must not take degrees of freedom from the others.
func TestOneFailureDoesNotBluntTheOthers(t *testing.T) {
	w := statstest.World{Scores: []float64{1, 1, 1, 1}, Seeds: 4, Items: 30, ItemSD: 0.0001, SeedSD: 0.01}
	s := w.Draw(rand.New(rand.NewPCG(1, 2)))
	want := Compare(s[:3], Options{Alpha: 0.05})[0]
	s[3].Seeds = s[3].Seeds[:1]
	if got := Compare(s, Options{Alpha: 0.05})[0]; math.Abs(got.P-want.P) > 1e-12 || got.StdErr != want.StdErr {
		t.Errorf("p %v and standard error %v beside a model with one seed, %v and %v without", got.P, got.StdErr, want.P, want.StdErr)
	}
}

func TestSharesAreWilsonsWhereItemsAreRightOrWrong(t *testing.T) {
	for _, x := range [][]float64{{0, 0, 0, 0}, {1, 1, 1}, {1, 0, 0, 1, 1}} {
		correct := 0.0
		for _, v := range x {
			correct += v
		}
		low, high := Wilson(correct, len(x), 0.05)
		got := Shares(x, 1, 0.05)
		near(t, "low", got.Low, low, 1e-15)
		near(t, "high", got.High, high, 1e-15)
	}
	plain, even := Shares([]float64{0, 1, 0, 1}, 8, 0.05), Shares([]float64{0.5, 0.5, 0.5, 0.5}, 8, 0.05)
	if !(even.High-even.Low < plain.High-plain.Low) || !(even.High-even.Low > 0.1) {
		t.Errorf("shares that agree: %v, answers that do not: %v", even, plain)
	}
	if x := Shares(nil, 1, 0.05); x.Low != 0 || x.High != 1 {
		t.Errorf("no items: %v", x)
	}
}

func TestFamilyIsAllMetrics(t *testing.T) {
	w := statstest.World{Scores: []float64{1, 1.02}, Seeds: 6, Items: 30, ItemSD: 0.0001, SeedSD: 0.01}
	m := Metric{Samples: w.Draw(rand.New(rand.NewPCG(1, 2)))}
	alone, three := CompareAll([]Metric{m}, 0.05)[0][0], CompareAll([]Metric{m, m, m}, 0.05)[2][0]
	near(t, "adjusted of three", three.Adjusted, 3*alone.P, 1e-12)
	if !(three.Detectable > alone.Detectable) {
		t.Errorf("detectable %v of three, %v alone", three.Detectable, alone.Detectable)
	}
}
