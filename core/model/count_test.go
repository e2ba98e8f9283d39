package model

import (
	"context"
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/nn"
	"github.com/archlab/archlab/core/sdk/conformance"
	"gorgonia.org/gorgonia"
)

// silent is the tiny model without its Costs.
type silent struct{ m *tiny }

func (s silent) Forward(g *nn.Graph) nn.Output { return s.m.Forward(g) }
func (s silent) DraftHeads() int               { return s.m.DraftHeads() }
func (s silent) DraftsByReplay() bool          { return s.m.DraftsByReplay() }
func (s silent) Resolve() any                  { return s.m.tinyConfig }

func silentFamily() family.Family {
	b := tinyFamily().(*builder[tinyConfig])
	spec := b.spec
	loud := spec.New
	spec.New = func(c tinyConfig, vocab, context int) (Architecture, error) {
		a, err := loud(c, vocab, context)
		if err != nil {
			return nil, err
		}
		return silent{a.(*tiny)}, nil
	}
	return Family(spec)
}

var countLengths = []int{1, 2, 3, 7, 31, 32, 33, 100, 1000}

// What is counted on a few tokens is what the formulas say, at any length.
func TestCountedCosts(t *testing.T) {
	for name, config := range map[string]string{
		"attention and convolution": `{}`,
		"window":                    `{"window":5}`,
		"window of one":             `{"window":1}`,
		"wide window":               `{"window":300}`,
		"no attention":              `{"attend":false}`,
		"no state":                  `{"attend":false,"conv":0}`,
		"learned positions":         `{"learned":true}`,
		"heads":                     `{"extra":3}`,
		"replayed heads":            `{"extra":2,"replay":true}`,
		"buffer":                    `{"buffer":true}`,
	} {
		t.Run(name, func(t *testing.T) {
			req := family.BuildRequest{Config: json.RawMessage(config), Vocab: 23, Context: 40, CardOnly: true, Lengths: countLengths}
			_, want, err := tinyFamily().Build(context.Background(), req)
			if err != nil {
				t.Fatal(err)
			}
			_, got, err := silentFamily().Build(context.Background(), req)
			if err != nil {
				t.Fatal(err)
			}
			for i, w := range want.Costs {
				g := got.Costs[i]
				train := w.TrainFLOPs
				if n := want.DraftHeads; n > 0 {
					// The formula takes every token for one with all heads' losses; the last ones have fewer.
					missing := 0
					for k := range n {
						missing += min(w.T, k+1)
					}
					loss := nn.CostLoss(16, 23)
					train -= float64(missing) * (loss.Forward + loss.Backward) / float64(w.T)
				}
				for what, x := range map[string][2]float64{
					"training": {g.TrainFLOPs, train}, "prefill": {g.PrefillFLOPs, w.PrefillFLOPs}, "decoding": {g.DecodeFLOPs, w.DecodeFLOPs},
				} {
					// Some of the formula's rows are of ops that a model skips, such as the first gradient of a sum.
					tol := 1e-9
					if what == "training" {
						tol = 5e-3
					}
					if !(math.Abs(x[0]-x[1]) <= tol*x[1]) {
						t.Errorf("%s at T=%d: counted %.6f, by formula %.6f", what, w.T, x[0], x[1])
					}
				}
				if g.StateBytes != w.StateBytes || g.T != w.T {
					t.Errorf("state at T=%d: counted %d bytes at T=%d, by formula %d", w.T, g.StateBytes, g.T, w.StateBytes)
				}
			}
		})
	}
}

// The suite counts what runs: it must find what the counter said.
func TestCountedCostsConform(t *testing.T) {
	conformance.Test(t, silentFamily(), conformance.Options{
		Only: []string{"card", "card-only", "train-flops", "prefill-flops", "decode-flops", "state-bytes"},
		Configs: []conformance.Config{
			{Name: "default"}, {Name: "window", JSON: json.RawMessage(`{"window":5,"conv":0}`)}, {Name: "heads", JSON: json.RawMessage(`{"extra":2}`)},
		},
	})
}

// tall sees more the longer its sequence is in training alone, which no decoding tells.
type tall struct{ silent }

func (a tall) Forward(g *nn.Graph) nn.Output {
	out := a.silent.Forward(g)
	if g.Mode() == nn.Training {
		h := out.Hidden
		square := gorgonia.Must(gorgonia.Mul(h, gorgonia.Must(gorgonia.Transpose(h)))) // [M,M]
		out.Aux = append(out.Aux, nn.AuxLoss{Name: "tall", Node: gorgonia.Must(gorgonia.Mean(square)), Coefficient: 0.1})
	}
	return out
}

func TestCountedCostsRefuse(t *testing.T) {
	spec := tinyFamily().(*builder[tinyConfig]).spec
	spec.New = func(c tinyConfig, vocab, context int) (Architecture, error) {
		c.Attend = false
		return tall{silent{&tiny{c, vocab, context}}}, nil
	}
	_, _, err := Family(spec).Build(context.Background(), family.BuildRequest{Vocab: 23, CardOnly: true, Lengths: []int{64}})
	if family.CodeOf(err) != family.Internal || !strings.Contains(err.Error(), "must state its Costs") {
		t.Errorf("costs that no short sequence shows: got %v", err)
	}
}
