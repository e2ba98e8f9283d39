package task

import (
	"fmt"
	"sort"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/data/internal/rng"
)

// Config names a task. A field that does not belong to the kind must be zero.
type Config struct {
	Kind     string  // "mqar", "selective_copy", "induction" or "addition"
	Vocab    int     // mqar, selective_copy, induction: number of token ids
	Length   int     // mqar, induction: T; selective_copy: T without the markers
	Pairs    int     // mqar: key-value pairs, each queried once
	PowerA   float64 // mqar: exponent of the gaps' power law; 1 is uniform; default 0.01
	Blank    bool    // mqar: fill with token 0 rather than random tokens (random_non_queries=False)
	Memorize int     // selective_copy: tokens to copy

	MinDigits, MaxDigits int // addition: digits of each operand
}

// Kinds lists the tasks in the order of the documentation.
var Kinds = []string{"mqar", "selective_copy", "induction", "addition"}

// presets holds for each kind the published setting and one that two cores train in a minute or two. Addition is this
// project's own task and has no published setting.
var presets = map[string]map[string]Config{
	"mqar": {
		"published": {Kind: "mqar", Vocab: 8192, Length: 512, Pairs: 64, PowerA: 0.01},
		"cpu":       {Kind: "mqar", Vocab: 256, Length: 64, Pairs: 8, PowerA: 0.01},
	},
	"selective_copy": {
		"published": {Kind: "selective_copy", Vocab: 16, Length: 4096, Memorize: 16},
		"cpu":       {Kind: "selective_copy", Vocab: 16, Length: 64, Memorize: 8},
	},
	"induction": {
		"published": {Kind: "induction", Vocab: 16, Length: 256},
		"cpu":       {Kind: "induction", Vocab: 16, Length: 64},
	},
	"addition": {
		"cpu": {Kind: "addition", MinDigits: 1, MaxDigits: 3},
	},
}

// Preset answers a named config, or the zero Config, which Open refuses.
func Preset(kind, name string) Config { return presets[kind][name] }

// PresetNames lists the presets of a kind.
func PresetNames(kind string) []string {
	var names []string
	for n := range presets[kind] {
		names = append(names, n)
	}
	sort.Strings(names)
	return names
}

// Open checks a config and makes its task. Zero fields take the values of the kind's "cpu" preset.
func Open(cfg Config) (Task, error) {
	given := cfg
	def, ok := presets[cfg.Kind]["cpu"]
	if !ok {
		return nil, configError("kind", "unknown task %q, want one of %q", cfg.Kind, Kinds)
	}
	for _, f := range []struct {
		key      string
		foreign  bool
		value    *int
		fallback int
	}{
		{"vocab", def.Vocab == 0, &cfg.Vocab, def.Vocab},
		{"length", def.Length == 0, &cfg.Length, def.Length},
		{"pairs", def.Pairs == 0, &cfg.Pairs, def.Pairs},
		{"memorize", def.Memorize == 0, &cfg.Memorize, def.Memorize},
		{"min_digits", def.MinDigits == 0, &cfg.MinDigits, def.MinDigits},
		{"max_digits", def.MaxDigits == 0, &cfg.MaxDigits, max(def.MaxDigits, given.MinDigits)},
	} {
		if *f.value != 0 && f.foreign {
			return nil, configError(f.key, "the task %s has no such setting", cfg.Kind)
		}
		if *f.value < 0 {
			return nil, configError(f.key, "got %d, want at least 1", *f.value)
		}
		if *f.value == 0 {
			*f.value = f.fallback
		}
	}
	if cfg.Kind != "mqar" && cfg.PowerA != 0 {
		return nil, configError("power_a", "the task %s has no such setting", cfg.Kind)
	}
	if cfg.Kind != "mqar" && cfg.Blank {
		return nil, configError("blank", "the task %s has no such setting", cfg.Kind)
	}
	var t interface {
		Task
		problem(*rng.Source) uint64
	}
	var err error
	switch cfg.Kind {
	case "mqar":
		t, err = newMQAR(cfg)
	case "selective_copy":
		t, err = newSelectiveCopy(cfg)
	case "induction":
		t, err = newInduction(cfg)
	case "addition":
		t, err = newAddition(cfg)
	}
	if err != nil {
		return nil, err
	}
	for _, split := range []data.Split{data.Train, data.Validation, data.Test} {
		if !draw(split, 0, 0, 1000, t.problem) {
			key := "length"
			if cfg.Kind == "addition" {
				key = "max_digits"
			}
			return nil, configError(key, "no %s example in 1000 draws: too few distinct problems for three disjoint splits", split)
		}
	}
	return t, nil
}

func configError(key, format string, args ...any) error {
	return &data.Error{Kind: data.ErrConfig, Where: key, Message: fmt.Sprintf(format, args...)}
}
