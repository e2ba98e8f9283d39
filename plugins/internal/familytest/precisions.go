package familytest

import (
	"context"
	"encoding/json"
	"math"
	"testing"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/sdk/conformance"
)

// Precisions judges a family in precisions of 16 bits: all of its schema's examples, by every check.
func Precisions(t *testing.T, fam family.Family) {
	t.Helper()
	for _, p := range []family.Precision{family.BF16, family.FP16} {
		t.Run(string(p), func(t *testing.T) {
			conformance.Test(t, fam, conformance.Options{Quick: true, Precision: p})
		})
	}
}

// Noise trains a small model in fp32 from several seeds and in each precision of 16 bits from the first: after a while the losses of
// one seed must lie closer together than those of the seeds do.
func Noise(t *testing.T, fam family.Family, config string) {
	t.Helper()
	const seeds, steps, last = 4, 60, 20
	curve := func(p family.Precision, seed uint64) (loss float64) {
		ctx := context.Background()
		m, _, err := fam.Build(ctx, family.BuildRequest{Config: json.RawMessage(config), Vocab: 17, Context: 24, Seed: seed, Threads: 2, Precision: p})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Release(ctx)
		for step := range steps {
			res, err := m.Train(ctx, family.TrainRequest{
				MicroBatches: []family.Batch{sequences(step, 4, 24, 17)},
				Optimizer:    family.OptimizerStep{LearningRate: 0.003, Beta1: 0.9, Beta2: 0.95, Epsilon: 1e-8, WeightDecay: 0.1, Clip: 1},
			})
			if err != nil {
				t.Fatal(err)
			}
			if res.Skipped {
				t.Fatalf("%s: step %d was skipped", p, step)
			}
			if step >= steps-last {
				loss += res.Loss / last
			}
		}
		return loss
	}
	var full []float64
	mean, spread := 0.0, 0.0
	for seed := range uint64(seeds) {
		full = append(full, curve(family.FP32, seed+1))
		mean += full[seed] / seeds
	}
	for _, x := range full {
		spread += (x - mean) * (x - mean) / (seeds - 1)
	}
	spread = math.Sqrt(spread)
	for _, p := range []family.Precision{family.BF16, family.FP16} {
		off := curve(p, 1) - full[0]
		t.Logf("%s: %+.4f of %.4f, seeds spread by %.4f", p, off, full[0], spread)
		if !(math.Abs(off) <= spread) {
			t.Errorf("%s: the loss of one seed is off by %.4f from fp32, more than seeds are (%.4f)", p, off, spread)
		}
	}
}
