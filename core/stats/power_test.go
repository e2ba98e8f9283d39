package stats

import (
	"math"
	"testing"
)

// Where a variance passes for known, averaging over what it may be would change nothing that is printed.
func TestWellKnownVariance(t *testing.T) {
	for _, alpha := range []float64{0.05, 0.05 / 100} {
		averaged := chance{items: component{1, wellKnown - 1}}.foresee(alpha, power)
		known := chance{items: component{1, wellKnown}}.foresee(alpha, power)
		if known != MinimumDetectable(1, wellKnown, alpha, power) || math.Abs(averaged/known-1) > 0.01 {
			t.Errorf("at %v: %v of a variance that passes for known, %v averaged", alpha, known, averaged)
		}
	}
}

// Between two shares of the grid a detectable difference lies between theirs, and at them it is theirs.
func TestForeseenIsInterpolated(t *testing.T) {
	of := func(seeds, excess, items float64) float64 {
		return chance{component{seeds, 6}, component{excess, 2}, component{items, 60}, 0}.foreseen(0.05/6, power)
	}
	for _, x := range [][3]float64{{4, 4, 8}, {4.9, 4, 7.1}, {4, 4.9, 7.1}, {4.9, 4.9, 6.2}, {15.5, 0.5, 0}, {0, 0.7, 15.3}} {
		got := of(x[0]/16, x[1]/16, x[2]/16)
		exact := chance{component{x[0] / 16, 6}, component{x[1] / 16, 2}, component{x[2] / 16, 60}, 0}.foresee(0.05/6, power)
		if math.Abs(got/exact-1) > 0.03 { // the grid is that coarse
			t.Errorf("shares %v: foreseen %v, solved %v", x, got, exact)
		}
	}
	// An excess never makes a difference look easier to find, however small it is.
	last := 0.0
	for _, excess := range []float64{0, 1e-6, 0.1, 0.5, 1, 3} {
		x := chance{component{1, 6}, component{excess, 2}, component{0.1, 60}, 2}.foreseen(0.05/6, power)
		if x < last {
			t.Errorf("with an excess of %v: foreseen %v, %v with less of it", excess, x, last)
		}
		last = x
	}
}
