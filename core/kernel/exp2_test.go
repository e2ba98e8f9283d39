package kernel

import (
	"math"
	"testing"
)

// TestDecay takes the decays of single steps out of the scan: with u = 0 and h = 1,
// the state after a step is the decay.
func TestDecay(t *testing.T) {
	forEachISA(t, func(t *testing.T) {
		decay := func(x []float32) []float32 {
			var k selectiveBlock
			k.n, k.lanes, k.steps, k.a, k.h = 1, lanes, 1, x, make([]float32, lanes)
			k.b, k.c, k.decays = make([]float32, 1), make([]float32, 1), make([]float32, decaysLen)
			k.work = make([]float32, workRows*rowsLen)
			for i := range lanes {
				k.h[i], k.row(rowDt)[i] = 1, 1
			}
			active.scanSteps(&k)
			return k.h
		}
		x := make([]float32, lanes)
		for base := float32(0); base > -125; base -= 0.037 {
			for i := range x {
				x[i] = base - float32(i)*0.0021
			}
			for i, got := range decay(x) {
				want := math.Exp2(float64(x[i]))
				ulp := math.Nextafter32(float32(want), 2) - float32(want)
				if off := math.Abs(float64(got)-want) / float64(ulp); off > 1.5 {
					t.Fatalf("2^%g = %g, want %g: %.2f ulp off", x[i], got, want, off)
				}
			}
		}
		nan := float32(math.NaN())
		for i, want := range []float32{1, 0, 0, 0, nan, 0.5, 0x1p-125} {
			x := []float32{0, -127, -1000, float32(math.Inf(-1)), nan, -1, -125}[i]
			all := make([]float32, lanes)
			for l := range all {
				all[l] = x
			}
			if got := decay(all)[i]; got != want && (got == got || want == want) {
				t.Errorf("2^%g = %g, want %g", x, got, want)
			}
		}
	})
}
