package transformer_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/plugins/transformer"
)

// repeated is b random strings, each twice in a row; only the second time is predicted.
func repeated(rng *rand.Rand, b, length, vocab int) family.Batch {
	out := family.Batch{B: b, T: 2*length - 1}
	for range b {
		s := make([]int32, length, 2*length)
		for i := range s {
			s[i] = int32(rng.IntN(vocab))
		}
		s = append(s, s...)
		for i := range out.T {
			out.Tokens = append(out.Tokens, s[i])
			out.Targets = append(out.Targets, s[i+1])
			w := float32(0)
			if i >= length {
				w = 1 / float32(b*(length-1))
			}
			out.Weights = append(out.Weights, w)
		}
	}
	return out
}

// Copying what followed a token the last time takes two layers of attention, the first of which looks one token back
// (Olsson et al. 2022, https://arxiv.org/abs/2209.11895). A short convolution looks back by itself, so that one layer is
// enough.
func TestInduction(t *testing.T) {
	ctx := context.Background()
	const vocab, steps = 32, 300
	for _, c := range []struct {
		config   string
		low, top float64 // what the last loss lies between; guessing costs ln 32 = 3.5
	}{
		{`{"width":32,"layers":2}`, 0, 0.1},
		{`{"preset":"gpt2","width":32,"layers":2}`, 0, 0.1},
		{`{"width":32,"layers":1}`, 1, 3},
		{`{"width":32,"layers":1,"conv":3}`, 0, 0.1},
	} {
		m, _, err := transformer.Family().Build(ctx, family.BuildRequest{Config: json.RawMessage(c.config), Vocab: vocab, Context: 64, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		rng := rand.New(rand.NewPCG(1, 2))
		var last family.TrainResult
		for range steps {
			last, err = m.Train(ctx, family.TrainRequest{
				MicroBatches: []family.Batch{repeated(rng, 16, 16, vocab)},
				Optimizer:    family.OptimizerStep{LearningRate: 3e-3, Beta1: 0.9, Beta2: 0.95, Epsilon: 1e-8, WeightDecay: 0.1, Clip: 1},
			})
			if err != nil {
				t.Fatal(err)
			}
		}
		if !(last.Loss >= c.low && last.Loss <= c.top) {
			t.Errorf("%s: loss %.4f after %d steps, want %g to %g", c.config, last.Loss, steps, c.low, c.top)
		}
		if err := m.Release(ctx); err != nil {
			t.Fatal(err)
		}
	}
}
