// Package statstest draws scores from known truths, to see whether intervals cover and tests err as often as they say.
package statstest

import (
	"math/rand/v2"

	"github.com/archlab/archlab/core/stats"
)

// World is a truth to draw samples from.
type World struct {
	Scores  []float64 // true score of each model
	Control bool      // the last model is a control: no chance between seeds
	Seeds   int
	Items   int
	Block   float64 // standard deviation of what a seed does to all models alike
	SeedSD  float64 // and to each model by itself
	ItemSD  float64 // of a model's own affinity to an item, constant over seeds
	Cluster int     // items of one cluster share their affinity; 0 and 1: none
	// Unstable is how many times as much the first model's seeds scatter; 0: as much.
	Unstable float64
	// Camps is how far the two kinds of trainings are apart, of which each seed of a model is one or the other with even chances.
	Camps float64
}

// Draw makes one experiment in the world: models a, b, ... on the same seeds and items.
func (w World) Draw(r *rand.Rand) []stats.Sample {
	size := max(1, w.Cluster)
	difficulty, den := make([]float64, w.Items), make([]float64, w.Items)
	for i := range difficulty {
		difficulty[i], den[i] = r.NormFloat64(), 5+10*r.Float64()
	}
	shared := make([]float64, w.Seeds)
	for s := range shared {
		shared[s] = w.Block * r.NormFloat64()
	}
	out := make([]stats.Sample, len(w.Scores))
	for m, mu := range w.Scores {
		out[m].Name = string(rune('a' + m))
		out[m].Fixed = w.Control && m == len(w.Scores)-1
		taste := make([]float64, w.Items)
		for i := range taste {
			if i%size == 0 {
				taste[i] = r.NormFloat64() * w.ItemSD
			} else {
				taste[i] = taste[i-1]
			}
		}
		for s := range w.Seeds {
			e := 0.0
			if !out[m].Fixed {
				e = shared[s] + r.NormFloat64()*w.SeedSD*w.scatter(m) + w.camp(r)
			}
			sc := stats.SeedScores{Seed: uint64(s), Num: make([]float64, w.Items), Den: den}
			for i := range w.Items {
				sc.Num[i] = den[i] * (mu + e + difficulty[i] + taste[i])
				if w.Cluster > 0 {
					sc.Cluster = append(sc.Cluster, int64(i/size))
				}
			}
			out[m].Seeds = append(out[m].Seeds, sc)
		}
	}
	return out
}

func (w World) scatter(model int) float64 {
	if model == 0 && w.Unstable > 0 {
		return w.Unstable
	}
	return 1
}

// camp draws what the kind of a training adds, 0 on average.
func (w World) camp(r *rand.Rand) float64 {
	if w.Camps == 0 {
		return 0
	}
	return w.Camps * (float64(r.IntN(2)) - 0.5)
}
