// Package tuning chooses learning rates out of a grid that is the same for every model, by validation alone, and keeps the
// books of it: every trial, every failure, and what a smaller grid would have found. It runs nothing; the command does.
//
//	trials, err := tuning.Trials(reader, ledger, "transformer")
//	choice, ok := tuning.Choose("transformer", ledger.Rates, trials)
package tuning

import (
	"math"

	"github.com/archlab/archlab/core/record"
	"github.com/archlab/archlab/core/stats"
)

// Trial is one training of the grid.
type Trial struct {
	Rate   float64
	Seed   uint64
	Done   bool          // there is a result; else the run was stopped before it
	Result record.Result // Validation is nil where it failed
}

// Loss is the trial's validation loss, NaN of a failure.
func (t Trial) Loss() float64 {
	if t.Result.Status != "finished" || t.Result.Validation == nil {
		return math.NaN()
	}
	return t.Result.Validation.Loss
}

// Trials reads a model's trials, rates outermost, in the ledger's order.
func Trials(r *record.Reader, t *record.Tuning, model string) ([]Trial, error) {
	var out []Trial
	for _, rate := range t.Rates {
		for _, seed := range t.Seeds {
			res, ok, err := r.Trial(record.TrialName(rate)).Result(model, seed)
			if err != nil {
				return nil, err
			}
			out = append(out, Trial{Rate: rate, Seed: seed, Done: ok, Result: res})
		}
	}
	return out, nil
}

// Choose takes the rate with the lowest validation loss, averaged over the seeds; of equal ones the lower rate. A rate is as good as its
// worst seed where one failed: it is not chosen. ok is false where every rate failed.
func Choose(model string, rates []float64, trials []Trial) (c record.Choice, ok bool) {
	c.Model = model
	for _, rate := range rates {
		var losses []float64
		for _, t := range trials {
			if t.Rate == rate {
				losses = append(losses, t.Loss())
			}
		}
		loss := stats.Mean(losses)
		if loss < c.Loss || loss == c.Loss && rate < c.Rate || !ok && !math.IsNaN(loss) {
			c.Rate, c.Loss, ok = rate, loss, true
		}
	}
	lowest, highest := math.Inf(1), math.Inf(-1)
	for _, rate := range rates {
		lowest, highest = math.Min(lowest, rate), math.Max(highest, rate)
	}
	switch {
	case !ok:
	case c.Rate == lowest:
		c.Edge = "lowest"
	case c.Rate == highest:
		c.Edge = "highest"
	}
	return c, ok
}
