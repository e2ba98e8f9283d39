package experiment

import (
	"reflect"
	"slices"
	"strings"

	"github.com/archlab/archlab/core/family"
)

// A setting that only some optimizers have is a pointer, or text, without a default of its own: the table below holds it,
// and an optimizer for which it holds nothing does not have the setting.

// defaults is what an optimizer takes where the file says nothing.
type defaults struct {
	rate float64
	Optimizer
}

// Lion's rate is a tenth of AdamW's and its decay ten times as much (Chen et al. 2023, section 5). Muon's scale makes
// AdamW's rate and decay right for it (Liu et al. 2025). The product of rate and decay is the same for all.
var optimizers = map[string]defaults{
	family.AdamW: {3e-3, Optimizer{Beta1: new(0.9), Beta2: new(0.95), Epsilon: new(1e-8), WeightDecay: new(0.1)}},
	family.Muon: {3e-3, Optimizer{Beta1: new(0.9), Beta2: new(0.95), Epsilon: new(1e-8), Momentum: new(0.95), Nesterov: new(true),
		Scale: family.MatchRMS, AdamWRate: new(1.0), WeightDecay: new(0.1)}},
	family.Lion: {3e-4, Optimizer{Beta1: new(0.9), Beta2: new(0.99), WeightDecay: new(1.0)}},
	family.SGD:  {0.3, Optimizer{Momentum: new(0.9), Nesterov: new(false), WeightDecay: new(1e-3)}},
}

// spectral is Muon's own rate and decay, with an AdamW beside it that has AdamW's (Jordan et al. 2024).
var spectral = defaults{0.02, Optimizer{AdamWRate: new(0.15), WeightDecay: new(0.015)}}

// checkOptimizer refuses settings that the optimizer does not have and fills in what is absent.
func (d *decoder) checkOptimizer(t *Train, tuned bool) {
	o := &t.Optimizer
	table, ok := optimizers[o.Name]
	if !ok {
		return // told already
	}
	if o.Name == family.Muon && o.Scale == family.Spectral {
		table.rate, table.AdamWRate, table.WeightDecay = spectral.rate, spectral.AdamWRate, spectral.WeightDecay
	}
	if t.LearningRate == 0 && !tuned && d.at["train.learning_rate"] == nil {
		t.LearningRate = table.rate
	}
	have, want := reflect.ValueOf(o).Elem(), reflect.ValueOf(table.Optimizer)
	for _, f := range fieldsOf(have.Type()) {
		v, def := have.Field(f.index), want.Field(f.index)
		path := "train.optimizer." + f.key
		switch {
		case f.def != "": // all have it
		case d.at[path] == nil && v.IsZero():
			v.Set(def)
		case def.IsZero():
			d.checkf(path, "it is a setting of "+strings.Join(having(f), ", "), "the optimizer %s has no such setting", o.Name)
		}
	}
}

// having lists the optimizers that have a setting.
func having(f field) []string {
	var names []string
	for name, x := range optimizers {
		if !reflect.ValueOf(x.Optimizer).Field(f.index).IsZero() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Step is the optimizer in the contract's terms, at a learning rate.
func (o Optimizer) Step(rate float64) family.OptimizerStep {
	return family.OptimizerStep{
		Name: o.Name, LearningRate: rate, Beta1: value(o.Beta1), Beta2: value(o.Beta2), Epsilon: value(o.Epsilon),
		Momentum: value(o.Momentum), Nesterov: o.Nesterov != nil && *o.Nesterov, Scale: o.Scale, AdamWRate: value(o.AdamWRate),
		WeightDecay: value(o.WeightDecay), Clip: o.Clip,
	}
}

func value(x *float64) float64 {
	if x == nil {
		return 0
	}
	return *x
}
