// Package familytest holds what the tests of the built-in families share: the comparison of a family with reference values
// that were computed elsewhere, and golden loss curves. It sees families only through the contract.
package familytest

import (
	"bytes"
	"context"
	"encoding/json"
	"hash/fnv"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/safetensors"
)

// ReferenceCase is one entry of a reference.json: the loss and the gradients of a small model with the weights of Weight.
type ReferenceCase struct {
	Name    string
	Config  map[string]any
	Vocab   int
	Batch   family.Batch
	Losses  []float64 // of the main head and the extra ones; or
	Loss    float64   // of the only head
	Metrics map[string]float64
	Grads   map[string][]float64
}

// Reference compares a family with every case of a file: the loss, the metrics and the gradient of every tensor. The case's
// config is the family's.
func Reference(t *testing.T, fam family.Family, path string, weight func(name string, i int) float64) {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var cases []ReferenceCase
	if err := json.Unmarshal(raw, &cases); err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) { c.check(t, fam, weight) })
	}
}

// Sine is the value that the reference scripts give element i of a tensor: offset + scale·sin(phase + 0.7311 i), with a phase
// made of the tensor's name.
func Sine(name string, i int, offset, scale float64) float64 {
	h := fnv.New64a()
	h.Write([]byte(name))
	phase := float64(h.Sum64()%1000) / 1000 * 2 * math.Pi
	return offset + scale*math.Sin(phase+0.7311*float64(i))
}

func (c ReferenceCase) check(t *testing.T, fam family.Family, weight func(name string, i int) float64) {
	ctx := context.Background()
	config, err := json.Marshal(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	m, _, err := fam.Build(ctx, family.BuildRequest{Config: config, Vocab: c.Vocab, Context: c.Batch.T, Seed: 1, Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Release(ctx)
	before := weights(t, m)
	for i, x := range before {
		w := floats(t, x)
		for j := range w {
			w[j] = float32(weight(x.Name, j))
		}
		before[i] = safetensors.F32(x.Name, x.Shape, w)
	}
	var file bytes.Buffer
	if err := safetensors.Write(&file, before, nil); err != nil {
		t.Fatal(err)
	}
	if err := m.Load(ctx, family.Weights, &file); err != nil {
		t.Fatal(err)
	}
	// With so large an epsilon, the first step of AdamW moves every weight by -lr/epsilon times its gradient.
	const move = 1 << 12
	res, err := m.Train(ctx, family.TrainRequest{
		MicroBatches: []family.Batch{c.Batch},
		Optimizer:    family.OptimizerStep{LearningRate: move * (1 << 20), Beta1: 0.9, Beta2: 0.95, Epsilon: 1 << 20},
	})
	if err != nil {
		t.Fatal(err)
	}
	want := c.Loss
	if len(c.Losses) > 0 {
		want = c.Losses[0]
	}
	// Sums of a few hundred float32 operations; the references are float64.
	Near(t, "loss", res.Loss, want, 2e-5)
	for name, w := range c.Metrics {
		got, ok := res.Metrics[name]
		if !ok {
			t.Errorf("no metric %q among %v", name, res.Metrics)
		}
		Near(t, name, got, w, 2e-5)
	}
	seen := map[string]bool{}
	for i, x := range weights(t, m) {
		want, ok := c.Grads[x.Name]
		seen[x.Name] = true
		if !ok {
			if !bytes.Equal(x.Data, before[i].Data) {
				t.Errorf("%s moved and is not in the reference", x.Name)
			}
			continue
		}
		now, was := floats(t, x), floats(t, before[i])
		if len(now) != len(want) {
			t.Errorf("%s has %d elements, want %d", x.Name, len(now), len(want))
			continue
		}
		top := 0.0
		for _, g := range want {
			top = max(top, math.Abs(g))
		}
		for j, g := range want {
			// Rounding of the moved weight adds half a unit of its last place over move.
			tol := 1e-4*top + 1e-6 + math.Abs(float64(now[j]))*6e-8/move
			if got := (float64(was[j]) - float64(now[j])) / move; !(math.Abs(got-g) <= tol) {
				t.Errorf("gradient of %s[%d] is %.7g, want %.7g within %.1g", x.Name, j, got, g, tol)
				break
			}
		}
	}
	for name := range c.Grads {
		if !seen[name] {
			t.Errorf("the model has no tensor %s", name)
		}
	}
}

// Near holds got to want within a relative tolerance.
func Near(t testing.TB, what string, got, want, tol float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tol*(1+math.Abs(want))) {
		t.Errorf("%s is %.9g, want %.9g within %.1g", what, got, want, tol)
	}
}

func weights(t testing.TB, m family.Model) []safetensors.Tensor {
	t.Helper()
	var file bytes.Buffer
	if err := m.Save(context.Background(), family.Weights, &file); err != nil {
		t.Fatal(err)
	}
	list, _, err := safetensors.Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func floats(t testing.TB, x safetensors.Tensor) []float32 {
	t.Helper()
	w, err := x.Float32s()
	if err != nil {
		t.Fatal(err)
	}
	return w
}

// HasSuffix says whether a name ends in one of the suffixes.
func HasSuffix(name string, suffixes ...string) bool {
	for _, s := range suffixes {
		if strings.HasSuffix(name, s) {
			return true
		}
	}
	return false
}
