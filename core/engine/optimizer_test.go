package engine

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"testing"

	"github.com/archlab/archlab/core/kernel"
)

// optimizerReference is testdata/optimizers.json, which PyTorch made in float64.
type optimizerReference struct {
	Parameters []struct {
		Name      string
		Shape     []int
		Decay     bool
		Matrices  []int
		Weights   []float32
		Gradients [][]float32 // by step
	}
	Cases []struct {
		Step struct {
			Name         string  `json:"name"`
			LearningRate float64 `json:"learning_rate"`
			Beta1        float64 `json:"beta1"`
			Beta2        float64 `json:"beta2"`
			Epsilon      float64 `json:"epsilon"`
			Momentum     float64 `json:"momentum"`
			Nesterov     bool    `json:"nesterov"`
			Scale        string  `json:"scale"`
			AdamWRate    float64 `json:"adamw_rate"`
			WeightDecay  float64 `json:"weight_decay"`
			Clip         float64 `json:"clip"`
		}
		Norms   []float64   // by step
		Weights [][]float64 // after the last step
	}
}

func TestOptimizersAgainstReference(t *testing.T) {
	data, err := os.ReadFile("testdata/optimizers.json")
	if err != nil {
		t.Fatal(err)
	}
	var ref optimizerReference
	if err := json.Unmarshal(data, &ref); err != nil {
		t.Fatal(err)
	}
	pool := kernel.NewPool(2)
	defer pool.Close()
	seen := map[string]bool{}
	for i, c := range ref.Cases {
		t.Run(fmt.Sprintf("%d_%s", i, c.Step.Name), func(t *testing.T) {
			seen[c.Step.Name] = true
			var specs []ParamSpec
			for _, p := range ref.Parameters {
				specs = append(specs, ParamSpec{Name: p.Name, Shape: p.Shape, Decay: p.Decay, Matrices: p.Matrices})
			}
			params, err := NewParams(specs)
			if err != nil {
				t.Fatal(err)
			}
			params.Train()
			for k, p := range ref.Parameters {
				copy(params.All()[k].W, p.Weights)
			}
			s := Step{
				Optimizer: c.Step.Name, LearningRate: c.Step.LearningRate, Beta1: c.Step.Beta1, Beta2: c.Step.Beta2, Epsilon: c.Step.Epsilon,
				Momentum: c.Step.Momentum, Nesterov: c.Step.Nesterov, Spectral: c.Step.Scale == "spectral", AdamWRate: c.Step.AdamWRate,
				WeightDecay: c.Step.WeightDecay, Clip: c.Step.Clip,
			}
			for step, want := range c.Norms {
				for k, p := range ref.Parameters {
					copy(params.All()[k].Grad, p.Gradients[step])
				}
				norm := params.GradNorm(pool)
				if math.Abs(norm-want) > 1e-6*want {
					t.Errorf("step %d: norm %v, want %v", step, norm, want)
				}
				params.Update(pool, s, norm)
			}
			// Roundings of float32 in weights of up to 0.5. A quintic multiplies those of small singular values by up to 3.44⁵.
			tol := 5e-7
			if c.Step.Name == "muon" {
				tol = 5e-6
			}
			for k, x := range params.All() {
				for j, want := range c.Weights[k] {
					if math.Abs(float64(x.W[j])-want) > tol {
						t.Fatalf("%s[%d] is %.8g, want %.8g", x.Name, j, x.W[j], want)
					}
				}
			}
		})
	}
	for _, name := range Optimizers() {
		if !seen[name] {
			t.Errorf("no case of %s", name)
		}
	}
}

// Another optimizer begins afresh; the same one goes on, and a step allocates nothing.
func TestAdopt(t *testing.T) {
	specs := []ParamSpec{{Name: "w", Shape: []int{24, 40}, Matrices: []int{24}}, {Name: "b", Shape: []int{5}}, {Name: "f", Shape: []int{3}, Fixed: true}}
	p := makeParams(t, specs...)
	bare := p.Bytes()
	for _, name := range Optimizers() {
		rule, err := OptimizerOf(name)
		if err != nil {
			t.Fatal(err)
		}
		s := Step{Optimizer: name, LearningRate: 1e-3, Beta1: 0.9, Beta2: 0.9, Epsilon: 1e-8, Momentum: 0.9, AdamWRate: 1}
		step := func() {
			for _, x := range p.All() {
				for i := range x.Grad {
					x.Grad[i] = float32(i%3) - 1
				}
			}
			p.Update(nil, s, 1)
		}
		step()
		if p.Steps != 1 || p.Optimizer() != name {
			t.Errorf("%s: step %d of %s after the first", name, p.Steps, p.Optimizer())
		}
		if n := testing.AllocsPerRun(5, step); n != 0 {
			t.Errorf("%s: %v allocations a step", name, n)
		}
		flops, state := OptimizerCost(rule, specs)
		if got := p.Bytes() - bare; got != state {
			t.Errorf("%s: holds %d bytes, says %d", name, got, state)
		}
		if got := p.Update(nil, s, 1); got != flops {
			t.Errorf("%s: counted %v operations, says %v", name, got, flops)
		}
		for _, x := range p.All() {
			if got, want := len(x.Moments), len(rule.Moments(x.ParamSpec)); x.Fixed && got != 0 || !x.Fixed && got != want {
				t.Errorf("%s: %s has %d moments, want %d", name, x.Name, got, want)
			}
		}
	}
	if err := p.Adopt("adagrad"); err == nil || p.Optimizer() != "sgd" {
		t.Errorf("adagrad was adopted: %v", err)
	}
}
