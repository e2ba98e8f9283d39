package statstest

import (
	"math"
	"math/rand/v2"

	"github.com/archlab/archlab/core/stats"
)

// Answers is a truth to draw right and wrong answers from: an item is solved with the chance of its ease, plus the model's skill, plus what
// seed and taste add, within [0,1].
type Answers struct {
	Skill      []float64 // of each model
	Seeds      int
	Items      int
	Ease, Span float64 // items' ease is uniform around Ease, Span wide
	SeedSD     float64
	TasteSD    float64 // of a model's own affinity to an item, constant over seeds
}

// Draw makes one experiment: models a, b, ... on the same seeds and items.
func (w Answers) Draw(r *rand.Rand) []stats.Sample {
	ease := make([]float64, w.Items)
	for i := range ease {
		ease[i] = w.Ease + w.Span*(r.Float64()-0.5)
	}
	out := make([]stats.Sample, len(w.Skill))
	for m, skill := range w.Skill {
		out[m].Name = string(rune('a' + m))
		taste := make([]float64, w.Items)
		for i := range taste {
			taste[i] = w.TasteSD * r.NormFloat64()
		}
		for s := range w.Seeds {
			x := stats.SeedScores{Seed: uint64(s)}
			luck := w.SeedSD * r.NormFloat64()
			for i := range ease {
				right := 0.0
				if r.Float64() < math.Min(1, math.Max(0, ease[i]+skill+luck+taste[i])) {
					right = 1
				}
				x.Num, x.Den = append(x.Num, right), append(x.Den, 1)
			}
			out[m].Seeds = append(out[m].Seeds, x)
		}
	}
	return out
}
