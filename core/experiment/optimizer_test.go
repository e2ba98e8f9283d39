package experiment

import (
	"reflect"
	"testing"

	"github.com/archlab/archlab/core/family"
)

func TestOptimizerDefaults(t *testing.T) {
	for _, c := range []struct {
		text string
		want family.OptimizerStep
	}{
		{"adamw", family.OptimizerStep{Name: "adamw", LearningRate: 3e-3, Beta1: 0.9, Beta2: 0.95, Epsilon: 1e-8, WeightDecay: 0.1, Clip: 1}},
		{"{name: muon, momentum: 0}", family.OptimizerStep{Name: "muon", LearningRate: 3e-3, Beta1: 0.9, Beta2: 0.95, Epsilon: 1e-8, Nesterov: true,
			Scale: "match_rms", AdamWRate: 1, WeightDecay: 0.1, Clip: 1}},
		{"{name: muon, scale: spectral}", family.OptimizerStep{Name: "muon", LearningRate: 0.02, Beta1: 0.9, Beta2: 0.95, Epsilon: 1e-8, Momentum: 0.95,
			Nesterov: true, Scale: "spectral", AdamWRate: 0.15, WeightDecay: 0.015, Clip: 1}},
		{"{name: lion, clip: 0, beta2: 0.5}", family.OptimizerStep{Name: "lion", LearningRate: 3e-4, Beta1: 0.9, Beta2: 0.5, WeightDecay: 1}},
		{"{name: sgd, nesterov: true}\n  learning_rate: 7", family.OptimizerStep{Name: "sgd", LearningRate: 7, Momentum: 0.9, Nesterov: true, WeightDecay: 1e-3, Clip: 1}},
	} {
		f, err := Parse("x.yaml", []byte(small+"  optimizer: "+c.text+"\n"), nil)
		if err != nil {
			t.Errorf("%s: %v", c.text, err)
			continue
		}
		if got := f.Recipe().Optimizer; !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s:\ngot  %+v\nwant %+v", c.text, got, c.want)
		}
	}
}
