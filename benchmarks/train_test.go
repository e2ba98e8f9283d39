// Package benchmarks measures whole training steps of every built-in family:
//
//	go test ./benchmarks -run '^$' -bench . -benchtime 3s
//
// Figures are for one machine and one moment; compare them by ratios of one run (benchstat). A step is forward, backward,
// clipping and AdamW of 8 sequences of 128 tokens, at about the sizes of configs/quickstart.yaml.
package benchmarks

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"testing"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/plugins/mamba"
	"github.com/archlab/archlab/plugins/moe"
	"github.com/archlab/archlab/plugins/mtp"
	"github.com/archlab/archlab/plugins/transformer"
)

const (
	vocab  = 512
	batch  = 8
	length = 128
)

var step = family.OptimizerStep{LearningRate: 1e-3, Beta1: 0.9, Beta2: 0.95, Epsilon: 1e-8, WeightDecay: 0.1, Clip: 1}

// cases are the families at about half a million active parameters.
var cases = []struct {
	name   string
	family func() family.Family
	config string
}{
	{"transformer", transformer.Family, `{"layers":4,"width":96,"conv":4}`},
	{"mamba", mamba.Family, `{"layers":8,"width":88}`},
	{"moe", moe.Family, `{"layers":4,"width":96,"conv":4}`},
	{"mtp", mtp.Family, `{"layers":4,"width":96,"conv":4}`},
}

// model builds a case and a batch of random tokens.
func model(tb testing.TB, fam family.Family, config string) (family.Model, family.Card, family.Batch) {
	tb.Helper()
	m, card, err := fam.Build(context.Background(), family.BuildRequest{Config: json.RawMessage(config), Vocab: vocab, Context: length, Seed: 1, Lengths: []int{length}})
	if err != nil {
		tb.Fatal(err)
	}
	rng := rand.New(rand.NewPCG(1, 2))
	b := family.Batch{B: batch, T: length}
	for range batch * length {
		b.Tokens = append(b.Tokens, rng.Int32N(vocab))
		b.Targets = append(b.Targets, rng.Int32N(vocab))
		b.Weights = append(b.Weights, 1.0/(batch*length))
	}
	return m, card, b
}

func BenchmarkTrain(b *testing.B) {
	for _, c := range cases {
		b.Run(c.name, func(b *testing.B) {
			ctx := context.Background()
			m, card, data := model(b, c.family(), c.config)
			defer func() { _ = m.Release(ctx) }()
			req := family.TrainRequest{MicroBatches: []family.Batch{data}, Optimizer: step}
			if _, err := m.Train(ctx, req); err != nil { // compiles the plan
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Train(ctx, req); err != nil {
					b.Fatal(err)
				}
			}
			tokens := float64(b.N) * batch * length
			b.ReportMetric(tokens/b.Elapsed().Seconds(), "tokens/s")
			b.ReportMetric(tokens*card.Costs[0].TrainFLOPs/b.Elapsed().Seconds()/1e9, "GFLOP/s")
		})
	}
}

// A step allocates a handful of small values of the contract (the result and its metrics), whatever the size of the model: nothing
// by op, row or weight.
func TestAllocationsOfAStepDoNotGrow(t *testing.T) {
	ctx := context.Background()
	for _, c := range cases {
		var perStep [2]float64
		for i, layers := range []string{`"layers":2`, `"layers":6`} {
			config := `{"width":64,` + layers + `}`
			m, _, data := model(t, c.family(), config)
			req := family.TrainRequest{MicroBatches: []family.Batch{data}, Optimizer: step}
			train := func() {
				if _, err := m.Train(ctx, req); err != nil {
					t.Fatal(err)
				}
			}
			train() // compiles the plan
			perStep[i] = testing.AllocsPerRun(3, train)
			if err := m.Release(ctx); err != nil {
				t.Fatal(err)
			}
		}
		// Metrics by layer may add a map entry; an allocation by op would add hundreds.
		if perStep[1] > perStep[0]+8 || perStep[0] > 64 {
			t.Errorf("%s: %v allocations a step with 2 layers, %v with 6", c.name, perStep[0], perStep[1])
		}
	}
}
