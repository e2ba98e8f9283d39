package mamba

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/plugins/internal/familytest"
)

func TestPrecisions(t *testing.T) { familytest.Precisions(t, Family()) }

func TestPrecisionIsWithinSeedNoise(t *testing.T) {
	familytest.Noise(t, Family(), `{"width":32,"layers":2,"state":4}`)
}

// The bits of a step in 16 bits do not depend on the lengths of the sequences before, which share its plan.
func TestStepKnowsNothingOfOthersLengths(t *testing.T) {
	ctx := context.Background()
	for _, config := range []string{
		`{"width":16,"layers":1,"state":4}`, `{"preset":"mamba2","width":16,"layers":1,"state":4,"head_width":8}`, `{"preset":"time-invariant","width":16,"layers":1,"state":4}`,
	} {
		step := func(lengths ...int) (res family.TrainResult) {
			const rows = 1200
			m, _, err := Family().Build(ctx, family.BuildRequest{Config: json.RawMessage(config), Vocab: 17, Context: rows, Seed: 1, Precision: family.BF16})
			if err != nil {
				t.Fatal(err)
			}
			defer m.Release(ctx)
			for _, n := range lengths {
				b := family.Batch{B: rows / n, T: n, Tokens: make([]int32, rows), Targets: make([]int32, rows), Weights: make([]float32, rows)}
				for i := range rows {
					b.Tokens[i], b.Targets[i], b.Weights[i] = int32(i*i%17), int32(i*7%17), 1
				}
				// At a rate of 0 nothing but the plan can carry over.
				if res, err = m.Train(ctx, family.TrainRequest{MicroBatches: []family.Batch{b}, Optimizer: family.OptimizerStep{Beta1: 0.9, Beta2: 0.9, Epsilon: 1e-8}}); err != nil {
					t.Fatal(err)
				}
			}
			return res
		}
		fresh, later := step(300), step(300, 600, 300)
		if other := step(600, 300); fresh.GradNorm != other.GradNorm || fresh.GradNorm != later.GradNorm || fresh.Loss != later.Loss {
			t.Errorf("%s: gradient norm %v in a new model, %v after longer sequences, %v between them", config, fresh.GradNorm, other.GradNorm, later.GradNorm)
		}
	}
}
