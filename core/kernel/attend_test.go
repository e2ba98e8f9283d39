package kernel

import (
	"math"
	"testing"
)

// Weights are powers of 2 that are at most 1.5 units in the last place off, exactly 0
// of masked scores, and NaN of NaN.
func TestAttendWeights(t *testing.T) {
	forEachISA(t, func(t *testing.T) {
		const rows = 1000
		w, dw := guarded(t, rows*keyBlock), make([]float32, rows*keyBlock)
		x := make([]float32, len(w))
		r := source(41)
		for i := range x {
			x[i] = float32(-125 * math.Pow(r.Float64(), 3)) // dense near 0
		}
		x[0], x[1], x[2], x[3], x[4] = 0, float32(math.Inf(-1)), -1e30, -127, float32(math.NaN())
		copy(w, x)
		zero := make([]float32, rows)
		active.attend.back(w, dw, zero, zero, rows, keyBlock)
		if w[0] != 1 || w[1] != 0 || w[2] != 0 || w[3] != 0 || w[4] == w[4] {
			t.Errorf("2^%v = %v", x[:5], w[:5])
		}
		worst := 0.0
		for i := 5; i < len(x); i++ {
			want := math.Exp2(float64(x[i]))
			ulp := math.Ldexp(1, math.Ilogb(want)-23)
			worst = max(worst, math.Abs(float64(w[i])-want)/ulp)
		}
		if !(worst <= 1.5) {
			t.Errorf("2^x is %.2f ulp off", worst)
		}
	})
}

// A block of scores moves the running softmax as in float64, whatever lies in it.
func TestAttendRows(t *testing.T) {
	forEachISA(t, func(t *testing.T) {
		r := source(42)
		for _, n := range []int{16, 48, keyBlock} {
			for _, k := range []int{1, 7, 8, 33} {
				for _, rows := range []int{1, 3, 12} {
					scores := guardedCopy(t, normals(r, (rows-1)*keyBlock+n, 9))
					top, sum, shrink := guardedCopy(t, normals(r, rows, 9)), guarded(t, rows), guarded(t, rows)
					out := guardedCopy(t, normals(r, rows*k, 1))
					for i := range rows {
						sum[i] = float32(i + 1)
						scores[i*keyBlock+3] = negInf
					}
					top[0] = negInf
					sum[0] = 0
					if rows > 2 { // nothing seen so far, and nothing here
						top[2], sum[2] = negInf, 0
						setAll(scores[2*keyBlock:][:n], negInf)
					}
					was, oldTop, oldSum, oldOut := wide(scores), wide(top), wide(sum), wide(out)
					active.attend.rows(scores, top, sum, shrink, out, rows, n, k)
					for i := range rows {
						row := was[i*keyBlock:][:n]
						peak := oldTop[i]
						for _, v := range row {
							peak = max(peak, v)
						}
						if float64(top[i]) != peak {
							t.Fatalf("top %g, want %g", top[i], peak)
						}
						// Half a unit of a difference d is d·ln 2 roundings of 2^-d, which has 3 more (TestAttendWeights): no more
						// than 3 of 1 in all.
						power := func(d float64) (p, roundings float64) {
							if math.IsInf(d, 0) || d != d {
								return 0, 0
							}
							p = math.Exp2(-d)
							return p, p * (d*math.Ln2 + 3)
						}
						less, slack := power(peak - oldTop[i])
						total := oldSum[i] * less
						slack *= oldSum[i]
						want := make([]float64, n)
						for j, v := range row {
							w, r := power(peak - v)
							want[j], total, slack = w, total+w, slack+r
						}
						expect(t, "weights", scores[i*keyBlock:][:n], want, 3*rounding)
						// Every eighth weight is added to the same sum, then these sums are, and the old one, which was multiplied.
						if diff := math.Abs(float64(sum[i]) - total); !(diff <= rounding*(slack+total*float64(n/8+5))) {
							t.Fatalf("sum %g, want %g", sum[i], total)
						}
						for c := range k {
							expect(t, "out", out[i*k+c:][:1], []float64{oldOut[i*k+c] * less}, 4*rounding)
						}
					}
				}
			}
		}
	})
}

func TestAttendScale(t *testing.T) {
	forEachISA(t, func(t *testing.T) {
		r := source(43)
		for _, n := range []int{1, 7, 8, 16, 33} {
			for _, rows := range []int{1, 5} {
				const gap = 3
				src := guardedCopy(t, normals(r, (rows-1)*(n+gap)+n, 1))
				by := guardedCopy(t, normals(r, rows, 1))
				for _, by := range [][]float32{nil, by} {
					dst := guarded(t, (rows-1)*(n+1)+n)
					active.attend.scale(dst, n+1, src, n+gap, by, 0.37, rows, n)
					for i := range dst {
						row, c := i/(n+1), i%(n+1)
						if c == n {
							if dst[i] == dst[i] {
								t.Fatalf("wrote between rows")
							}
							continue
						}
						s := float32(0.37)
						if by != nil {
							s = by[row]
						}
						if want := src[row*(n+gap)+c] * s; dst[i] != want {
							t.Fatalf("dst[%d,%d] = %g, want %g", row, c, dst[i], want)
						}
					}
				}
			}
		}
	})
}
