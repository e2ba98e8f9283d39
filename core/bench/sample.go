package bench

import (
	"context"
	"math"
	"sort"
	"time"
)

// Rate is a quantity a second over several samples.
type Rate struct {
	Median  float64 `json:"median"`
	Best    float64 `json:"best"`
	Samples int     `json:"samples"`
}

// rateOf answers the rate of samples, the zero Rate without any.
func rateOf(samples []float64) Rate {
	if len(samples) == 0 {
		return Rate{}
	}
	return Rate{Median: median(samples), Best: maximum(samples), Samples: len(samples)}
}

// median is the middle value, or the mean of the two in the middle; NaN of nothing.
func median(x []float64) float64 {
	if len(x) == 0 {
		return math.NaN()
	}
	s := append([]float64(nil), x...)
	sort.Float64s(s)
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

func maximum(x []float64) float64 {
	m := math.Inf(-1)
	for _, v := range x {
		m = max(m, v)
	}
	return m
}

// A probe is something that is measured in turns with others.
type probe struct {
	// run does its work n times and answers how much that was: operations, bytes.
	run     func(n int) float64
	n       int
	samples []float64 // a second
}

// alternate samples every probe once a round, one after the other, so that a slow moment of the machine falls on all of
// them. A sample repeats the work until it lasts about slice.
func alternate(ctx context.Context, probes []*probe, rounds int, slice time.Duration, progress func(done float64)) error {
	for _, p := range probes {
		p.fit(slice)
	}
	for round := range rounds {
		for _, p := range probes {
			if err := ctx.Err(); err != nil {
				return err
			}
			begin := time.Now()
			work := p.run(p.n)
			if s := time.Since(begin).Seconds(); s > 0 {
				p.samples = append(p.samples, work/s)
			}
		}
		if progress != nil {
			progress(float64(round+1) / float64(rounds))
		}
	}
	return nil
}

// fit chooses how often a sample repeats the work, by the quickest of a few runs: one that the system puts aside would
// make samples too short to wake a second thread in. Its runs also warm caches and scratch memory.
func (p *probe) fit(slice time.Duration) {
	p.run(1)
	for p.n = 1; ; p.n *= 2 {
		took := slice
		for range 4 {
			begin := time.Now()
			p.run(p.n)
			took = min(took, max(1, time.Since(begin)))
			if took < slice/4 {
				break
			}
		}
		if took >= slice/4 || p.n >= 1<<24 {
			p.n = max(1, int(float64(p.n)*float64(slice)/float64(took)))
			return
		}
	}
}
