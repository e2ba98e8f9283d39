package kernel

import (
	"fmt"
	"math"
	"testing"
)

// checkGemmInt4 compares a product with the sums of exact integers of each group, in float64.
func checkGemmInt4(t *testing.T, p *Pool, m, n, k, extra int) {
	t.Helper()
	r := source(uint64(m*7919 + n*104729 + k))
	w := normals(r, k*n, 1)
	x := guardedCopy(t, normals(r, max(0, (m-1)*(k+extra)+k), 3))
	q := QuantizeInt4(p, false, k, n, w, n)
	y := guarded(t, max(0, (m-1)*(n+extra)+n))
	GemmInt4(p, m, y, n+extra, x, k+extra, q)
	want, size := make([]float64, n), make([]float64, n)
	for i := range m {
		row := x[i*(k+extra):][:k]
		top := float32(0)
		for _, v := range row {
			top = max(top, abs32(v))
		}
		clear(want)
		clear(size)
		for kk, v := range row {
			xq := float64(top) / 127 * math.RoundToEven(float64(v*(127/top)))
			for j := range n {
				want[j] += xq * float64(q.At(kk, j))
				size[j] += math.Abs(xq * float64(q.At(kk, j)))
			}
		}
		for j, got := range y[i*(n+extra):][:n] {
			// A rounding for each group, and three more.
			if tol := 6e-8 * float64(k/int4Group+4) * size[j]; !(math.Abs(float64(got)-want[j]) <= tol) {
				t.Fatalf("m=%d n=%d k=%d: y[%d,%d] = %g, want %g (tolerance %g)", m, n, k, i, j, got, want[j], tol)
			}
		}
		for _, v := range y[i*(n+extra)+n : min(len(y), (i+1)*(n+extra))] {
			if v == v {
				t.Fatal("wrote between the rows of Y")
			}
		}
	}
}

func TestGemmInt4(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	forEachPrecision(t, func(t *testing.T) {
		for _, s := range [][3]int{
			{0, 3, 2}, {3, 0, 2}, {3, 2, 0}, {1, 1, 1}, {1, 33, 7}, {7, 1, 33}, {4, 32, 16}, {5, 31, 40}, {15, 64, 65},
			{33, 33, 33}, {1, 70, 1100}, {9, 40, 1100}, {103, 66, 20}, {620, 34, 20}, {2, 290, 600}, {64, 257, 129},
		} {
			for _, extra := range []int{0, 5} {
				checkGemmInt4(t, p, s[0], s[1], s[2], extra)
			}
		}
	})
}

func FuzzGemmInt4(f *testing.F) {
	f.Add(uint8(7), uint8(33), uint16(65), uint8(5))
	f.Add(uint8(1), uint8(1), uint16(600), uint8(0))
	f.Fuzz(func(t *testing.T, m, n uint8, k uint16, extra uint8) {
		forEachPrecision(t, func(t *testing.T) {
			checkGemmInt4(t, nil, int(m%120), int(n%80), int(k%1100), int(extra%9))
		})
	})
}

// A row has the same bits alone, among few and among many, on any number of threads; all
// instruction sets that fuse multiplication and addition agree.
func TestGemmInt4RowsAreIndependent(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	const m, n, k = 131, 97, 1131
	r := source(5)
	x, q := normals(r, m*k, 1), QuantizeInt4(p, false, k, n, normals(r, k*n, 1), n)
	var fused []float32
	forEachPrecision(t, func(t *testing.T) {
		whole := make([]float32, m*n)
		GemmInt4(nil, m, whole, n, x, k, q)
		for _, rows := range []int{1, 2, fewRows, fewRows + 1, 13, 60, 131} {
			for from := 0; from+rows <= m; from += max(rows, 40) {
				got := make([]float32, rows*n)
				GemmInt4(p, rows, got, n, x[from*k:], k, q)
				expectBits(t, fmt.Sprintf("rows %d at %d", rows, from), got, whole[from*n:(from+rows)*n])
			}
		}
		if active.name == "generic" {
			return
		}
		if fused == nil {
			fused = whole
		}
		expectBits(t, "on another instruction set", whole, fused)
	})
}

// The greatest integers everywhere and of either sign: nothing saturates or overflows.
func TestGemmInt4Extremes(t *testing.T) {
	forEachPrecision(t, func(t *testing.T) {
		const k, n = 515, 33
		for _, m := range []int{1, 9} {
			for signs := range 4 {
				x, w := make([]float32, m*k), make([]float32, k*n)
				for i := range x {
					x[i] = 1 - 2*float32(signs&1)
				}
				for i := range w {
					w[i] = 7 - 14*float32(signs>>1)
				}
				y := guarded(t, m*n)
				GemmInt4(nil, m, y, n, x, k, QuantizeInt4(nil, false, k, n, w, n))
				want := make([]float64, m*n)
				for i := range want {
					want[i] = k * float64(x[0]) * float64(w[0])
				}
				expect(t, "y", y, want, 1e-6)
			}
		}
	})
}

// The documented error of the weights, and both layouts.
func TestInt4Error(t *testing.T) {
	const n, k = 35, 100
	r := source(3)
	w := normals(r, k*n, 1)
	for i := range k { // groups of very different sizes
		for j := range n {
			w[i*n+j] *= float32(math.Pow(10, float64((j+i/int4Group)%12-8)))
		}
	}
	wt := make([]float32, n*k)
	transpose(wt, k, w, n, k, n)
	q, qt := QuantizeInt4(nil, false, k, n, w, n), QuantizeInt4(nil, true, k, n, wt, k)
	for i := range k {
		for j := range n {
			top := 0.0
			for g := i / int4Group * int4Group; g < min(k, (i/int4Group+1)*int4Group); g++ {
				top = max(top, math.Abs(float64(w[g*n+j])))
			}
			// A scale of FP16 has 11 places, or the distance 2^-24 below 6e-5.
			scale := top/7*(1+1.0/2048) + 1.0/(1<<25)
			e, limit := math.Abs(float64(q.At(i, j)-w[i*n+j])), scale/2*1.0001
			if top/7 < 6e-5 {
				limit = max(limit, 7.0/(1<<25)*1.0001) // the scale is off by half that distance
			}
			if e > limit {
				t.Fatalf("W[%d,%d] = %g is off by %g, want at most %g", i, j, w[i*n+j], e, limit)
			}
			if q.At(i, j) != qt.At(i, j) {
				t.Fatalf("W[%d,%d] is %g, of the transpose %g", i, j, q.At(i, j), qt.At(i, j))
			}
		}
	}
	if bits := 8 * float64(QuantizeInt4(nil, false, 1024, 64, make([]float32, 1024*64), 64).Bytes()) / (1024 * 64); bits != 4.5 {
		t.Errorf("%g bits a weight, want 4.5", bits)
	}
}

// Rows and groups of zeros, and numbers that are not finite, which stay in their row or column.
func TestInt4Special(t *testing.T) {
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
			w[3*n+2], w[4*n+39], w[5*n+38] = inf, nan, 1e6
			y := guarded(t, m*n)
			GemmInt4(nil, m, y, n, x, k, QuantizeInt4(nil, false, k, n, w, n))
			for i := range m {
				for j := range n {
					v, bad := y[i*n+j], i == 1 || j == 2 || j >= 38
					if bad != (v != v) || !bad && (i == 0 || j < 2) && v != 0 {
						t.Errorf("m=%d: y[%d,%d] = %g", m, i, j, v)
					}
				}
			}
		}
	})
}

func TestGemmInt4AllocatesNothing(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	const m, n, k = 130, 140, 150
	x, y := make([]float32, m*k), make([]float32, m*n)
	q := QuantizeInt4(p, false, k, n, make([]float32, k*n), n)
	forEachPrecision(t, func(t *testing.T) {
		if n := testing.AllocsPerRun(5, func() {
			GemmInt4(p, m, y, n, x, k, q)
			GemmInt4(p, 1, y, n, x, k, q)
		}); n > 0 {
			t.Errorf("%g allocations", n)
		}
	})
}

func TestGemmInt4Panics(t *testing.T) {
	x := make([]float32, 6)
	q := QuantizeInt4(nil, false, 3, 2, x, 2)
	expectPanic(t, "kernel: quantize: short w", func() { QuantizeInt4(nil, false, 3, 3, x, 3) })
	expectPanic(t, "kernel: quantize: k is above 65536", func() { QuantizeInt4(nil, true, int8MaxK+1, 0, x, int8MaxK+1) })
	expectPanic(t, "kernel: gemm: short x", func() { GemmInt4(nil, 3, x, 2, x, 3, q) })
	expectPanic(t, "kernel: gemm: short y", func() { GemmInt4(nil, 2, x[:3], 2, x, 3, q) })
}
