package kernel

import (
	"fmt"
	"testing"
)

// Groups of all sizes, empty ones among them, give the bits of one product each.
func TestGemmGroups(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	forEachISA(t, func(t *testing.T) {
		for _, sizes := range [][]int{{0}, {5}, {0, 3, 0, 1}, {33, 0, 200, 7}, {100, 64, 31}} {
			offsets := []int32{0}
			for _, n := range sizes {
				offsets = append(offsets, offsets[len(offsets)-1]+int32(n))
			}
			rows, e := int(offsets[len(sizes)]), len(sizes)
			for _, d := range [][2]int{{1, 1}, {7, 33}, {33, 7}, {50, 300}, {17, 0}, {0, 17}} {
				m, n := d[0], d[1]
				r := source(uint64(rows + m*1000 + n))
				a, b := guardedCopy(t, normals(r, rows*m, 1)), guardedCopy(t, normals(r, rows*n, 1))
				w := guardedCopy(t, normals(r, e*m*n, 1))
				sums, out, outT := guarded(t, e*m*n), guarded(t, rows*n), guarded(t, rows*n)
				GemmSums(p, offsets, m, n, a, b, sums)
				GemmRows(p, false, offsets, n, m, a, w, out)
				GemmRows(p, true, offsets, n, m, a, w, outT)
				for x := range e {
					lo, k := int(offsets[x]), sizes[x]
					what := fmt.Sprintf("m=%d n=%d, group %d of %v", m, n, x, sizes)
					want := make([]float32, m*n)
					Gemm(nil, true, false, m, n, k, a[lo*m:], m, b[lo*n:], n, 0, want, n)
					expectBits(t, what+", sums", sums[x*m*n:(x+1)*m*n], want)
					want = make([]float32, k*n)
					Gemm(nil, false, false, k, n, m, a[lo*m:], m, w[x*m*n:], n, 0, want, n)
					expectBits(t, what+", rows", out[lo*n:(lo+k)*n], want)
					Gemm(nil, false, true, k, n, m, a[lo*m:], m, w[x*m*n:], m, 0, want, n)
					expectBits(t, what+", rows transposed", outT[lo*n:(lo+k)*n], want)
				}
			}
		}
	})
}

func TestGemmGroupsAllocateNothing(t *testing.T) {
	offsets := []int32{0, 50, 50, 120}
	x, w, y := make([]float32, 120*40), make([]float32, 3*40*40), make([]float32, 120*40)
	for _, threads := range []int{1, 2} {
		p := NewPool(threads)
		defer p.Close()
		run := func() {
			GemmRows(p, true, offsets, 40, 40, x, w, y)
			GemmSums(p, offsets, 40, 40, x, y, w)
		}
		run()
		runs := 1
		if threads > 1 {
			// Scratch memory is made for as many threads as want some at the same time, which may come about first in any
			// run, but once only: AllocsPerRun rounds the mean down.
			runs = 200
		}
		if n := testing.AllocsPerRun(runs, run); n != 0 {
			t.Errorf("%d threads: %v allocations a run, want none", threads, n)
		}
	}
}

func TestGemmGroupsPanic(t *testing.T) {
	x := make([]float32, 8)
	expectPanic(t, "kernel: gemm rows: short argument", func() { GemmRows(nil, false, []int32{0, 2}, 2, 4, x, x, x[:3]) })
	expectPanic(t, "kernel: gemm sums: short argument", func() { GemmSums(nil, []int32{0, 2}, 4, 4, x, x, x) })
	expectPanic(t, "kernel: gemm groups: offsets descend", func() { GemmSums(nil, []int32{0, 2, 1}, 2, 2, x, x, x) })
}
