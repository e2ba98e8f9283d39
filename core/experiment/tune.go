package experiment

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math"
	"slices"

	"github.com/archlab/archlab/core/train"
)

// PlannedTuning is what choosing the learning rates comes to.
type PlannedTuning struct {
	Rates  []float64 `json:"learning_rates"`
	Seeds  []uint64  `json:"seeds"`
	Budget float64   `json:"budget"` // of a trial, as a part of train.budget
	Trials int       `json:"trials"` // models x rates x seeds
	Tokens int64     `json:"tokens"` // of all trials; 0 with a budget of seconds
	FLOPs  float64   `json:"flops"`
}

// checkTune looks at the grid and at what it must not touch.
func (d *decoder) checkTune(e *Experiment) {
	bad := func(path, hint, format string, args ...any) { d.checkf(path, hint, format, args...) }
	if d.at["train.learning_rate"] != nil {
		bad("train.learning_rate", "remove it, or add it to tune.learning_rate", "tune chooses the learning rate")
	}
	for i, r := range e.Tune.LearningRate {
		if r <= 0 || r > 10 {
			bad(fmt.Sprintf("tune.learning_rate[%d]", i), "", "got %v, want a rate above 0 and at most 10", r)
		}
	}
	distinct(bad, "tune.learning_rate", e.Tune.LearningRate)
	distinct(bad, "tune.seeds", e.Tune.Seeds)
	for i, s := range e.Tune.Seeds {
		if slices.Contains(e.Seeds.Model, s) {
			bad(fmt.Sprintf("tune.seeds[%d]", i), "", "%d is a seed of seeds.model as well: what is chosen on it would be judged on it", s)
		}
	}
}

// planTuning works out what the trials cost, once the models are planned. A trial takes a step at least.
func (f *File) planTuning(p *Plan) error {
	t := f.Tune
	if t == nil || len(t.LearningRate) == 0 || t.Budget == 0 || f.told("tune") || f.told("train.budget") || f.Train.Batch < 1 {
		return nil
	}
	each := len(t.LearningRate) * len(t.Seeds)
	out := &PlannedTuning{Rates: t.LearningRate, Seeds: t.Seeds, Budget: t.Budget, Trials: each * len(f.Models)}
	perStep := f.Train.Batch * f.Data.Context
	for _, m := range p.Models {
		steps, err := f.trialBudget().Steps(perStep, m.TrainFLOPs)
		if err != nil {
			return f.Problem("tune.budget", "model %s: a trial's %v", m.Name, err)
		}
		tokens := int64(steps) * int64(perStep) * int64(each)
		out.Tokens += tokens
		out.FLOPs += float64(tokens) * m.TrainFLOPs
	}
	p.Tuning = out
	return nil
}

// trialBudget is that of one trial.
func (e *Experiment) trialBudget() train.Budget {
	b, part := e.Budget(), e.Tune.Budget
	return train.Budget{Tokens: int64(math.Floor(float64(b.Tokens) * part)), FLOPs: b.FLOPs * part, Seconds: b.Seconds * part}
}

// TrialRecipe is the recipe of a trial: the same as that of a training but for its budget. One checkpoint is kept.
func (e *Experiment) TrialRecipe() train.Recipe {
	r := e.Recipe()
	r.Budget, r.Keep = e.trialBudget(), 1
	return r
}

// WeightSeed is the seed that a model's weights are drawn from in a training with the given model seed.
func (e *Experiment) WeightSeed(model string, seed uint64) uint64 {
	if !e.Seeds.Independent {
		return seed
	}
	sum := sha256.Sum256(fmt.Appendf(nil, "%s %d", model, seed))
	return binary.LittleEndian.Uint64(sum[:])
}
