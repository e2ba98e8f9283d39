package task

import (
	"errors"
	"maps"
	"math"
	"slices"
	"testing"

	"github.com/archlab/archlab/core/data"
)

// far stands for maxima of which a million tokens or names come: what goes wrong at sizes goes wrong there already.
const far = 2048

// extremes lists values of a parameter at and beside the ends of its range.
func extremes(p Param) []float64 {
	if p.Switch {
		return []float64{0, 1}
	}
	if p.Real {
		return []float64{p.Min, (p.Min + p.Max) / 2, p.Max}
	}
	most := min(p.Max, far)
	out := []float64{p.Min, p.Min + 1, p.Min + 2, p.Min + 3, most - 1, most}
	return slices.DeleteFunc(out, func(v float64) bool { return v < p.Min || v > p.Max })
}

// Every task at the ends of each of its parameters, alone and all together, either is refused with an error that names a parameter, or
// generates examples that the solver answers as the generator wants, in all splits.
func TestExtremes(t *testing.T) {
	for _, k := range Kinds {
		t.Run(k.Name, func(t *testing.T) {
			var all []Values
			for _, preset := range Presets {
				for _, p := range k.Params {
					for _, v := range extremes(p) {
						set := k.preset(preset)
						set[p.Key] = v
						if p.Key == k.Scale && k.Floor != "" {
							all = append(all, maps.Clone(set))
							set[k.Floor] = v // as a test at this length
						}
						all = append(all, set)
					}
				}
			}
			for _, at := range []func(Param) float64{func(p Param) float64 { return p.Min }, func(p Param) float64 { return min(p.Max, far) }} {
				set := Values{}
				for _, p := range k.Params {
					v := at(p)
					if p.Switch {
						v = 1
					}
					set[p.Key] = v
				}
				all = append(all, set)
			}
			for _, p := range k.Params {
				if p.Switch {
					continue
				}
				for _, v := range []float64{p.Min - 1, p.Max + 1, math.NaN()} {
					_, err := Open(Config{Kind: k.Name, Set: Values{p.Key: v}})
					if bad := (*data.Error)(nil); !errors.As(err, &bad) || bad.Where != p.Key {
						t.Errorf("%s %v: got %v", p.Key, v, err)
					}
				}
			}
			opened := 0
			for _, set := range all {
				task, err := Open(Config{Kind: k.Name, Set: set})
				var bad *data.Error
				switch {
				case err == nil:
					opened++
					solvable(t, k, task)
				case !errors.As(err, &bad) || !slices.Contains(k.Keys(), bad.Where):
					t.Errorf("%v: got %v, want an error of one of %q", set, err, k.Keys())
				}
			}
			if opened < len(all)/3 {
				t.Errorf("%d of %d settings open: this test shows little", opened, len(all))
			}
		})
	}
}

// solvable holds a task's first examples of each split against the solver.
func solvable(t *testing.T, k *Kind, task Task) {
	t.Helper()
	info := task.Info()
	if !(info.Chance > 0 && info.Chance <= 1) || math.IsNaN(info.ContextChance) || info.ContextChance > 1+1e-12 {
		t.Errorf("%v: chance %v, in context %v", info.Parameters, info.Chance, info.ContextChance)
	}
	for _, split := range everySplit {
		for i := range 1 + min(8, 500/task.Length()) {
			solvableAt(t, k, task, split, i)
		}
	}
}

func solvableAt(t *testing.T, k *Kind, task Task, split data.Split, index int) {
	t.Helper()
	info, e := task.Info(), task.Example(split, 3, index)
	if len(e.Tokens) != task.Length() {
		t.Fatalf("%v: got %d tokens, want %d", info.Parameters, len(e.Tokens), task.Length())
	}
	for at, x := range e.Tokens {
		if x < 0 || int(x) >= info.Vocab {
			t.Fatalf("%v %s: token %d at %d, want [0,%d)", info.Parameters, split, x, at, info.Vocab)
		}
	}
	if v, ok := task.(Verifiable); ok {
		prompt := v.Prompt(split, 3, index)
		if right, err := v.Solution(prompt); err != nil || !v.Verify(prompt, right) {
			t.Errorf("%v %s: the solution %q is not right, %v", info.Parameters, split, right, err)
		}
	}
	if k.Name == "memorization" && info.Parameters["vocab"] > 1000 {
		return // its solver learns the map by seeing it
	}
	got := solvers[k.Name](info.Parameters, e.Tokens)
	asked := 0
	for at, w := range e.Weights {
		if w == 0 {
			continue
		}
		answer, known := got[at]
		if split == data.Train && info.Parameters["all_tokens"] != 0 && !known {
			continue // every next token is trained on
		}
		asked++
		if !known || answer != e.Targets[at] {
			t.Fatalf("%v %s at %d: the generator wants %d, the solver %d (%v)", info.Parameters, split, at, e.Targets[at], answer, known)
		}
	}
	if asked == 0 {
		t.Errorf("%v %s: nothing is asked", info.Parameters, split)
	}
}

// Tests at one length have that length, which labels say.
func TestLengthsAreAsLabelled(t *testing.T) {
	for _, k := range Kinds {
		for _, n := range k.PaperScale {
			if n > far {
				continue
			}
			cfg, err := Config{Kind: k.Name, Preset: Paper}.At(n)
			if err != nil {
				t.Fatal(err)
			}
			// A length may have too few problems for three splits, or be none of the task's in this preset: then there is no test to label.
			if task, err := Open(cfg); err == nil && int(task.Info().Parameters[k.Scale]) != n {
				t.Errorf("%s at %d is labelled %v", k.Name, n, task.Info().Parameters)
			}
		}
	}
	count := func(n int) int {
		cfg, err := Config{Kind: "modular_arithmetic"}.At(n)
		if err != nil {
			t.Fatal(err)
		}
		task, err := Open(cfg)
		if err != nil {
			return 0
		}
		return slices.Index(task.Example(data.Test, 1, 0).Tokens, 5+3) // tokens before the question
	}
	for n := 3; n < 30; n++ {
		if got, want := count(n), n*(n%2); got != want {
			t.Errorf("expressions at length %d have %d tokens, want %d (0: refused)", n, got, want)
		}
	}
	if _, err := Open(Config{Kind: "needle", Preset: Paper, Set: Values{"length": 0}}); err != nil {
		t.Errorf("a needle without a haystack, which is published: %v", err)
	}
}
