package main

import (
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/archlab/archlab/core/stats"
	"github.com/archlab/archlab/core/stats/statstest"
)

// solvers are worlds of right and wrong answers.
var solvers = []struct {
	name string
	statstest.Answers
}{
	{"one seed, 200 answers", statstest.Answers{Seeds: 1, Items: 200, Ease: 0.4, Span: 0.4}},
	{"one seed, 12 answers", statstest.Answers{Seeds: 1, Items: 12, Ease: 0.4, Span: 0.4}},
	{"2 seeds differ, 64 answers", statstest.Answers{Seeds: 2, Items: 64, Ease: 0.4, Span: 0.4, SeedSD: 0.05}},
	{"3 seeds differ, 200 answers and tastes", statstest.Answers{Seeds: 3, Items: 200, Ease: 0.4, Span: 0.4, SeedSD: 0.03, TasteSD: 0.1}},
	{"3 seeds, 64 answers, nearly all of them right", statstest.Answers{Seeds: 3, Items: 64, Ease: 0.97, Span: 0.04}},
	{"3 seeds, 4 answers, nearly all of them right", statstest.Answers{Seeds: 3, Items: 4, Ease: 0.97, Span: 0.04}},
}

// solved judges Compare on answers, between four models. With one seed the question is of the weights, and what counts is the adjusted
// p-value.
func solved(trials int) []row {
	var out []row
	for _, w := range solvers {
		w.Skill = make([]float64, 4)
		r := rand.New(rand.NewPCG(9, 10))
		covers := row{rule: "Compare, interval", world: w.name, event: "covers", promised: 0.95, careful: true}
		errs := row{rule: "Compare, verdicts, pairs: 6 (Holm)", world: w.name, event: "errs", promised: 0.05, careful: true}
		finds := row{rule: "Compare, detectable difference", world: w.name, event: "finds", promised: 0.8, careful: true}
		for range trials {
			cs := stats.Compare(w.Draw(r), stats.Options{Alpha: 0.05, HigherIsBetter: true})
			any := false
			for _, c := range cs {
				any = any || c.Adjusted < 0.05
			}
			errs.count(any)
			covers.count(cs[0].Low <= 0 && 0 <= cs[0].High)
			better := w.Answers
			better.Skill = []float64{cs[0].Detectable, 0, 0, 0}
			if top := w.Ease + w.Span/2 + cs[0].Detectable; top > 1 { // no such difference can be
				continue
			}
			c := stats.Compare(better.Draw(r), stats.Options{Alpha: 0.05, HigherIsBetter: true})[0]
			finds.count(c.Adjusted < 0.05 && c.Difference > 0)
		}
		out = append(out, covers, errs)
		if finds.of > trials/2 {
			out = append(out, finds)
		}
	}
	return out
}

// passes judges pass@k with its interval: problems are solved with a chance of their own, the square of a uniform number.
func passes(trials int) []row {
	const problems, tries = 64, 16
	r := rand.New(rand.NewPCG(11, 12))
	var out []row
	for _, k := range []int{1, 4, 16} {
		truth, grid := 0.0, 100_000
		for i := range grid {
			u := (float64(i) + 0.5) / float64(grid)
			truth += (1 - math.Pow(1-u*u, float64(k))) / float64(grid)
		}
		x := row{rule: "pass@k, interval", world: fmt.Sprintf("k = %d of %d samples, %d problems", k, tries, problems), event: "covers", promised: 0.95, careful: true}
		for range trials {
			shares := make([]float64, problems)
			for i := range shares {
				u := r.Float64()
				shares[i] = stats.PassAtK(tries, binomial(r, tries, u*u), k)
			}
			got := stats.Shares(shares, tries, 0.05)
			x.count(got.Low <= truth && truth <= got.High)
		}
		out = append(out, x)
	}
	return out
}
