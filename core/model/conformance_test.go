package model

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/family"
	"github.com/archlab/archlab/core/nn"
	"github.com/archlab/archlab/core/sdk/conformance"
)

func TestConformance(t *testing.T) {
	configs := []struct{ name, json, plain string }{
		{"default", `{}`, ""},
		{"no attention", `{"attend":false}`, ""},
		{"no convolution", `{"conv":0,"act":"silu"}`, ""},
		{"window", `{"window":5}`, ""},
		{"learned positions", `{"learned":true}`, ""},
		{"stock ops", `{"stock":true,"aux":0.1}`, `{"aux":0}`},
		{"heads", `{"extra":2}`, ""},
		{"replayed heads", `{"extra":2,"replay":true}`, ""},
		{"buffer", `{"buffer":true}`, `{"buffer":false}`},
	}
	opts := conformance.Options{Quick: true}
	for _, c := range configs {
		x := conformance.Config{Name: c.name, JSON: json.RawMessage(c.json), Plain: json.RawMessage(c.plain)}
		x.Bad = []conformance.BadConfig{{JSON: json.RawMessage(`{"heads":3}`), Field: "heads"}}
		if c.name == "stock ops" {
			x.Tolerances = map[string]conformance.Tolerance{
				"prefill-flops": {Value: 0.1, Reason: "ops of Gorgonia's own run at the plan's capacity, a power of two, not at the rows in use"},
			}
		}
		opts.Configs = append(opts.Configs, x)
	}
	conformance.Test(t, tinyFamily(), opts)
}

// The suite sees how much of a mixture's experts a token uses, whatever its card says: two of six here.
func TestActiveShareIsHeld(t *testing.T) {
	const width, experts, chosen = 16, 6, 2
	for name, c := range map[string]struct {
		share float64
		ok    bool
	}{
		"true":                   {2.0 / 6, true},
		"understated by 30 %":    {0.7 * 2 / 6, false},
		"one expert of the two":  {1.0 / 6, false},
		"all experts":            {1, false},
		"experts left out":       {0, false},
		"a third too much of it": {4.0 / 3 * 2 / 6, false},
	} {
		t.Run(name, func(t *testing.T) {
			fam := Family(Spec[struct{}]{
				Description: family.Description{Name: "mixture", Version: "1.0.0", Summary: "a mixture of experts"},
				New: func(_ struct{}, vocab, _ int) (Architecture, error) {
					return Func(func(g *nn.Graph) nn.Output {
						w := nn.Normal(0.3).Active(c.share)
						x := nn.Embedding(g.Param("embed", nn.Normal(0.3).Lookup(), vocab, width), g.Tokens())
						r := g.Route(g.Linear("router", x, experts, nn.Normal(0.3), false), nil, nn.Router{K: chosen})
						y := nn.Experts(x, r, "gelu", g.Param("up", w, experts, 2*width, width), g.Param("down", w, experts, width, 2*width))
						return nn.Output{Hidden: nn.Add(x, y), Projection: g.Param("out", nn.Normal(0.3), vocab, width)}
					}), nil
				},
			})
			r := conformance.Run(t.Context(), fam, conformance.Options{Only: []string{"active-parameters", "card", "train-flops", "decode-flops"}})
			if want := map[bool]string{true: "", false: "active-parameters"}[c.ok]; strings.Join(r.FailedChecks(), " ") != want {
				t.Errorf("failed: %v, want %q", r.FailedChecks(), want)
			}
		})
	}
}
