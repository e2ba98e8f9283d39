package kernel

import (
	"fmt"
	"math"
	"testing"
)

// gemmInt8Naive is the product by its definition, with the rows quantized here.
func gemmInt8Naive(m int, x []float32, ldx int, w *Int8Weights) []float32 {
	y := make([]float32, m*w.N)
	for i := range m {
		row := x[i*ldx:][:w.K]
		top := float32(0)
		for _, v := range row {
			top = max(top, abs32(v)) // NaN if one is
		}
		for j := range w.N {
			sum := 0
			for k, v := range row {
				if top > 1e-36 && !math.IsInf(float64(top), 0) {
					sum += int(math.RoundToEven(float64(v*(127/top)))) * int(math.Round(float64(w.At(k, j)/w.scale[j])))
				}
			}
			scale := top / 127
			switch {
			case top-top != 0:
				scale = float32(math.NaN())
			case top < 1e-36:
				scale = 0
			}
			if w.scale[j] == 0 {
				sum = 0
			}
			y[i*w.N+j] = float32(sum) * scale * w.scale[j]
		}
	}
	return y
}

func checkGemmInt8(t *testing.T, p *Pool, m, n, k, extra int) {
	t.Helper()
	r := source(uint64(m*7919 + n*104729 + k))
	w := normals(r, k*n, 1)
	x := guardedCopy(t, normals(r, max(0, (m-1)*(k+extra)+k), 3))
	q := QuantizeInt8(p, false, k, n, w, n)
	y := guarded(t, max(0, (m-1)*(n+extra)+n))
	GemmInt8(p, m, y, n+extra, x, k+extra, q)
	want := gemmInt8Naive(m, x, k+extra, q)
	for i := range m {
		expectBits(t, fmt.Sprintf("m=%d n=%d k=%d row %d", m, n, k, i), y[i*(n+extra):][:n], want[i*n:(i+1)*n])
		for _, v := range y[i*(n+extra)+n : min(len(y), (i+1)*(n+extra))] {
			if v == v {
				t.Fatal("wrote between the rows of Y")
			}
		}
	}
}

// Integers leave no room: the same bits on all instruction sets, whatever the rows and
// threads.
func TestGemmInt8(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	forEachPrecision(t, func(t *testing.T) {
		for _, s := range [][3]int{
			{0, 3, 2}, {3, 0, 2}, {3, 2, 0}, {1, 1, 1}, {1, 33, 7}, {7, 1, 33}, {4, 32, 16}, {5, 31, 40}, {15, 64, 65},
			{33, 33, 33}, {1, 70, 1100}, {9, 40, 1100}, {103, 66, 20}, {620, 34, 20}, {2, 290, 600}, {64, 257, 129},
		} {
			for _, extra := range []int{0, 5} {
				checkGemmInt8(t, p, s[0], s[1], s[2], extra)
			}
		}
	})
}

func FuzzGemmInt8(f *testing.F) {
	f.Add(uint8(7), uint8(33), uint16(65), uint8(5))
	f.Add(uint8(1), uint8(1), uint16(600), uint8(0))
	f.Fuzz(func(t *testing.T, m, n uint8, k uint16, extra uint8) {
		forEachPrecision(t, func(t *testing.T) {
			checkGemmInt8(t, nil, int(m%120), int(n%80), int(k%1100), int(extra%9))
		})
	})
}

// The greatest integers everywhere and of either sign: nothing saturates.
func TestGemmInt8Extremes(t *testing.T) {
	forEachPrecision(t, func(t *testing.T) {
		const k, n = 515, 33
		for _, m := range []int{1, 9} {
			for signs := range 4 {
				x, w := make([]float32, m*k), make([]float32, k*n)
				for i := range x {
					x[i] = 1 - 2*float32(signs&1)
				}
				for i := range w {
					w[i] = 1 - 2*float32(signs>>1)
				}
				y := guarded(t, m*n)
				GemmInt8(nil, m, y, n, x, k, QuantizeInt8(nil, false, k, n, w, n))
				want := make([]float64, m*n)
				for i := range want {
					want[i] = k * float64(x[0]) * float64(w[0])
				}
				expect(t, "y", y, want, 1e-6)
			}
		}
	})
}

// The documented errors: half of a column's scale, half of a row's.
func TestInt8Error(t *testing.T) {
	const m, n, k = 9, 35, 100
	r := source(3)
	w, x := normals(r, k*n, 1), normals(r, m*k, 2)
	for i := range k { // columns of very different sizes
		for j := range n {
			w[i*n+j] *= float32(math.Pow(10, float64(j%7-3)))
		}
	}
	wt := make([]float32, n*k)
	transpose(wt, k, w, n, k, n)
	q, qt := QuantizeInt8(nil, false, k, n, w, n), QuantizeInt8(nil, true, k, n, wt, k)
	top := make([]float64, n)
	for i := range k {
		for j := range n {
			top[j] = max(top[j], math.Abs(float64(w[i*n+j])))
		}
	}
	for i := range k {
		for j := range n {
			if e := math.Abs(float64(q.At(i, j) - w[i*n+j])); e > top[j]/254*1.00001 {
				t.Fatalf("W[%d,%d] is off by %g, of a column up to %g", i, j, e, top[j])
			}
			if q.At(i, j) != qt.At(i, j) {
				t.Fatalf("W[%d,%d] is %g, of the transpose %g", i, j, q.At(i, j), qt.At(i, j))
			}
		}
	}
	forEachPrecision(t, func(t *testing.T) {
		y := guarded(t, m*n)
		GemmInt8(nil, m, y, n, x, k, q)
		for i := range m {
			xtop := 0.0
			for _, v := range x[i*k : (i+1)*k] {
				xtop = max(xtop, math.Abs(float64(v)))
			}
			for j := range n {
				exact, bound := 0.0, 0.0
				for kk := range k {
					a, b := math.Abs(float64(x[i*k+kk])), math.Abs(float64(w[kk*n+j]))
					exact += float64(x[i*k+kk]) * float64(w[kk*n+j])
					bound += a*top[j]/254 + xtop/254*(b+top[j]/254)
				}
				if e := math.Abs(float64(y[i*n+j]) - exact); e > 1.0001*bound {
					t.Fatalf("y[%d,%d] is off by %g, want at most %g", i, j, e, bound)
				}
			}
		}
	})
}

// Rows and columns of zeros and tiny numbers, and numbers that are not finite, which stay
// in their row or column.
func TestInt8Special(t *testing.T) {
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	forEachPrecision(t, func(t *testing.T) {
		for _, m := range []int{5, 2} {
			const n, k = 40, 70
			r := source(1)
			w, x := normals(r, k*n, 1), normals(r, m*k, 1)
			clear(x[:k])
			x[k+66] = nan
			for i := range k {
				w[i*n] = 0
				w[i*n+1] = 1e-42
			}
			w[3*n+2], w[4*n+39] = inf, nan
			y := guarded(t, m*n)
			GemmInt8(nil, m, y, n, x, k, QuantizeInt8(nil, false, k, n, w, n))
			for i := range m {
				for j := range n {
					v, bad := y[i*n+j], i == 1 || j == 2 || j == 39
					if bad != (v != v) || !bad && (i == 0 || j < 2) && v != 0 {
						t.Errorf("m=%d: y[%d,%d] = %g", m, i, j, v)
					}
				}
			}
		}
	})
}

func TestGemmInt8AllocatesNothing(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	const m, n, k = 130, 140, 150
	x, y := make([]float32, m*k), make([]float32, m*n)
	q := QuantizeInt8(p, false, k, n, make([]float32, k*n), n)
	forEachPrecision(t, func(t *testing.T) {
		if n := testing.AllocsPerRun(5, func() {
			GemmInt8(p, m, y, n, x, k, q)
			GemmInt8(p, 1, y, n, x, k, q)
		}); n > 0 {
			t.Errorf("%g allocations", n)
		}
	})
}

func TestGemmInt8Panics(t *testing.T) {
	x := make([]float32, 6)
	q := QuantizeInt8(nil, false, 3, 2, x, 2)
	expectPanic(t, "kernel: quantize: short w", func() { QuantizeInt8(nil, false, 3, 3, x, 3) })
	expectPanic(t, "kernel: quantize: k is above 65536", func() { QuantizeInt8(nil, true, int8MaxK+1, 0, x, int8MaxK+1) })
	expectPanic(t, "kernel: gemm: short x", func() { GemmInt8(nil, 3, x, 2, x, 3, q) })
	expectPanic(t, "kernel: gemm: short y", func() { GemmInt8(nil, 2, x[:3], 2, x, 3, q) })
}
