package mamba

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/archlab/archlab/core/family"
)

// TestDerivedOnce: what is made of weights alone is computed at the first token after they change and not again, the count of
// operations does not tell the two apart, and no stale value is ever used.
func TestDerivedOnce(t *testing.T) {
	ctx := context.Background()
	for config, op := range map[string]string{
		`{"width":16,"layers":2}`:                           "decay",
		`{"preset":"mamba2","width":16,"layers":2}`:         "decay",
		`{"preset":"time-invariant","width":16,"layers":2}`: "step_size",
	} {
		build := func(seed uint64) family.Model {
			m, _, err := Family().Build(ctx, family.BuildRequest{Config: json.RawMessage(config), Vocab: 11, Context: 32, Seed: seed, Threads: 1})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { m.Release(ctx) })
			return m
		}
		// feed answers the logits, the operations and the calls of op.
		feed := func(m family.Model, id family.StateID, token int32) ([]float32, float64, int64) {
			t.Helper()
			if _, err := m.Profile(ctx, true); err != nil {
				t.Fatal(err)
			}
			res, err := m.Extend(ctx, family.ExtendRequest{Items: []family.ExtendItem{{State: id, Tokens: []int32{token}}}})
			if err != nil {
				t.Fatal(err)
			}
			p, err := m.Profile(ctx, false)
			if err != nil {
				t.Fatal(err)
			}
			calls := int64(0)
			for _, o := range p.Ops {
				if o.Op == op {
					calls = o.Calls
				}
			}
			return res.Logits, p.FLOPs, calls
		}
		open := func(m family.Model) family.StateID {
			ids, err := m.Open(ctx, 1)
			if err != nil {
				t.Fatal(err)
			}
			return ids[0]
		}
		m := build(1)
		step := func() {
			id := open(m)
			_, first, calls := feed(m, id, 3)
			_, second, again := feed(m, id, 4)
			if calls != 2 || again != 0 {
				t.Errorf("%s: %s ran %d times for the first token and %d for the second, want once a layer and 0", config, op, calls, again)
			}
			if first != second {
				t.Errorf("%s: the first token took %g operations, the second %g", config, first, second)
			}
		}
		step()
		b := family.Batch{B: 1, T: 4, Tokens: []int32{1, 2, 3, 4}, Targets: []int32{2, 3, 4, 5}, Weights: []float32{1, 1, 1, 1}}
		if _, err := m.Train(ctx, family.TrainRequest{MicroBatches: []family.Batch{b}, Optimizer: family.OptimizerStep{LearningRate: 0.1, Epsilon: 1e-8}}); err != nil {
			t.Fatal(err)
		}
		step()
		// Another model that is given these weights after it has decoded with its own.
		other := build(2)
		feed(other, open(other), 5)
		var file bytes.Buffer
		if err := m.Save(ctx, family.Weights, &file); err != nil {
			t.Fatal(err)
		}
		if err := other.Load(ctx, family.Weights, &file); err != nil {
			t.Fatal(err)
		}
		want, _, _ := feed(m, open(m), 5)
		if got, _, _ := feed(other, open(other), 5); !slices.Equal(got, want) {
			t.Errorf("%s: with the same weights: got %v, want %v", config, got, want)
		}
	}
}
