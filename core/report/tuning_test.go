package report

import (
	"math"
	"testing"

	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/tuning"
)

// A rate is judged by its mean over the tuning seeds: a lucky seed of a poor rate is no find, and a rate of which a seed failed found nothing.
func TestScoreAgainstBudgetIsOverRates(t *testing.T) {
	trial := func(rate, loss float64) tuning.Trial {
		x := tuning.Trial{Rate: rate, Done: true, Result: record.Result{Status: "finished", Tokens: 100, FLOPs: 7, Validation: &record.Score{Loss: loss}}}
		if loss == 0 {
			x.Result.Status, x.Result.Validation = "failed", nil
		}
		return x
	}
	trials := []tuning.Trial{trial(0.1, 1), trial(0.1, 5), trial(0.2, 2), trial(0.2, 2), trial(0.3, 1), trial(0.3, 0), trial(0.4, 1), {Rate: 0.4}}
	loss := func(x float64) *float64 { return &x }
	// Of the rates 0.1 (3 nats), 0.2 (2) and 0.3 (failed): of one, 0.1 or 0.2; of two, 2 nats unless 0.1 comes with 0.3.
	want := []Expected{{1, loss(2.5), 1.0 / 3, 200, 14}, {2, loss((2 + 2 + 3) / 3.0), 0, 400, 28}, {3, loss(2), 0, 600, 42}}
	got := expected([]float64{0.1, 0.2, 0.3, 0.4}, trials)
	if len(got) != len(want) {
		t.Fatalf("got %+v", got)
	}
	for i, w := range want {
		g := got[i]
		if g.Rates != w.Rates || math.Abs(*g.Loss-*w.Loss) > 1e-12 || math.Abs(g.Failed-w.Failed) > 1e-12 || g.Tokens != w.Tokens || g.FLOPs != w.FLOPs {
			t.Errorf("got %+v (%v), want %+v (%v)", g, *g.Loss, w, *w.Loss)
		}
	}
}
