package kernel

import (
	"fmt"
	"testing"
)

// Products with a packed B have the bits of Gemm, whatever M, and write nothing between the rows of C.
func TestPacked(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	forEachISA(t, func(t *testing.T) {
		for _, s := range [][2]int{{0, 3}, {3, 0}, {1, 1}, {7, 33}, {33, 7}, {300, 257}, {17, 700}} {
			n, k := s[0], s[1]
			for _, tB := range []bool{false, true} {
				r := source(uint64(1000*n + k))
				rows, cols := k, n
				if tB {
					rows, cols = n, k
				}
				ldb := cols + 2
				b := guardedCopy(t, normals(r, max(0, rows-1)*ldb+cols, 1))
				q := PackB(p, tB, n, k, b, ldb)
				for _, m := range []int{0, 1, 7, 33, 130} {
					lda, ldc := k+1, n+3
					a := guardedCopy(t, normals(r, max(0, m-1)*lda+k, 1))
					c, want := guarded(t, max(0, m-1)*ldc+n), guarded(t, max(0, m-1)*ldc+n)
					q.Times(p, m, a, lda, c, ldc)
					Gemm(nil, false, tB, m, n, k, a, lda, b, ldb, 0, want, ldc)
					for i := range m {
						expectBits(t, fmt.Sprintf("tB=%v m=%d n=%d k=%d row %d", tB, m, n, k, i), c[i*ldc:][:n], want[i*ldc:][:n])
					}
					for i, x := range c {
						if i%ldc >= n && x == x {
							t.Fatal("wrote between the rows of C")
						}
					}
				}
				q.Release()
				q.Release()
			}
		}
	})
}

// A B that is not packed as a whole is taken by Gemm.
func TestPackedTooLarge(t *testing.T) {
	const n, k = 2100, 2000
	if n*k <= packLimit {
		t.Fatal("B is not too large")
	}
	r := source(3)
	a, b, c, want := normals(r, 2*k, 1), normals(r, n*k, 1), make([]float32, 2*n), make([]float32, 2*n)
	q := PackB(nil, true, n, k, b, k)
	q.Times(nil, 2, a, k, c, n)
	q.Release()
	Gemm(nil, false, true, 2, n, k, a, k, b, k, 0, want, n)
	expectBits(t, "c", c, want)
}

func TestPackedPanics(t *testing.T) {
	x := make([]float32, 12)
	expectPanic(t, "kernel: gemm: short b", func() { PackB(nil, false, 4, 4, x, 4) })
	q := PackB(nil, false, 4, 3, x, 4)
	defer q.Release()
	expectPanic(t, "kernel: gemm: short a", func() { q.Times(nil, 5, x, 3, make([]float32, 20), 4) })
	expectPanic(t, "kernel: gemm: short c", func() { q.Times(nil, 4, x, 3, x, 4) })
}

func TestPackedAllocatesNothing(t *testing.T) {
	a, b, c := make([]float32, 40*50), make([]float32, 50*60), make([]float32, 40*60)
	run := func() {
		q := PackB(nil, false, 60, 50, b, 60)
		q.Times(nil, 40, a, 50, c, 60)
		q.Release()
	}
	run()
	if n := testing.AllocsPerRun(5, run); n != 0 {
		t.Errorf("%v allocations, want none", n)
	}
}
