package tuning

import (
	"testing"

	"github.com/archlab/archlab/core/record"
)

func trial(rate float64, seed uint64, loss float64) Trial {
	t := Trial{Rate: rate, Seed: seed, Done: true, Result: record.Result{Status: "failed", Failure: &record.Failure{Kind: "not_finite"}}}
	if loss > 0 {
		t.Result = record.Result{Status: "finished", Validation: &record.Score{Loss: loss}}
	}
	return t
}

func TestChoose(t *testing.T) {
	rates := []float64{1e-3, 3e-3, 1e-2}
	const failed = 0
	for name, c := range map[string]struct {
		losses [3][2]float64 // by rate and seed
		rate   float64
		edge   string
		ok     bool
	}{
		"inside":                          {[3][2]float64{{2, 2}, {1, 1.2}, {1.5, 1.5}}, 3e-3, "", true},
		"at the upper edge":               {[3][2]float64{{2, 2}, {1, 1.2}, {1, 1.1}}, 1e-2, "highest", true},
		"at the lower edge":               {[3][2]float64{{0.5, 0.5}, {1, 1.2}, {1, 1.1}}, 1e-3, "lowest", true},
		"equal: the lower rate":           {[3][2]float64{{2, 2}, {1, 1}, {1, 1}}, 3e-3, "", true},
		"one seed of the best one failed": {[3][2]float64{{2, 2}, {1.5, 1.5}, {1, failed}}, 3e-3, "", true},
		"the first failed":                {[3][2]float64{{failed, failed}, {1.5, 1.5}, {2, 2}}, 3e-3, "", true},
		"all failed":                      {[3][2]float64{{failed, 1}, {1, failed}, {failed, failed}}, 0, "", false},
	} {
		var trials []Trial
		for i, rate := range rates {
			for s, loss := range c.losses[i] {
				trials = append(trials, trial(rate, uint64(s), loss))
			}
		}
		got, ok := Choose("m", rates, trials)
		if got.Rate != c.rate || got.Edge != c.edge || ok != c.ok {
			t.Errorf("%s: got %+v %v, want %v %q %v", name, got, ok, c.rate, c.edge, c.ok)
		}
	}
}
