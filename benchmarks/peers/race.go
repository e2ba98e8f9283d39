package main

import (
	"fmt"
	"math"
	"slices"
	"sort"
	"time"

	"github.com/archlab/archlab/core/kernel"
)

// A runner takes training steps of one system.
type runner interface {
	steps(n int) ([]float64, error) // seconds of each
	peakRSS() int64
	close()
}

// entrant is a runner in a race.
type entrant struct {
	name    string
	tokens  int // of a step
	runner  runner
	each    int // steps of a turn
	seconds []float64
}

// rate is the median of tokens a second.
func (e *entrant) rate() float64 {
	if e == nil || len(e.seconds) == 0 {
		return 0
	}
	return float64(e.tokens) / median(e.seconds)
}

// best is the quickest step's rate: peers are compared with by their best.
func (e *entrant) best() float64 {
	if e == nil || len(e.seconds) == 0 {
		return 0
	}
	s := math.Inf(1)
	for _, v := range e.seconds {
		s = min(s, v)
	}
	return float64(e.tokens) / s
}

func median(x []float64) float64 {
	s := append([]float64(nil), x...)
	sort.Float64s(s)
	if len(s) == 0 {
		return math.NaN()
	}
	return (s[(len(s)-1)/2] + s[len(s)/2]) / 2
}

// settle waits until the other systems' threads sleep: OpenMP's spin for some milliseconds after their work, on the cores
// that the next to be measured needs.
func settle() { time.Sleep(30 * time.Millisecond) }

// race lets all entrants take turns, records them, and answers the FP32 peak that was measured between the turns.
func (b *bench) race(entrants ...*entrant) (peak float64, err error) {
	pool := kernel.NewPool(b.threads)
	defer pool.Close()
	var peaks []float64
	count, err := b.turns(func() { peaks = append(peaks, peakOf(pool, kernel.FP32Arithmetic)) }, entrants...)
	if err != nil {
		return 0, err
	}
	peaks = pick(peaks, count)
	for _, e := range entrants {
		if e != nil {
			b.say("%-44s %8.0f tokens/s (best %.0f), %d MiB", e.name, e.rate(), e.best(), e.runner.peakRSS()>>20)
			b.results.Training = append(b.results.Training, trained{e.name, e.rate(), e.best(), e.seconds, e.runner.peakRSS()})
		}
	}
	return median(peaks), nil
}

// turns lets every entrant that is there take its steps once a round, after before, if any, and a moment's rest. It keeps
// the steps of the rounds that count, and answers which those are.
func (b *bench) turns(before func(), entrants ...*entrant) (count []int, err error) {
	entrants = slices.DeleteFunc(slices.Clone(entrants), func(e *entrant) bool { return e == nil })
	taken := make([][][]float64, len(entrants))
	count, err = b.watch.rounds(b.rounds, raceNap, func() error {
		if before != nil {
			settle()
			before()
		}
		for i, e := range entrants {
			if b.ctx.Err() != nil {
				return b.ctx.Err()
			}
			settle()
			s, err := e.runner.steps(max(1, e.each))
			if err != nil {
				return fmt.Errorf("%s: %w", e.name, err)
			}
			taken[i] = append(taken[i], s)
		}
		settle()
		return nil
	})
	for i, e := range entrants {
		e.seconds = append(e.seconds, slices.Concat(pick(taken[i], count)...)...)
	}
	return count, err
}

// How long a race and a product wait for an idle machine.
const (
	raceNap    = 30 * time.Second
	productNap = time.Second
)

// peakOf is the rate of a loop on registers, the best of a few of some milliseconds: during the first ones threads wake up.
func peakOf(pool *kernel.Pool, arithmetic kernel.Arithmetic) float64 {
	best := 0.0
	for range 4 {
		begin := time.Now()
		ops := kernel.Peak(pool, arithmetic, 1<<20)
		best = max(best, ops/time.Since(begin).Seconds())
	}
	return best
}

// torch starts a PyTorch program in each of several settings, lets each take a trial step, and keeps the quickest. The
// least memory of any is what its memory is taken to be.
func (b *bench) torch(name string, tokens int, script string, args []string, forms ...[]string) *entrant {
	if len(forms) == 0 {
		forms = [][]string{nil}
	}
	var best *entrant
	quickest, least := 0.0, int64(0)
	for _, form := range forms {
		for _, heap := range [][]string{bigHeap, nil} {
			if heap == nil && b.quick {
				continue
			}
			all := append(append([]string{"-u", script, "--threads", fmt.Sprint(b.threads)}, args...), form...)
			w, err := start(b.ctx, b.dir, environment(heap...), python(), all...)
			if err != nil {
				b.results.note("%s: %v", name, err)
				b.say("%s: %v", name, err)
				return nil
			}
			e := &entrant{name: name, tokens: tokens, runner: w, each: 1}
			trial, err := w.steps(1)
			if err != nil {
				w.close()
				continue
			}
			if least == 0 || w.rss < least {
				least = w.rss
			}
			label := fmt.Sprint(form)
			if heap != nil {
				label += " with a heap that keeps its memory"
			}
			b.say("  %s %s: %.0f tokens/s, %d MiB", name, label, float64(tokens)/trial[0], w.rss>>20)
			if best == nil || trial[0] < quickest {
				if best != nil {
					best.runner.close()
				}
				best, quickest = e, trial[0]
				continue
			}
			w.close()
		}
	}
	if best != nil {
		b.results.PyTorch = best.runner.(*worker).ready.Torch
		b.results.LeastMemory[name] = least
	}
	return best
}
