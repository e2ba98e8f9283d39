package kernel

import (
	"fmt"
	"math"
	"testing"
)

func gemmNaive(tA, tB bool, m, n, k int, a []float32, lda int, b []float32, ldb int, beta float32, c []float32, ldc int) []float64 {
	out := make([]float64, m*n)
	for i := range m {
		for j := range n {
			s := 0.0
			if beta != 0 {
				s = float64(c[i*ldc+j])
			}
			for kk := range k {
				x, y := i*lda+kk, kk*ldb+j
				if tA {
					x = kk*lda + i
				}
				if tB {
					y = j*ldb + kk
				}
				s += float64(a[x]) * float64(b[y])
			}
			out[i*n+j] = s
		}
	}
	return out
}

// checkGemm compares one product with the naive one. Every input is guarded by NaN
// beyond its last element, so that reading too far shows as well.
func checkGemm(t *testing.T, p *Pool, tA, tB bool, m, n, k, extra int, beta float32) {
	t.Helper()
	r := source(uint64(m*7919 + n*104729 + k))
	dims := func(tr bool, rows, cols int) (int, int) {
		if tr {
			rows, cols = cols, rows
		}
		if rows == 0 || cols == 0 {
			return 0, cols + extra
		}
		return (rows-1)*(cols+extra) + cols, cols + extra
	}
	na, lda := dims(tA, m, k)
	nb, ldb := dims(tB, k, n)
	nc, ldc := dims(false, m, n)
	a, b := guardedCopy(t, normals(r, na, 1)), guardedCopy(t, normals(r, nb, 1))
	c := guarded(t, nc)
	if beta != 0 {
		copy(c, normals(r, nc, 1))
	}
	between := float32(math.NaN()) // what lies between C's rows must stay
	for i := range nc {
		if i%ldc >= n {
			c[i] = between
		}
	}
	want := gemmNaive(tA, tB, m, n, k, a, lda, b, ldb, beta, c, ldc)
	Gemm(p, tA, tB, m, n, k, a, lda, b, ldb, beta, c, ldc)
	// k roundings of partial sums of size up to sqrt(k), each 6e-8 of it, add up like a
	// random walk to 6e-8·k; the factor is for the worst of many elements.
	tol := 2e-7 * float64(8+k)
	if nc == 0 {
		return
	}
	for i := range m {
		expect(t, fmt.Sprintf("tA=%v tB=%v m=%d n=%d k=%d beta=%v row %d", tA, tB, m, n, k, beta, i), c[i*ldc:i*ldc+n], want[i*n:(i+1)*n], tol)
	}
	for i := range nc {
		if i%ldc >= n && c[i] == c[i] {
			t.Fatal("wrote between the rows of C")
		}
	}
}

func TestGemm(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	shapes := [][3]int{
		{0, 3, 2}, {3, 0, 2}, {3, 2, 0}, {1, 1, 1}, {1, 33, 7}, {7, 1, 33}, {5, 17, 3}, {14, 32, 16}, {15, 31, 9}, {13, 48, 65},
		{33, 33, 33}, {6, 16, 8}, {12, 65, 5}, {113, 130, 31}, {29, 7, 513}, {1, 130, 600}, {1, rowMost() + 45, 19}, {2, 16, 1025}, {57, 100, 64}, {4, 545, 20}, {130, 520, 9}, {9, 40, 1024}, {520, 40, 9},
		{64, 70, 519}, {130, 40, 1024},
	}
	forEachISA(t, func(t *testing.T) {
		for _, s := range shapes {
			for mode := range 16 {
				checkGemm(t, p, mode&1 != 0, mode&2 != 0, s[0], s[1], s[2], mode>>2&1*5, float32(mode>>3))
			}
		}
	})
}

// Every element is the same chain of additions: a row of C has the same bits alone
// and among others, transposed operands or not.
func TestGemmRowsAreIndependent(t *testing.T) {
	forEachISA(t, func(t *testing.T) {
		r := source(5)
		const m, n, k = 131, 197, 531
		a, b := normals(r, m*k, 1), normals(r, k*n, 1)
		at, bt := make([]float32, m*k), make([]float32, k*n)
		transpose(at, m, a, k, m, k)
		transpose(bt, k, b, n, k, n)
		whole := make([]float32, m*n)
		Gemm(nil, false, false, m, n, k, a, k, b, n, 0, whole, n)
		p := NewPool(3)
		defer p.Close()
		for _, rows := range []int{1, 2, 3, 5, 8, 13, 14, 15, 28, 60, 131} {
			for mode := range 4 {
				tA, tB := mode&1 != 0, mode&2 != 0
				for from := 0; from+rows <= m; from += max(rows, 40) {
					got := make([]float32, rows*n)
					aa, lda, bb, ldb := a[from*k:], k, b, n
					if tA {
						aa, lda = at[from:], m
					}
					if tB {
						bb, ldb = bt, k
					}
					Gemm(p, tA, tB, rows, n, k, aa, lda, bb, ldb, 0, got, n)
					expectBits(t, fmt.Sprintf("rows %d at %d, tA=%v tB=%v", rows, from, tA, tB), got, whole[from*n:(from+rows)*n])
				}
			}
		}
		// The same for columns: tensor slices of a weight.
		for _, cols := range []int{1, 15, 16, 17, 31, 33, 64} {
			got := make([]float32, m*cols)
			Gemm(p, false, false, m, cols, k, a, k, b[n-cols:], n, 0, got, cols)
			for i := range m {
				expectBits(t, fmt.Sprintf("%d columns", cols), got[i*cols:(i+1)*cols], whole[(i+1)*n-cols:(i+1)*n])
			}
		}
	})
}

// A B too large to pack at once is taken by columns.
func TestGemmInTurns(t *testing.T) {
	forEachISA(t, func(t *testing.T) {
		if active.name == "generic" {
			t.Skip("slow")
		}
		const m, n, k = 300, 70, packLimit / 64
		r := source(7)
		a, b := normals(r, m*k, 1), normals(r, k*n, 1)
		bt := make([]float32, k*n)
		active.transpose(bt, k, b, n, k, n)
		c, ct := guarded(t, m*n), guarded(t, m*n)
		Gemm(nil, false, false, m, n, k, a, k, b, n, 0, c, n)
		Gemm(nil, false, true, m, n, k, a, k, bt, k, 0, ct, n)
		expectBits(t, "c", ct, c)
		for _, j := range []int{0, 63, 64, 69} {
			want := 0.0
			for kk := range k {
				want += float64(a[(m-1)*k+kk]) * float64(b[kk*n+j])
			}
			expect(t, "an element", c[(m-1)*n+j:][:1], []float64{want}, 1e-6*256)
		}
	})
}

// The bias is added to the finished sums, in every piece once.
func TestGemmBias(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	forEachISA(t, func(t *testing.T) {
		for _, s := range [][3]int{{0, 3, 2}, {3, 7, 0}, {1, 33, 7}, {7, 1, 300}, {300, 130, 290}, {8, 70, 33}} {
			m, n, k := s[0], s[1], s[2]
			r := source(uint64(m + n))
			a, b, bias := guardedCopy(t, normals(r, m*k, 1)), guardedCopy(t, normals(r, n*k, 1)), guardedCopy(t, normals(r, n, 1))
			got, want := guarded(t, m*n), make([]float32, m*n)
			GemmBias(p, false, true, m, n, k, a, k, b, k, bias, got, n)
			Gemm(nil, false, true, m, n, k, a, k, b, k, 0, want, n)
			AddBias(nil, want, want, bias, m, n)
			expectBits(t, fmt.Sprint(s), got, want)
		}
	})
	x := make([]float32, 6)
	expectPanic(t, "kernel: gemm: short bias", func() { GemmBias(nil, false, false, 2, 3, 1, x, 1, x, 3, x[:2], x, 3) })
}

func TestGemmPanics(t *testing.T) {
	x := make([]float32, 6)
	expectPanic(t, "kernel: gemm: short a", func() { Gemm(nil, false, false, 2, 2, 4, x, 4, make([]float32, 8), 2, 0, x, 2) })
	expectPanic(t, "kernel: gemm: short b", func() { Gemm(nil, false, true, 2, 2, 3, x, 3, x, 2, 0, x, 2) })
	expectPanic(t, "kernel: gemm: short c", func() { Gemm(nil, false, false, 3, 3, 2, x, 2, x, 3, 0, x, 3) })
	expectPanic(t, "kernel: gemm: beta is neither 0 nor 1", func() { Gemm(nil, false, false, 2, 2, 3, x, 3, x, 2, 0.5, x, 2) })
}

func FuzzGemm(f *testing.F) {
	f.Add(uint8(7), uint8(33), uint16(65), uint8(3), uint8(5))
	f.Add(uint8(15), uint8(1), uint16(600), uint8(14), uint8(0))
	f.Fuzz(func(t *testing.T, m, n uint8, k uint16, mode, extra uint8) {
		forEachISA(t, func(t *testing.T) {
			checkGemm(t, nil, mode&1 != 0, mode&2 != 0, int(m), int(n), int(k%1100), int(extra%9), float32(mode>>2&1))
		})
	})
}
