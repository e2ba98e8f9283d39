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
	After   map[string][]float64 // tensors that a rule moves after the step
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
	before := tensors(t, m, family.Weights)
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
	// A step with rate 0 moves no weight, and the first moment after it is (1-beta1) times the gradient.
	const beta = 0.5
	res, err := m.Train(ctx, family.TrainRequest{
		MicroBatches: []family.Batch{c.Batch},
		Optimizer:    family.OptimizerStep{Beta1: beta, Beta2: beta, Epsilon: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	losses := c.Losses
	if len(losses) == 0 {
		losses = []float64{c.Loss}
	}
	// Sums of a few hundred float32 operations; the references are float64.
	Near(t, "loss", res.Loss, losses[0], 1e-5)
	for name, w := range c.Metrics {
		got, ok := res.Metrics[name]
		if !ok {
			t.Errorf("no metric %q among %v", name, res.Metrics)
		}
		Near(t, name, got, w, 1e-5)
	}
	c.gradients(t, m, 1-beta)
	c.after(t, m, before)
}

// gradients compares the gradient of every tensor, which the optimizer's state holds times scale.
func (c ReferenceCase) gradients(t *testing.T, m family.Model, scale float64) {
	t.Helper()
	seen := 0
	for _, x := range tensors(t, m, family.Optimizer) {
		name, ok := strings.CutPrefix(x.Name, "m.")
		if !ok {
			continue
		}
		want, ok := c.Grads[name]
		if !ok {
			t.Errorf("%s has a gradient and is not in the reference", name)
			continue
		}
		seen++
		got := floats(t, x)
		if len(got) != len(want) {
			t.Errorf("%s has %d elements, want %d", name, len(got), len(want))
			continue
		}
		top := 0.0
		for _, g := range want {
			top = max(top, math.Abs(g))
		}
		for i, g := range want {
			// Relative to the tensor's largest element: a small one may be the difference of large sums.
			tol := 3e-5*top + 1e-7
			if got := float64(got[i]) / scale; !(math.Abs(got-g) <= tol) {
				t.Errorf("gradient of %s[%d] is %.7g, want %.7g within %.1g", name, i, got, g, tol)
				break
			}
		}
	}
	if seen != len(c.Grads) {
		t.Errorf("the model has %d of the reference's %d tensors", seen, len(c.Grads))
	}
}

// after compares the tensors that a rule moves, and holds all others to what they were.
func (c ReferenceCase) after(t *testing.T, m family.Model, before []safetensors.Tensor) {
	t.Helper()
	for i, x := range tensors(t, m, family.Weights) {
		want, ok := c.After[x.Name]
		if !ok {
			if !bytes.Equal(x.Data, before[i].Data) {
				t.Errorf("%s moved at a learning rate of 0", x.Name)
			}
			continue
		}
		for j, got := range floats(t, x) {
			Near(t, x.Name+" after the step", float64(got), want[j], 1e-6)
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

func tensors(t testing.TB, m family.Model, part family.Part) []safetensors.Tensor {
	t.Helper()
	var file bytes.Buffer
	if err := m.Save(context.Background(), part, &file); err != nil {
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
