package conformance

import (
	"encoding/json"
	"fmt"
	"slices"

	"github.com/archlab/archlab/core/family"
)

// Options says on what a family is judged. The zero value judges the configs that the family's schema names itself.
type Options struct {
	// Configs are judged one after the other; keep them tiny (width 16, two layers). Empty: the schema's "examples",
	// and without those the defaults with the knob at its minimum.
	Configs []Config
	Vocab   int    // V; 0 means 29: small, odd and prime, so that no axis is mistaken for another
	Seed    uint64 // of data and of weights; 0 means 1
	// Precision is that of the models judged; empty means FP32. It must be one that the family announces.
	Precision family.Precision
	// Quick makes fewer and shorter passes of every check: for the test of a family's second and third config.
	Quick bool
	// Only keeps the checks with these names; empty keeps all.
	Only []string
}

// Config is one config of the family to judge.
type Config struct {
	Name string
	JSON json.RawMessage // as in family.BuildRequest
	// Plain is laid over JSON for the checks that need the minimised total to be a sum over tokens and every weight to
	// move by its gradient only. It switches off auxiliary losses and rule-based updates, e.g. {"balance":"none"}.
	// Empty: the schema's "x-archlab-plain", and without that nothing.
	Plain json.RawMessage
	// Bad are configs laid over JSON that Build must refuse, for rules that no schema can state (heads that do not divide the width).
	Bad []BadConfig
	// Tolerances replaces the tolerance of the named checks; the reason is printed.
	Tolerances map[string]Tolerance
	// Skip leaves the named checks out for a reason, which is printed: a family whose promise differs on purpose says so here.
	Skip map[string]string
	// Overfit replaces the steps and the learning rate of the overfit check.
	Overfit Overfit
}

// BadConfig is an overlay that must be refused with an error that names Field.
type BadConfig struct {
	JSON  json.RawMessage
	Field string
}

// Tolerance is the largest figure that passes, and why it is not smaller.
type Tolerance struct {
	Value  float64 `json:"value"`
	Reason string  `json:"reason"`
}

// Overfit is how the overfit check trains. Zero values mean the defaults.
type Overfit struct {
	Steps        int
	LearningRate float64
}

func (o Options) withDefaults() Options {
	if o.Vocab == 0 {
		o.Vocab = 29
	}
	if o.Seed == 0 {
		o.Seed = 1
	}
	if o.Precision == "" {
		o.Precision = family.FP32
	}
	return o
}

// configs answers what to judge for a family with the given description.
func (o Options) configs(d family.Description) []Config {
	var schema struct {
		Examples []json.RawMessage `json:"examples"`
		Plain    json.RawMessage   `json:"x-archlab-plain"`
	}
	// A schema that does not parse is the schema check's business.
	_ = json.Unmarshal(d.ConfigSchema, &schema)
	out := slices.Clone(o.Configs)
	if len(out) == 0 {
		for i, e := range schema.Examples {
			out = append(out, Config{Name: fmt.Sprintf("example %d", i+1), JSON: e})
		}
	}
	if len(out) == 0 && d.Knob.Field != "" {
		out = append(out, Config{Name: "smallest", JSON: json.RawMessage(fmt.Sprintf(`{%q:%d}`, d.Knob.Field, d.Knob.Min))})
	}
	if len(out) == 0 {
		out = append(out, Config{Name: "default"})
	}
	for i := range out {
		if len(out[i].JSON) == 0 {
			out[i].JSON = json.RawMessage(`{}`)
		}
		if len(out[i].Plain) == 0 {
			out[i].Plain = schema.Plain
		}
	}
	return out
}

// overlay answers base with the keys of over replacing its own.
func overlay(base, over json.RawMessage) (json.RawMessage, error) {
	if len(over) == 0 {
		return base, nil
	}
	merged := map[string]json.RawMessage{}
	for _, raw := range []json.RawMessage{base, over} {
		if err := json.Unmarshal(raw, &merged); err != nil {
			return nil, fmt.Errorf("config %s is not an object: %w", raw, err)
		}
	}
	return json.Marshal(merged)
}
