package kernel

import (
	"slices"
	"sort"
	"testing"
)

func TestGatherAndScatter(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	forEachISA(t, func(t *testing.T) {
		for _, d := range []int{1, 7, 33, 100} {
			r := source(uint64(d))
			table := normals(r, 5*d, 1)
			ids := []int32{3, -1, 0, 3, 4, 3, 0}
			out := guarded(t, len(ids)*d)
			GatherRows(p, out, table, ids, d)
			dtable, dout := guardedCopy(t, normals(r, 5*d, 1)), normals(r, len(ids)*d, 1)
			want := append([]float32(nil), dtable...)
			ScatterAddRows(p, dtable, dout, ids, d)
			for i, id := range ids {
				for j := range d {
					w := float32(0)
					if id >= 0 {
						w = table[int(id)*d+j]
						want[int(id)*d+j] += dout[i*d+j]
					}
					if out[i*d+j] != w {
						t.Fatalf("row %d of id %d: %g, want %g", i, id, out[i*d+j], w)
					}
				}
			}
			expectBits(t, "dtable", dtable, want)
		}
		expectPanic(t, "kernel: rows: id outside the table", func() { GatherRows(nil, make([]float32, 2), make([]float32, 4), []int32{2}, 2) })
	})
}

// Gathering and scattering 16 bits is gathering, widening, rounding and scattering, row by row.
func TestRowsOfSixteenBits(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	forEachISA(t, func(t *testing.T) {
		for _, d := range []int{1, 7, 33, 100} {
			for name, f := range map[string]struct {
				gather  func(*Pool, []float32, []uint16, []int32, int)
				scatter func(*Pool, []uint16, []float32, []int32, int)
				widen   func(uint16) float32
				narrow  func(float32) uint16
			}{
				"bf16": {GatherRowsBF16, ScatterRowsBF16, float32OfBF16, bf16OfFloat32},
				"fp16": {GatherRowsFP16, ScatterRowsFP16, float32OfFP16, fp16OfFloat32},
			} {
				const rows = 300
				r := source(uint64(d))
				table, in := make([]uint16, rows*d), normals(r, rows*d, 1)
				for i := range table {
					table[i] = f.narrow(in[i])
				}
				ids := []int32{rows - 1, -1, 0, 17, 17}
				out := guarded(t, len(ids)*d)
				f.gather(p, out, table, ids, d)
				for i := range out {
					want := float32(0)
					if id := int(ids[i/d]); id >= 0 {
						want = f.widen(table[id*d+i%d])
					}
					if out[i] != want {
						t.Fatalf("%s: gathered %g, want %g", name, out[i], want)
					}
				}
				ids = ids[:0]
				for i := range int32(rows / 2) {
					ids = append(ids, rows-1-2*i)
				}
				src := guardedCopy(t, normals(r, len(ids)*d, 1))
				want, got32, want32 := append([]uint16(nil), table...), guardedCopy(t, in), append([]float32(nil), in...)
				f.scatter(p, table, src, ids, d)
				ScatterRows(p, got32, src, ids, d)
				for i, x := range src {
					at := int(ids[i/d])*d + i%d
					want[at], want32[at] = f.narrow(x), x
				}
				if !slices.Equal(table, want) {
					t.Fatalf("%s: scattered wrong values", name)
				}
				expectBits(t, "float32", got32, want32)
			}
		}
		expectPanic(t, "kernel: scatter: short rows", func() { ScatterRows(nil, make([]float32, 4), make([]float32, 1), []int32{0}, 2) })
		expectPanic(t, "kernel: scatter: short rows", func() { ScatterRowsBF16(nil, make([]uint16, 4), make([]float32, 1), []int32{0}, 2) })
		expectPanic(t, "kernel: gather: short out", func() { GatherRowsFP16(nil, make([]float32, 1), make([]uint16, 4), []int32{0}, 2) })
		expectPanic(t, "kernel: rows: id outside the table", func() { ScatterRows(nil, make([]float32, 4), make([]float32, 2), []int32{2}, 2) })
	})
}

func TestBiasAndColumnSums(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	forEachISA(t, func(t *testing.T) {
		for _, s := range [][2]int{{0, 3}, {1, 1}, {3, 0}, {7, 33}, {200, 17}, {130, 64}} {
			m, n := s[0], s[1]
			r := source(uint64(m))
			x, bias := normals(r, m*n, 1), normals(r, n, 1)
			out, sums := guarded(t, m*n), guarded(t, n)
			AddBias(p, out, x, bias, m, n)
			ColumnSums(p, sums, x, m, n)
			// The order of the sums: rows in blocks of 64, then the blocks in float64.
			want, block := make([]float64, n), make([]float32, n)
			for i := range m * n {
				if out[i] != x[i]+bias[i%n] {
					t.Fatal("AddBias is wrong")
				}
				block[i%n] += x[i]
				if row := i / n; row%rowBlock == rowBlock-1 || row == m-1 {
					want[i%n] += float64(block[i%n])
					block[i%n] = 0
				}
			}
			for j, w := range want {
				if sums[j] != float32(w) {
					t.Fatalf("m=%d n=%d: sum %d is %g, want %g", m, n, j, sums[j], w)
				}
			}
		}
	})
}

func TestTopK(t *testing.T) {
	scores := []float32{
		0.1, 0.5, 0.5, -1,
		4, 3, 2, 1,
		0, 0, 0, 0,
	}
	for k, want := range map[int][]int32{
		1: {1, 0, 0},
		2: {1, 2, 0, 1, 0, 1},
		4: {1, 2, 0, 3, 0, 1, 2, 3, 0, 1, 2, 3},
	} {
		idx := make([]int32, 3*k)
		TopK(nil, idx, scores, 3, 4, k)
		if !slices.Equal(idx, want) {
			t.Errorf("top %d: %v, want %v", k, idx, want)
		}
	}
	// Against a stable sort.
	const m, e, k = 5000, 9, 4
	p := NewPool(3)
	defer p.Close()
	r := source(3)
	x := make([]float32, m*e)
	for i := range x {
		x[i] = float32(r.IntN(6)) // many ties
	}
	idx := make([]int32, m*k)
	TopK(p, idx, x, m, e, k)
	for i := range m {
		order := []int{0, 1, 2, 3, 4, 5, 6, 7, 8}
		sort.SliceStable(order, func(a, b int) bool { return x[i*e+order[a]] > x[i*e+order[b]] })
		for j := range k {
			if int(idx[i*k+j]) != order[j] {
				t.Fatalf("row %v: %v, want the start of %v", x[i*e:(i+1)*e], idx[i*k:(i+1)*k], order)
			}
		}
	}
}

func TestCountingSort(t *testing.T) {
	expert := []int32{2, 0, -1, 2, 1, 0, -1, 2}
	order, offsets := make([]int32, 6), make([]int32, 5)
	CountingSort(order, offsets, expert, len(expert), 4)
	if want := []int32{1, 5, 4, 0, 3, 7}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
	if want := []int32{0, 2, 3, 6, 6}; !slices.Equal(offsets, want) {
		t.Errorf("offsets %v, want %v", offsets, want)
	}
	slot := make([]int32, len(expert))
	InvertOrder(slot, order, len(expert))
	if want := []int32{3, 0, -1, 4, 2, 1, -1, 5}; !slices.Equal(slot, want) {
		t.Errorf("slots %v, want %v", slot, want)
	}
	expectPanic(t, "kernel: counting sort: expert out of range", func() { CountingSort(order, offsets, []int32{4}, 1, 4) })
	CountingSort(nil, offsets, nil, 0, 4)
}

// An activation's gradient with its column sums has the bits of the two passes.
func TestActivationSums(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	forEachISA(t, func(t *testing.T) {
		for _, c := range []struct {
			name  string
			plain func(p *Pool, dx, dy, x []float32)
			both  func(p *Pool, dx, sums, dy, x []float32, m, n int)
		}{
			{"gelu", GELUBackward, GELUBackwardSums},
			{"squared relu", SquaredReLUBackward, SquaredReLUBackwardSums},
		} {
			for _, s := range [][2]int{{0, 3}, {1, 1}, {3, 0}, {7, 33}, {130, 17}} {
				m, n := s[0], s[1]
				r := source(uint64(m))
				x, dy := normals(r, m*n, 1), normals(r, m*n, 1)
				want, wantSums := make([]float32, m*n), make([]float32, n)
				c.plain(p, want, dy, x)
				ColumnSums(p, wantSums, want, m, n)
				dx, sums := guarded(t, m*n), guarded(t, n)
				c.both(p, dx, sums, dy, x, m, n)
				expectBits(t, c.name+" dx", dx, want)
				expectBits(t, c.name+" sums", sums, wantSums)
				c.both(p, dy, sums, dy, x, m, n)
				expectBits(t, c.name+" in place", dy, want)
			}
		}
	})
}

func TestCombineRows(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	forEachISA(t, func(t *testing.T) {
		for _, d := range []int{1, 7, 33} {
			const m, k = 4, 2
			slot := []int32{3, 0, -1, 5, 1, -1, 2, 4}
			r := source(uint64(d))
			y, gate, dout := normals(r, 6*d, 1), normals(r, m*k, 1), normals(r, m*d, 1)
			out, dy, dgate := guarded(t, m*d), guarded(t, 6*d), guarded(t, m*k)
			naive := func(in [][]float64) []float64 {
				out := make([]float64, m*d)
				for i := range m * d {
					for j := range k {
						if s := slot[i/d*k+j]; s >= 0 {
							out[i] += in[1][i/d*k+j] * in[0][int(s)*d+i%d]
						}
					}
				}
				return out
			}
			in := [][]float64{wide(y), wide(gate)}
			CombineRows(p, out, y, gate, slot, m, k, d)
			expect(t, "out", out, naive(in), 1e-6)
			CombineRowsBackward(p, dy, dgate, dout, y, gate, slot, m, k, d)
			expectGradient(t, []string{"dy", "dgate"}, [][]float32{dy, dgate}, in, dout, naive, 1e-5)
		}
	})
}
