package task

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/archlab/archlab/core/data"
	"github.com/archlab/archlab/core/family"
)

var everySplit = []data.Split{data.Train, data.Validation, data.Test}

func open(t testing.TB, cfg Config) Task {
	t.Helper()
	task, err := Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return task
}

func TestExamplesAreWellFormed(t *testing.T) {
	for _, kind := range Names() {
		for _, preset := range Presets {
			t.Run(kind+"/"+preset, func(t *testing.T) {
				task := open(t, Config{Kind: kind, Preset: preset})
				info, T := task.Info(), task.Length()
				if info.Name != kind || info.Source == "" || info.Vocab < 3 || info.Chance <= 0 || info.ContextChance < info.Chance || len(info.Parameters) == 0 {
					t.Errorf("info %+v", info)
				}
				for _, split := range everySplit {
					for i := range 5 {
						e := task.Example(split, 1, i)
						if len(e.Tokens) != T || len(e.Targets) != T || len(e.Weights) != T {
							t.Fatalf("lengths %d %d %d, want %d", len(e.Tokens), len(e.Targets), len(e.Weights), T)
						}
						b := family.Batch{B: 1, T: T, Tokens: e.Tokens, Targets: e.Targets, Weights: e.Weights}
						if err := b.Check(info.Vocab); err != nil {
							t.Error(err)
						}
						for j, w := range e.Weights {
							if w != 0 && w != 1 || w == 0 && e.Targets[j] != 0 {
								t.Errorf("position %d: weight %v, target %d", j, w, e.Targets[j])
							}
						}
					}
				}
			})
		}
	}
}

func TestExampleIsAPureFunction(t *testing.T) {
	for _, kind := range Names() {
		t.Run(kind, func(t *testing.T) {
			a, b := open(t, Config{Kind: kind}), open(t, Config{Kind: kind})
			first := a.Example(data.Train, 5, 7)
			a.Example(data.Train, 5, 8)
			if !reflect.DeepEqual(a.Example(data.Train, 5, 7), first) || !reflect.DeepEqual(b.Example(data.Train, 5, 7), first) {
				t.Error("the same arguments give another example")
			}
			for name, other := range map[string]Example{"index": a.Example(data.Train, 5, 8), "seed": a.Example(data.Train, 6, 7), "split": a.Example(data.Test, 5, 7)} {
				if slices.Equal(other.Tokens, first.Tokens) {
					t.Errorf("another %s gives the same example", name)
				}
			}
		})
	}
}

// small configs have so few problems that splits would overlap if chance alone kept them apart.
var small = []Config{
	{Kind: "mqar", Set: Values{"vocab": 9, "length": 8, "pairs": 1, "blank": 1}},
	{Kind: "selective_copy", Set: Values{"vocab": 4, "length": 5, "memorize": 2}},
	{Kind: "induction", Set: Values{"vocab": 3, "length": 6}},
	{Kind: "in_context_recall", Set: Values{"vocab": 4, "length": 8}},
	{Kind: "noisy_recall", Set: Values{"vocab": 6, "noise_vocab": 2, "length": 6}},
	{Kind: "fuzzy_recall", Set: Values{"vocab": 9, "length": 16, "key_motif": 1, "value_motif": 1, "all_tokens": 1}},
	{Kind: "mad_selective_copy", Set: Values{"vocab": 4, "length": 8, "memorize": 3}},
	{Kind: "compression", Set: Values{"vocab": 4, "length": 6}},
	{Kind: "memorization", Set: Values{"vocab": 7, "length": 8}},
	{Kind: "parity", Set: Values{"length": 8}},
	{Kind: "modular_arithmetic", Set: Values{"modulus": 3, "length": 5}},
	{Kind: "dyck", Set: Values{"length": 6}},
	{Kind: "reverse", Set: Values{"length": 8}},
	{Kind: "sort", Set: Values{"symbols": 2, "length": 8}},
	{Kind: "addition", Set: Values{"min_digits": 1, "max_digits": 1}},
	{Kind: "polynomial", Set: Values{"operations": 1, "degree": 1}},
	{Kind: "needle", Set: Values{"length": 4, "keys": 50}},
}

func TestSplitsAreDisjoint(t *testing.T) {
	for _, cfg := range small {
		t.Run(cfg.Kind, func(t *testing.T) {
			task := open(t, cfg)
			seen := map[string]data.Split{}
			repeats := 0
			for seed := range uint64(3) {
				for _, split := range everySplit {
					for i := range 300 {
						key := fmt.Sprint(task.Example(split, seed, i).Tokens)
						other, ok := seen[key]
						if ok && other != split {
							t.Fatalf("%s and %s share %s", other, split, key)
						}
						if ok {
							repeats++
						}
						seen[key] = split
					}
				}
			}
			if repeats == 0 {
				t.Error("no example came twice: the space is too large for this test to show anything")
			}
		})
	}
}

func TestAdditionSplitsIgnoreTheOrderOfOperands(t *testing.T) {
	task := open(t, Config{Kind: "addition", Set: Values{"min_digits": 1, "max_digits": 1}}).(Verifiable)
	seen := map[string]data.Split{}
	for _, split := range everySplit {
		for i := range 300 {
			x, y, err := parse(task.Prompt(split, 0, i))
			if err != nil {
				t.Fatal(err)
			}
			for _, key := range []string{x + "+" + y, y + "+" + x} {
				if other, ok := seen[key]; ok && other != split {
					t.Fatalf("%s is in %s and %s", key, other, split)
				}
				seen[key] = split
			}
		}
	}
}

func TestMQAR(t *testing.T) {
	for _, set := range []Values{nil, {"blank": 1}, {"vocab": 8192, "length": 128, "pairs": 8}, {"vocab": 70, "length": 64, "pairs": 16, "power_a": 1}} {
		task := open(t, Config{Kind: "mqar", Set: set})
		p := task.Info().Parameters
		P, V, blank := p.int("pairs"), p.int("vocab"), p["blank"] != 0
		half := int32(V / 2)
		for i := range 50 {
			e := task.Example(data.Train, 2, i)
			value := map[int32]int32{}
			answers := map[int32]bool{}
			for j := range P {
				k, v := e.Tokens[2*j], e.Tokens[2*j+1]
				if k < 1 || k >= half || v < half || int(v) >= V {
					t.Fatalf("pair %d %d", k, v)
				}
				value[k], answers[v] = v, true
			}
			if len(value) != P || len(answers) != P {
				t.Fatalf("keys or values repeat: %v", e.Tokens[:2*P])
			}
			queried := map[int32]bool{}
			for j, w := range e.Weights {
				if w == 0 {
					if j >= 2*P && blank && e.Tokens[j] != 0 {
						t.Errorf("position %d is filled with %d", j, e.Tokens[j])
					}
					continue
				}
				if j < 2*P || (j-2*P)%2 != 0 {
					t.Errorf("a query at %d", j)
				}
				if k := e.Tokens[j]; value[k] != e.Targets[j] || value[k] == 0 {
					t.Errorf("query %d wants %d, its pair has %d", k, e.Targets[j], value[k])
				}
				queried[e.Tokens[j]] = true
			}
			if len(queried) != P {
				t.Errorf("%d of %d keys are queried", len(queried), P)
			}
		}
	}
}

func TestMQARGapsFollowThePowerLaw(t *testing.T) {
	// With one pair the slot of its query is a single draw from p ~ i^(a-1).
	for _, a := range []float64{0.01, 0.5, 1} {
		task := open(t, Config{Kind: "mqar", Set: Values{"vocab": 64, "length": 22, "pairs": 1, "power_a": a}})
		var counts [10]float64
		const draws = 20000
		for i := range draws {
			e := task.Example(data.Train, 3, i)
			counts[(slices.Index(e.Weights, 1)-2)/2]++
		}
		sum := 0.0
		for i := range counts {
			sum += math.Pow(float64(i+1), a-1)
		}
		for i, c := range counts {
			p := math.Pow(float64(i+1), a-1) / sum
			// Five standard deviations of a binomial count.
			if math.Abs(c-p*draws) > 5*math.Sqrt(draws*p*(1-p)) {
				t.Errorf("a=%v slot %d: %v of %d, want %.0f", a, i+1, c, draws, p*draws)
			}
		}
	}
}

func TestSelectiveCopy(t *testing.T) {
	task := open(t, Config{Kind: "selective_copy", Set: Values{"vocab": 10, "length": 40, "memorize": 6}})
	places := map[int]int{}
	for i := range 500 {
		e := task.Example(data.Train, 2, i)
		var seen []int32
		for j, x := range e.Tokens[:40] {
			if x != 0 {
				seen = append(seen, x)
				places[j]++
			}
			if x == 9 || e.Weights[j] != 0 {
				t.Fatalf("position %d: token %d weight %v", j, x, e.Weights[j])
			}
		}
		if len(seen) != 6 || !slices.Equal(seen, e.Targets[40:]) {
			t.Fatalf("shown %v, asked %v", seen, e.Targets[40:])
		}
		for j := 40; j < 46; j++ {
			if e.Tokens[j] != 9 || e.Weights[j] != 1 {
				t.Fatalf("marker %d: token %d weight %v", j, e.Tokens[j], e.Weights[j])
			}
		}
	}
	for j := range 40 {
		// 500 examples put 75 tokens on each place on average; five standard deviations.
		if n := places[j]; math.Abs(float64(n)-75) > 5*math.Sqrt(75) {
			t.Errorf("place %d was used %d times", j, n)
		}
	}
}

func TestInduction(t *testing.T) {
	task := open(t, Config{Kind: "induction", Set: Values{"vocab": 8, "length": 20}})
	places := map[int]bool{}
	for i := range 500 {
		e := task.Example(data.Validation, 2, i)
		at := slices.Index(e.Tokens, 7)
		places[at] = true
		if at >= 18 || e.Tokens[19] != 7 || slices.Contains(e.Tokens[at+1:19], 7) {
			t.Fatalf("tokens %v", e.Tokens)
		}
		if e.Targets[19] != e.Tokens[at+1] || e.Weights[19] != 1 || slices.Contains(e.Weights[:19], 1) {
			t.Fatalf("tokens %v, target %d, weights %v", e.Tokens, e.Targets[19], e.Weights)
		}
	}
	if len(places) != 18 {
		t.Errorf("the special token used %d of 18 places", len(places))
	}
}

func TestConfigErrors(t *testing.T) {
	for name, tt := range map[string]struct {
		cfg  Config
		says string
	}{
		"kind":            {Config{Kind: "sorting"}, `kind: unknown task "sorting", want one of`},
		"preset":          {Config{Kind: "addition", Preset: "published"}, `preset: got "published", want one of ["cpu" "paper"]`},
		"foreign":         {Config{Kind: "induction", Set: Values{"pairs": 3}}, "pairs: the task induction has no such setting"},
		"foreign power":   {Config{Kind: "addition", Set: Values{"power_a": 1}}, "power_a: the task addition has no such setting"},
		"foreign blank":   {Config{Kind: "addition", Set: Values{"blank": 1}}, "blank: the task addition has no such setting"},
		"negative":        {Config{Kind: "mqar", Set: Values{"vocab": -1}}, "vocab: got -1, want at least 4"},
		"odd length":      {Config{Kind: "mqar", Set: Values{"length": 63}}, "length: got 63, want an even number"},
		"many pairs":      {Config{Kind: "mqar", Set: Values{"pairs": 17}}, "pairs: got 17, want at most a quarter of length 64"},
		"small vocab":     {Config{Kind: "mqar", Set: Values{"vocab": 64}}, "vocab: got 64, want more than length 64"},
		"power":           {Config{Kind: "mqar", Set: Values{"power_a": -1}}, "power_a: got -1, want at least 0.000001"},
		"copy vocab":      {Config{Kind: "selective_copy", Set: Values{"vocab": 3}}, "vocab: got 3, want at least 4"},
		"copy memorize":   {Config{Kind: "selective_copy", Set: Values{"length": 4, "memorize": 5}}, "memorize: got 5, want at most length 4"},
		"induction vocab": {Config{Kind: "induction", Set: Values{"vocab": 2}}, "vocab: got 2, want at least 3"},
		"induction short": {Config{Kind: "induction", Set: Values{"length": 2}}, "length: got 2, want at least 3"},
		"one problem":     {Config{Kind: "induction", Set: Values{"length": 3, "vocab": 3}}, "too few distinct problems for three disjoint splits"},
		"digits":          {Config{Kind: "addition", Set: Values{"min_digits": 4, "max_digits": 3}}, "max_digits: got 4 to 3 digits"},
		"many digits":     {Config{Kind: "addition", Set: Values{"max_digits": 65}}, "max_digits"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(tt.cfg)
			if !errors.Is(err, data.ErrConfig) || !strings.Contains(err.Error(), tt.says) {
				t.Errorf("got %v, want %q", err, tt.says)
			}
		})
	}
}

// Every task with text solves, answers and verifies its own problems, and says "" where there is no answer.
func TestVerifiableTasks(t *testing.T) {
	for _, kind := range []string{"addition", "needle"} {
		for _, preset := range Presets {
			v := open(t, Config{Kind: kind, Preset: preset}).(Verifiable)
			for i := range 50 {
				prompt := v.Prompt(data.Test, 2, i)
				solution, err := v.Solution(prompt)
				if err != nil || !v.Verify(prompt, solution) || v.Verify(prompt, solution+"1") || v.Verify(prompt, "") {
					t.Errorf("%s/%s: %q with %q (%v) is verified wrongly", kind, preset, prompt, solution, err)
				}
				if answer, ok := v.Answer(solution); !ok || answer == "" {
					t.Errorf("%s/%s: %q has no answer", kind, preset, solution)
				}
				tok, e := v.Tokenizer(), v.Example(data.Test, 2, i)
				if text := string(tok.Decode(nil, e.Tokens)); !strings.HasPrefix(text, prompt) {
					t.Errorf("%s/%s: the example reads %q, the prompt %q", kind, preset, text, prompt)
				}
			}
			for _, none := range []string{"", "nonsense", " x", ":"} {
				if answer, ok := v.Answer(none); ok || answer != "" {
					t.Errorf("%s/%s: %q answers %q", kind, preset, none, answer)
				}
			}
			if _, err := v.Solution("nonsense"); err == nil {
				t.Errorf("%s/%s: nonsense has a solution", kind, preset)
			}
		}
	}
}

// TestSplitsAreDisjointAtOtherLengths: a string that is tested at one length is no training example of a set of longer ones, although
// more filling follows it there.
func TestSplitsAreDisjointAtOtherLengths(t *testing.T) {
	for kind, question := range map[string]int32{"parity": 2, "modular_arithmetic": 5 + 3, "reverse": 2, "sort": 5} {
		t.Run(kind, func(t *testing.T) {
			input := func(e Example) string {
				for i, id := range e.Tokens {
					if id == question {
						return fmt.Sprint(e.Tokens[:i])
					}
				}
				t.Fatalf("no question in %d", e.Tokens)
				return ""
			}
			cfg := Config{Kind: kind, Set: Values{"length": 9}}
			long := open(t, cfg)
			short, err := cfg.At(5)
			if err != nil {
				t.Fatal(err)
			}
			trained, tested := map[string]bool{}, open(t, short)
			for i := range 3000 {
				trained[input(long.Example(data.Train, 1, i))] = true
			}
			for i := range 300 {
				if s := input(tested.Example(data.Test, 1, i)); trained[s] {
					t.Fatalf("%s is tested and was trained on", s)
				}
			}
		})
	}
}
