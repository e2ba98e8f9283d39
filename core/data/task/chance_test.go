package task

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/archlab/archlab/core/data"
)

// A guesser that draws uniformly among a task's answers is right as often as its chance level says.
func TestChance(t *testing.T) {
	for _, kind := range Names() {
		t.Run(kind, func(t *testing.T) {
			task := open(t, Config{Kind: kind, Preset: CPU})
			r := rand.New(rand.NewPCG(7, 8))
			options := task.Answers()
			right, n := 0, 0
			for i := 0; n < 4_000; i++ {
				e := task.Example(data.Test, 1, i)
				for at, w := range e.Weights {
					if w == 0 {
						continue
					}
					if !slices.Contains(options, e.Targets[at]) {
						t.Fatalf("the answer %d is none of %v", e.Targets[at], options)
					}
					n++
					if options[r.IntN(len(options))] == e.Targets[at] {
						right++
					}
				}
			}
			p := task.Info().Chance
			// Five standard deviations of a binomial count.
			if off := math.Abs(float64(right) - p*float64(n)); off > 5*math.Sqrt(float64(n)*p*(1-p)) {
				t.Errorf("guessing is right %d times of %d, the chance level is %v", right, n, p)
			}
		})
	}
}

// Guessing among what the sequence shows is right as often as the context's chance level says.
func TestContextChance(t *testing.T) {
	shown := map[string]func(v Values, e Example) []int32{
		"mqar": func(v Values, e Example) (out []int32) {
			for i := range v.int("pairs") {
				out = append(out, e.Tokens[2*i+1])
			}
			return out
		},
		"selective_copy": func(v Values, e Example) []int32 {
			return slices.DeleteFunc(slices.Clone(e.Tokens[:v.int("length")]), func(x int32) bool { return x == 0 })
		},
		"mad_selective_copy": func(v Values, e Example) []int32 {
			return slices.DeleteFunc(slices.Clone(e.Tokens), func(x int32) bool { return x >= int32(v.int("vocab")-2) })
		},
	}
	for kind, options := range shown {
		task := open(t, Config{Kind: kind, Preset: CPU})
		r := rand.New(rand.NewPCG(9, 10))
		right, n := 0.0, 0.0
		for i := range 4000 {
			e := task.Example(data.Test, 1, i)
			among := options(task.Info().Parameters, e)
			for at, w := range e.Weights {
				if w != 0 {
					n++
					if among[r.IntN(len(among))] == e.Targets[at] {
						right++
					}
				}
			}
		}
		p := task.Info().ContextChance
		if math.Abs(right-p*n) > 5*math.Sqrt(n*p*(1-p)) {
			t.Errorf("%s: guessing in context is right %.0f times of %.0f, the level is %v", kind, right, n, p)
		}
	}
}
