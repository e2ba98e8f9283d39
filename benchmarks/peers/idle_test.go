package main

import (
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

// Whatever the machine is like, there are enough rounds, no more than stated, and as many of them count.
func TestRounds(t *testing.T) {
	w := newWatch(1, 512<<10)
	defer w.close()
	for _, best := range []float64{1, 1e30} { // never disturbed; always
		w.best, w.naps, w.taken, w.kept = best, 0, 0, nil
		calls := 0
		count, err := w.rounds(3, time.Hour, func() error {
			calls++
			if best == 1 {
				w.best = 1 // no reading is a new best
			}
			return nil
		})
		if err != nil || len(count) != 3 || !slices.IsSorted(count) || count[2] >= calls {
			t.Fatalf("best %g: rounds %v of %d, %v", best, count, calls, err)
		}
		if x := w.idleness(); best == 1e30 && (calls != 3*again || x.Disturbed != 3 || x.Taken != calls || x.Counted != 3) {
			t.Errorf("a disturbed machine: %d calls, %+v", calls, x)
		}
	}
	stop := errors.New("stop")
	if _, err := w.rounds(3, 0, func() error { return stop }); !errors.Is(err, stop) {
		t.Errorf("got %v", err)
	}
}
