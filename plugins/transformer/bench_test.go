package transformer_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/plugins/transformer"
)

func benchModel(b *testing.B) (family.Model, family.Batch) {
	b.Helper()
	const vocab = 1024
	m, _, err := transformer.Family().Build(context.Background(), family.BuildRequest{Config: json.RawMessage(`{"width":128,"layers":4}`), Vocab: vocab, Context: 256})
	if err != nil {
		b.Fatal(err)
	}
	batch := family.Batch{B: 8, T: 256}
	for i := range batch.B * batch.T {
		batch.Tokens = append(batch.Tokens, int32(7*i%vocab))
		batch.Targets = append(batch.Targets, int32(5*i%vocab))
		batch.Weights = append(batch.Weights, 1.0/2048)
	}
	return m, batch
}

// BenchmarkTrain is one step of a million parameters on 2048 tokens.
func BenchmarkTrain(b *testing.B) {
	m, batch := benchModel(b)
	ctx := context.Background()
	req := family.TrainRequest{MicroBatches: []family.Batch{batch}, Optimizer: family.OptimizerStep{LearningRate: 1e-3, Beta1: 0.9, Beta2: 0.95, Epsilon: 1e-8, Clip: 1}}
	if _, err := m.Train(ctx, req); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Train(ctx, req); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N*len(batch.Tokens))/b.Elapsed().Seconds(), "tokens/s")
}

// BenchmarkDecode is one token of each of 8 sequences that already have 128.
func BenchmarkDecode(b *testing.B) {
	m, batch := benchModel(b)
	ctx := context.Background()
	ids, err := m.Open(ctx, 8)
	if err != nil {
		b.Fatal(err)
	}
	var prompt, next family.ExtendRequest
	for i, id := range ids {
		prompt.Items = append(prompt.Items, family.ExtendItem{State: id, Tokens: batch.Tokens[i*128 : (i+1)*128]})
		next.Items = append(next.Items, family.ExtendItem{State: id, Tokens: batch.Tokens[i : i+1]})
	}
	if _, err := m.Extend(ctx, prompt); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := m.Extend(ctx, next); err != nil {
			b.Fatal(err)
		}
		for _, id := range ids {
			if err := m.Rewind(ctx, id, 1); err != nil {
				b.Fatal(err)
			}
		}
	}
	b.ReportMetric(float64(b.N*len(ids))/b.Elapsed().Seconds(), "tokens/s")
}
