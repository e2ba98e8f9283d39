package main

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

func TestIdlest(t *testing.T) {
	for _, c := range []struct {
		rates []float64
		n     int
		want  []int
	}{
		{[]float64{3, 1, 2, 3}, 2, []int{0, 3}},
		{[]float64{1, 2, 3}, 2, []int{1, 2}},
		{[]float64{1, 1, 1}, 2, []int{0, 1}},
		{[]float64{1}, 2, []int{0}},
		{nil, 2, []int{}},
	} {
		if got := idlest(c.rates, c.n); !slices.Equal(got, c.want) {
			t.Errorf("%v, %d: got %v, want %v", c.rates, c.n, got, c.want)
		}
	}
}

// A machine whose rate is given for each look: what is taken, what counts and how long it naps.
func TestRounds(t *testing.T) {
	for _, c := range []struct {
		name  string
		rates []float64 // the last one stays
		nap   time.Duration
		calls int
		count []int
		naps  int
		last  idleness
	}{
		{"idle", []float64{100}, time.Minute, 3, []int{0, 1, 2}, 0, idleness{100, 3, 3, 0, 1, 1}},
		{"a little slower is idle", []float64{100, 93}, time.Minute, 3, []int{0, 1, 2}, 0, idleness{100, 3, 3, 0, 0.93, 0.93}},
		{"always disturbed", []float64{100, 50}, 0, 6, []int{0, 1, 2}, 0, idleness{100, 6, 3, 3, 0.5, 0.5}},
		{"one round again", []float64{100, 100, 50, 100}, 0, 5, []int{0, 3, 4}, 0, idleness{100, 5, 3, 0, 1, 1}},
		{"naps until it is idle", []float64{100, 50, 50, 100}, time.Minute, 4, []int{1, 2, 3}, 2, idleness{100, 4, 3, 0, 1, 1}},
		{"naps no longer than it may", []float64{100, 50}, 2 * time.Second, 6, []int{0, 1, 2}, 2, idleness{100, 6, 3, 3, 0.5, 0.5}},
	} {
		at, naps, calls := 0, 0, 0
		w := &watch{naps: time.Hour, sleep: func(time.Duration) { naps++ }, measure: func() float64 {
			r := c.rates[min(at, len(c.rates)-1)]
			at++
			return r
		}}
		count, err := w.rounds(3, c.nap, func() error { calls++; return nil })
		if err != nil || calls != c.calls || !slices.Equal(count, c.count) || naps != c.naps || w.idleness() != c.last {
			t.Errorf("%s: %d calls, rounds %v, %d naps, %+v, %v", c.name, calls, count, naps, w.idleness(), err)
		}
	}
}

func TestRoundsEnd(t *testing.T) {
	w, end := newWatch(context.Background(), 1, 512<<10)
	defer end()
	stop := errors.New("stop")
	if _, err := w.rounds(3, 0, func() error { return stop }); !errors.Is(err, stop) || w.best <= 0 {
		t.Errorf("got %v, rate %g", err, w.best)
	}
}
