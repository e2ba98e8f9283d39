package main

import (
	"cmp"
	"context"
	"math"
	"slices"
	"time"

	"github.com/archlab/archlab/core/kernel"
)

// A virtual machine that does nothing is not idle if a stranger computes on the other half of its cores: arithmetic on
// registers hardly shows that, but what a core reads from its own second-level cache does. That rate, beside the best of
// the run, says of each round whether the machine was ours alone. The loop that reads is archlab's, and it runs before
// and after all systems' turns: which rounds count depends on none of what they did.

const (
	idleShare = 0.92             // of the best rate: less is a disturbed machine
	again     = 2                // a comparison takes at most so many times its rounds
	napping   = time.Second      // between looks at a disturbed machine
	patience  = 90 * time.Second // that each part of a run spends on naps
)

// A watch knows how idle the machine was.
type watch struct {
	measure func() float64 // the rate now, bytes a second
	sleep   func(d time.Duration)
	naps    time.Duration // left
	best    float64       // rate
	taken   int           // rounds
	kept    []float64     // rates of the rounds that count
}

// newWatch reads with all threads, half of the second-level cache each. Its second result ends the threads.
func newWatch(ctx context.Context, threads int, l2 int64) (w *watch, stop func()) {
	pool, read := kernel.NewPool(threads), make([]float32, max(l2, 64<<10)/2/4*int64(threads))
	for i := range read {
		read[i] = 1
	}
	passes := max(1, 200_000_000/(4*len(read)))
	w = &watch{
		measure: func() float64 {
			var rates []float64
			for range 9 { // of a millisecond or two
				begin := time.Now()
				_, bytes := kernel.Read(pool, read, passes)
				rates = append(rates, bytes/time.Since(begin).Seconds())
			}
			return median(rates)
		},
		sleep: func(d time.Duration) {
			select {
			case <-ctx.Done():
			case <-time.After(d):
			}
		},
	}
	for range 5 {
		w.rate()
	}
	return w, pool.Close
}

func (w *watch) rate() float64 {
	r := w.measure()
	w.best = max(w.best, r)
	return r
}

// rounds lets take run n rounds on an idle machine, and answers which ones count, in order: where the machine was disturbed
// it naps, for at most the given time, or takes more rounds, and the n during which it was idlest count.
func (w *watch) rounds(n int, nap time.Duration, take func() error) (count []int, err error) {
	var rates []float64
	idle := func(r float64) bool { return r >= idleShare*w.best }
	before, good := w.rate(), 0
	for good < n && len(rates) < again*n {
		for !idle(before) && nap > 0 && w.naps > 0 {
			w.sleep(napping)
			nap, w.naps = nap-napping, w.naps-napping
			before = w.rate()
		}
		if err := take(); err != nil {
			return nil, err
		}
		after := w.rate()
		rates = append(rates, min(before, after))
		if idle(min(before, after)) {
			good++
		}
		before = after
	}
	count = idlest(rates, n)
	w.taken += len(rates)
	w.kept = append(w.kept, pick(rates, count)...)
	return count, nil
}

// idlest answers the places of the n highest rates, in ascending order; of like rates the first ones.
func idlest(rates []float64, n int) []int {
	at := make([]int, len(rates))
	for i := range at {
		at[i] = i
	}
	slices.SortStableFunc(at, func(i, j int) int { return cmp.Compare(rates[j], rates[i]) })
	at = at[:min(n, len(at))]
	slices.Sort(at)
	return at
}

// idleness is what a run was like: rounds taken and counted, how many of these the machine was disturbed during, and their
// median and lowest rate beside the best of the run.
type idleness struct {
	Best      float64 `json:"best,omitempty"` // bytes a second
	Taken     int     `json:"taken"`
	Counted   int     `json:"counted"`
	Disturbed int     `json:"disturbed"`
	Median    float64 `json:"median"`
	Lowest    float64 `json:"lowest"`
}

func (w *watch) idleness() idleness {
	x := idleness{Best: w.best, Taken: w.taken, Counted: len(w.kept)}
	if x.Counted == 0 {
		return x
	}
	x.Lowest = math.Inf(1)
	for _, r := range w.kept {
		if r < idleShare*w.best {
			x.Disturbed++
		}
		x.Lowest = min(x.Lowest, r/w.best)
	}
	x.Median = median(w.kept) / w.best
	return x
}

// pick answers the samples at the given places.
func pick[T any](x []T, at []int) []T {
	var out []T
	for _, i := range at {
		out = append(out, x[i])
	}
	return out
}
