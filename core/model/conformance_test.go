package model

import (
	"encoding/json"
	"testing"

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
