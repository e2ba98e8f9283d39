package mtp_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/plugins/mtp"
)

// The memory of a step does not grow with independent heads, in any precision: each one's activations and gradients are dead
// before the next one's. What a head adds is its loss and its gradient of the norm that heads share.
func TestMemoryOfHeads(t *testing.T) {
	const width, rows, vocab = 32, 64, 50
	arena := func(precision family.Precision, heads int) int64 {
		ctx := context.Background()
		config := fmt.Sprintf(`{"preset":"independent","width":%d,"layers":3,"heads":2,"extra":%d}`, width, heads-1)
		m, _, err := mtp.Family().Build(ctx, family.BuildRequest{Config: json.RawMessage(config), Vocab: vocab, Context: rows, Seed: 1, Precision: precision})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Release(ctx)
		b := family.Batch{B: 4, T: rows, Tokens: make([]int32, 4*rows), Targets: make([]int32, 4*rows), Weights: make([]float32, 4*rows)}
		for i := range b.Weights {
			b.Weights[i] = 1
		}
		if _, err := m.Train(ctx, family.TrainRequest{MicroBatches: []family.Batch{b}}); err != nil {
			t.Fatal(err)
		}
		p, err := m.Profile(ctx, false)
		if err != nil {
			t.Fatal(err)
		}
		return p.ArenaBytes
	}
	// A cache line each for the loss, its two halves and a scalar of the total, and a vector of the width.
	const head = 4*64 + 4*width
	for _, precision := range []family.Precision{family.FP32, family.BF16, family.FP16} {
		two := arena(precision, 2)
		for _, heads := range []int{4, 8} {
			if more := arena(precision, heads) - two; more > int64((heads-2)*head) {
				t.Errorf("%s: %d bytes with 2 heads, %d more with %d", precision, two, more, heads)
			}
		}
	}
}
