package transformer_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/plugins/transformer"
)

// repeated is b rows: other tokens, and then a random string twice. Only the second time is predicted. The string's
// length varies, so that looking back a fixed distance does not help, and its tokens differ, so that each says what
// follows.
func repeated(rng *rand.Rand, b, vocab int) family.Batch {
	const t = 24
	out := family.Batch{B: b, T: t - 1}
	for range b {
		length := 5 + rng.IntN(8)
		tokens := rng.Perm(vocab)
		var s []int32
		for range t - 2*length {
			s = append(s, int32(tokens[length+rng.IntN(vocab-length)]))
		}
		for i := range 2 * length {
			s = append(s, int32(tokens[i%length]))
		}
		for i := range out.T {
			out.Tokens = append(out.Tokens, s[i])
			out.Targets = append(out.Targets, s[i+1])
			w := float32(0)
			if i >= t-length {
				w = 1 / float32(b*(length-1))
			}
			out.Weights = append(out.Weights, w)
		}
	}
	return out
}

// Copying what followed a token the last time takes a look one token back before a look at the whole (Olsson et al. 2022,
// https://arxiv.org/abs/2209.11895): in a transformer, two layers of attention. A short convolution looks back by itself, so
// that with it one layer is enough, and without it one layer is not.
func TestInduction(t *testing.T) {
	ctx := context.Background()
	const vocab, steps = 24, 300
	for _, c := range []struct {
		config   string
		low, top float64 // what the last loss lies between; guessing costs ln 24 = 3.2
	}{
		{`{"width":32,"layers":1}`, 2, 3.2},
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
				MicroBatches: []family.Batch{repeated(rng, 16, vocab)},
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
