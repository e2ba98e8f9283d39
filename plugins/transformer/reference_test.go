package transformer_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"hash/crc32"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/safetensors"
	"github.com/archlab/archlab/plugins/transformer"
)

// reference is testdata/reference.json, which testdata/reference.py made with PyTorch in float64.
type reference struct {
	Cases []referenceCase
}

type referenceCase struct {
	Name           string
	Config         json.RawMessage
	Vocab, Context int
	Batches        []family.Batch
	Step           struct {
		LearningRate float64 `json:"learning_rate"`
		Beta1, Beta2 float64
		Epsilon      float64
		WeightDecay  float64 `json:"weight_decay"`
		Clip         float64
	}
	LogProbs  [][]float64 `json:"log_probs"`
	Losses    []float64
	GradNorms []float64 `json:"grad_norms"`
	Gradients map[string]struct {
		Shape  []int
		Norm   float64
		At     []int
		Values []float64
	}
}

// formula is the weight that reference.py gives element i of a tensor.
func formula(name string, i int) float32 {
	phase := float64(crc32.ChecksumIEEE([]byte(name)) % 1000)
	x := float64(i)
	wave := math.Sin(0.37*x*x + 1.3*x + phase)
	if strings.HasSuffix(name, ".gain") {
		return float32(1 + 0.2*wave)
	}
	return float32(0.3 * wave)
}

// The same weights give the same log-probabilities, gradients and five steps of AdamW as in PyTorch.
func TestReference(t *testing.T) {
	raw, err := os.ReadFile("testdata/reference.json")
	if err != nil {
		t.Fatal(err)
	}
	var ref reference
	if err := json.Unmarshal(raw, &ref); err != nil {
		t.Fatal(err)
	}
	if len(ref.Cases) == 0 {
		t.Fatal("no cases")
	}
	for _, c := range ref.Cases {
		t.Run(c.Name, func(t *testing.T) { c.check(t) })
	}
}

func (c referenceCase) check(t *testing.T) {
	ctx := context.Background()
	m, card, err := transformer.Family().Build(ctx, family.BuildRequest{Config: c.Config, Vocab: c.Vocab, Context: c.Context, Seed: 1, Threads: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer m.Release(ctx)
	c.load(t, m, card)

	// Relative errors of single results: some hundred roundings of 6e-8, which mostly cancel.
	for i, b := range c.Batches {
		s, err := m.Score(ctx, b)
		if err != nil {
			t.Fatal(err)
		}
		for j, want := range c.LogProbs[i] {
			if b.Weights[j] != 0 {
				near(t, fmt.Sprintf("batch %d: log-probability %d", i, j), float64(s.LogProbs[j]), want, 5e-6)
			}
		}
	}
	// The loss is a sum over rows, so that roundings average out. AdamW divides by the gradient's own magnitude and so
	// moves weights whose gradients are mostly rounding, but those hardly matter to the loss: errors stay near 1e-7 and
	// reach 1e-6 in the norm.
	for s, want := range c.Losses {
		res, err := m.Train(ctx, family.TrainRequest{MicroBatches: c.Batches, Optimizer: family.OptimizerStep{
			LearningRate: c.Step.LearningRate, Beta1: c.Step.Beta1, Beta2: c.Step.Beta2,
			Epsilon: c.Step.Epsilon, WeightDecay: c.Step.WeightDecay, Clip: c.Step.Clip,
		}})
		if err != nil {
			t.Fatal(err)
		}
		near(t, fmt.Sprintf("step %d: loss", s), res.Loss, want, 1e-6)
		near(t, fmt.Sprintf("step %d: gradient norm", s), res.GradNorm, c.GradNorms[s], 1e-5)
		if s == 0 {
			c.gradients(t, m, res.GradNorm)
		}
	}
}

// load fills the model with the formula's weights. The names and shapes must be those of the reference.
func (c referenceCase) load(t *testing.T, m family.Model, card family.Card) {
	t.Helper()
	if len(card.Tensors) != len(c.Gradients) {
		t.Errorf("%d tensors, want %d", len(card.Tensors), len(c.Gradients))
	}
	var tensors []safetensors.Tensor
	for _, x := range card.Tensors {
		g, ok := c.Gradients[x.Name]
		if !ok || fmt.Sprint(g.Shape) != fmt.Sprint(x.Shape) {
			t.Fatalf("%s has shape %v, want %v", x.Name, x.Shape, g.Shape)
		}
		n := 1
		for _, d := range x.Shape {
			n *= d
		}
		w := make([]float32, n)
		for i := range w {
			w[i] = formula(x.Name, i)
		}
		tensors = append(tensors, safetensors.F32(x.Name, x.Shape, w))
	}
	var file bytes.Buffer
	if err := safetensors.Write(&file, tensors, nil); err != nil {
		t.Fatal(err)
	}
	if err := m.Load(context.Background(), family.Weights, &file); err != nil {
		t.Fatal(err)
	}
}

// gradients compares the first moments after the first step, which are (1-beta1) times the clipped gradients.
func (c referenceCase) gradients(t *testing.T, m family.Model, norm float64) {
	t.Helper()
	scale := 1 - c.Step.Beta1
	if c.Step.Clip > 0 && norm > c.Step.Clip {
		scale *= c.Step.Clip / norm
	}
	var file bytes.Buffer
	if err := m.Save(context.Background(), family.Optimizer, &file); err != nil {
		t.Fatal(err)
	}
	tensors, _, err := safetensors.Read(&file)
	if err != nil {
		t.Fatal(err)
	}
	seen := 0
	for _, x := range tensors {
		name, ok := strings.CutPrefix(x.Name, "m.")
		if !ok {
			continue
		}
		seen++
		moment, err := x.Float32s()
		if err != nil {
			t.Fatal(err)
		}
		want := c.Gradients[name]
		sum := 0.0
		for _, g := range moment {
			sum += float64(g) / scale * float64(g) / scale
		}
		near(t, "norm of the gradient of "+name, math.Sqrt(sum), want.Norm, 1e-5)
		for i, at := range want.At {
			got := float64(moment[at]) / scale
			// Relative to the tensor's largest possible element: an element may be a small difference of large sums.
			if d := math.Abs(got - want.Values[i]); !(d <= 1e-5*(1e-3+want.Norm)) {
				t.Errorf("gradient of %s[%d]: %g, want %g", name, at, got, want.Values[i])
			}
		}
	}
	if seen != len(c.Gradients) {
		t.Errorf("%d gradients, want %d", seen, len(c.Gradients))
	}
}

func near(t *testing.T, what string, got, want, tol float64) {
	t.Helper()
	if d := math.Abs(got - want); !(d <= tol*math.Abs(want)) {
		t.Errorf("%s: %.9g, want %.9g (off by %.1e, at most %.1e)", what, got, want, d/math.Abs(want), tol)
	}
}
