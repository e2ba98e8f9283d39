package task

import (
	"math"
	"slices"
	"strconv"
)

// Param declares one parameter of a kind: what it means, what it may be, and its value in each preset. Experiment files, their
// JSON Schema, their errors and `archlab task list` are made of these declarations.
type Param struct {
	Key, Doc   string
	Min, Max   float64 // inclusive
	Real       bool    // not only whole numbers
	Switch     bool    // true or false: 1 or 0
	Size       bool    // a smaller one is an easier task: "scaled down" beside the paper's
	Paper, CPU float64 // the value of each preset
}

// Values are parameters by key.
type Values map[string]float64

func (v Values) int(key string) int { return int(v[key]) }

// The names of presets. Paper is the publication's setting; CPU one that two cores train in a minute or two. Numbers of one are never
// put beside numbers of the other.
const (
	Paper = "paper"
	CPU   = "cpu"
)

// Presets lists the names of presets.
var Presets = []string{CPU, Paper}

// preset is the values of a preset.
func (k *Kind) preset(name string) Values {
	out := Values{}
	for _, p := range k.Params {
		out[p.Key] = p.CPU
		if name == Paper {
			out[p.Key] = p.Paper
		}
	}
	return out
}

// Keys lists the parameters in the order of the documentation.
func (k *Kind) Keys() []string {
	var out []string
	for _, p := range k.Params {
		out = append(out, p.Key)
	}
	return out
}

// Param answers the declaration of a key.
func (k *Kind) Param(key string) (Param, bool) {
	i := slices.IndexFunc(k.Params, func(p Param) bool { return p.Key == key })
	if i < 0 {
		return Param{}, false
	}
	return k.Params[i], true
}

// check holds a value against its declaration.
func (p Param) check(v float64) error {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return configError(p.Key, "got %v, want a number", v)
	case p.Switch && v != 0 && v != 1:
		return configError(p.Key, "got %s, want true or false", number(v))
	case !p.Real && v != math.Trunc(v):
		return configError(p.Key, "got %s, want a whole number", number(v))
	case p.Switch:
		return nil
	case v < p.Min:
		return configError(p.Key, "got %s, want at least %s", number(v), number(p.Min))
	case v > p.Max:
		return configError(p.Key, "got %s, want at most %s", number(v), number(p.Max))
	}
	return nil
}

// Text writes a value as a file may hold it.
func (p Param) Text(v float64) string {
	if p.Switch {
		return strconv.FormatBool(v != 0)
	}
	return number(v)
}

func number(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }
