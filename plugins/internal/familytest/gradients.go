package familytest

import (
	"context"
	"encoding/json"
	"maps"
	"math"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/family"
)

// leastGradient is the largest element of a tensor's gradient, relative to the largest of all tensors, below which the tensor
// counts as one that the loss does not reach. Where derivatives cancel, as a router's do whose only gate is normalised, float32 leaves
// less than 5e-9 of the families' examples; the least that the loss does reach is the step's projection of Mamba, at 5e-6.
const leastGradient = 1e-7

// Gradients trains every example of a family's schema on one batch and checks that each trainable tensor gets a gradient from the
// losses of prediction: overlay (a JSON object, laid over each example) must set the coefficients of all others to 0. Tensors for
// which untouched answers true must get none at all; it may be nil.
func Gradients(t *testing.T, fam family.Family, overlay string, untouched func(name string) bool) {
	t.Helper()
	d, err := fam.Describe(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	var schema struct {
		Examples []map[string]any `json:"examples"`
	}
	if err := json.Unmarshal(d.ConfigSchema, &schema); err != nil {
		t.Fatal(err)
	}
	if len(schema.Examples) == 0 {
		t.Fatal("the schema has no examples")
	}
	for _, config := range append(schema.Examples, map[string]any{}) {
		var over map[string]any
		if err := json.Unmarshal([]byte(overlay), &over); err != nil {
			t.Fatal(err)
		}
		maps.Copy(config, over)
		raw, err := json.Marshal(config)
		if err != nil {
			t.Fatal(err)
		}
		t.Run(string(raw), func(t *testing.T) { reached(t, fam, raw, untouched) })
	}
}

func reached(t *testing.T, fam family.Family, config json.RawMessage, untouched func(name string) bool) {
	const vocab, b, n = 17, 8, 24
	ctx := context.Background()
	m, _, err := fam.Build(ctx, family.BuildRequest{Config: config, Vocab: vocab, Context: n, Seed: 3, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Release(ctx)
	if _, err := m.Train(ctx, family.TrainRequest{MicroBatches: []family.Batch{sequences(1, b, n, vocab)}}); err != nil {
		t.Fatal(err)
	}
	largest := map[string]float64{}
	top := 0.0
	// With betas of 0 the first moment is the gradient.
	for _, x := range tensors(t, m, family.Optimizer) {
		name, ok := strings.CutPrefix(x.Name, "m.")
		if !ok {
			continue
		}
		largest[name] = 0
		for _, g := range floats(t, x) {
			largest[name] = max(largest[name], math.Abs(float64(g)))
		}
		top = max(top, largest[name])
	}
	if top == 0 {
		t.Fatal("no tensor has a gradient")
	}
	for name, g := range largest {
		switch none := untouched != nil && untouched(name); {
		case none && g != 0:
			t.Errorf("%s has a gradient of up to %.2g, want none", name, g)
		case !none && !(g >= leastGradient*top):
			t.Errorf("%s has a gradient of up to %.2g, that of others reaches %.2g: the loss does not reach it", name, g, top)
		}
	}
}
