package kernel

import (
	"fmt"
	"math"
	"testing"
)

// halvesOfFloats rounds x, one by one.
func halvesOfFloats(x []float32) []uint16 {
	h := make([]uint16, len(x))
	for i, v := range x {
		h[i] = bf16OfFloat32(v)
	}
	return h
}

func floatsOfHalves(h []uint16) []float32 {
	x := make([]float32, len(h))
	for i, v := range h {
		x[i] = float32OfBF16(v)
	}
	return x
}

// stored is the length and leading dimension of a matrix as stored.
func stored(tr bool, rows, cols, extra int) (n, ld int) {
	if tr {
		rows, cols = cols, rows
	}
	if rows == 0 || cols == 0 {
		return 0, cols + extra
	}
	return (rows-1)*(cols+extra) + cols, cols + extra
}

// checkGemmBF16 compares a product of every mix of FP32 and BF16 with the naive product of
// the rounded operands. Bits of mode: tA, tB, leading dimensions, beta.
func checkGemmBF16(t *testing.T, p *Pool, mode, m, n, k int) {
	t.Helper()
	r := source(uint64(m*7919 + n*104729 + k))
	tA, tB, extra, beta := mode&1 != 0, mode&2 != 0, mode>>2&1*5, float32(mode>>3&1)
	na, lda := stored(tA, m, k, extra)
	nb, ldb := stored(tB, k, n, extra)
	nc, ldc := stored(false, m, n, extra)
	a, b, c := normals(r, na, 1), normals(r, nb, 1), normals(r, nc, 1)
	ah, bh, ch := halvesOfFloats(a), halvesOfFloats(b), halvesOfFloats(c)
	want := gemmNaive(tA, tB, m, n, k, floatsOfHalves(ah), lda, floatsOfHalves(bh), ldb, beta, floatsOfHalves(ch), ldc)
	c = floatsOfHalves(ch)
	tol := 2e-7 * float64(8+k) // as in checkGemm
	for mix := range 8 {
		what := fmt.Sprintf("tA=%v tB=%v m=%d n=%d k=%d beta=%v mix=%d", tA, tB, m, n, k, beta, mix)
		got32, got16 := guardedCopy(t, c), guardedCopy16(t, ch)
		bf, bb := guardedCopy(t, b), guardedCopy16(t, bh)
		switch af, ab := guardedCopy(t, a), guardedCopy16(t, ah); mix {
		case 0:
			GemmBF16(p, tA, tB, m, n, k, ab, lda, bb, ldb, beta, got32, ldc)
		case 1:
			GemmBF16(p, tA, tB, m, n, k, af, lda, bb, ldb, beta, got32, ldc)
		case 2:
			GemmBF16(p, tA, tB, m, n, k, ab, lda, bf, ldb, beta, got32, ldc)
		case 3:
			GemmBF16(p, tA, tB, m, n, k, af, lda, bf, ldb, beta, got32, ldc)
		case 4:
			GemmBF16(p, tA, tB, m, n, k, ab, lda, bb, ldb, beta, got16, ldc)
		case 5:
			GemmBF16(p, tA, tB, m, n, k, af, lda, bb, ldb, beta, got16, ldc)
		case 6:
			GemmBF16(p, tA, tB, m, n, k, ab, lda, bf, ldb, beta, got16, ldc)
		case 7:
			GemmBF16(p, tA, tB, m, n, k, af, lda, bf, ldb, beta, got16, ldc)
		}
		tol := tol
		if mix >= 4 {
			got32 = floatsOfHalves(got16)
			tol += 1.0 / 256 // half of the last of 8 places
		}
		for i := range m {
			if nc > 0 {
				expect(t, fmt.Sprintf("%s row %d", what, i), got32[i*ldc:i*ldc+n], want[i*n:(i+1)*n], tol)
			}
		}
		for i := range nc {
			if i%ldc >= n && math.Float32bits(got32[i]) != math.Float32bits(c[i]) {
				t.Fatalf("%s: wrote between the rows of C", what)
			}
		}
	}
}

func TestGemmBF16(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	forEachPrecision(t, func(t *testing.T) {
		for _, s := range [][3]int{
			{0, 3, 2}, {3, 0, 2}, {3, 2, 0}, {1, 1, 1}, {1, 33, 7}, {7, 1, 33}, {15, 31, 9}, {14, 32, 16}, {33, 33, 33},
			{5, 70, 2*blockWords(panelWidth) + 3}, {113, 66, 20},
			{1, 64, 530}, {3, 70, 40}, {4, 2*rowMost() + 33, 9},
		} {
			for mode := range 16 {
				checkGemmBF16(t, p, mode, s[0], s[1], s[2])
			}
		}
	})
}

func FuzzGemmBF16(f *testing.F) {
	f.Add(uint8(7), uint8(33), uint16(65), uint8(3))
	f.Add(uint8(15), uint8(1), uint16(600), uint8(14))
	f.Fuzz(func(t *testing.T, m, n uint8, k uint16, mode uint8) {
		forEachPrecision(t, func(t *testing.T) { checkGemmBF16(t, nil, int(mode), int(m%120), int(n%80), int(k%1100)) })
	})
}

// A bias is added to what the product without one is, in FP32, and a result of BF16 rounded after that.
func TestGemmBF16Bias(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	forEachPrecision(t, func(t *testing.T) {
		for _, s := range [][3]int{{0, 3, 2}, {3, 0, 2}, {3, 2, 0}, {1, 1, 1}, {1, 70, 33}, {3, 64, 40}, {7, 33, 65}, {130, 97, 530}} {
			m, n, k := s[0], s[1], s[2]
			r := source(uint64(m + n + k))
			a, b := halvesOfFloats(normals(r, m*k, 1)), guardedCopy(t, normals(r, k*n, 1))
			bias := guardedCopy(t, normals(r, n, 1))
			want := make([]float32, m*n)
			GemmBF16(nil, false, false, m, n, k, a, k, b, n, 0, want, n)
			for i := range want {
				want[i] += bias[i%n]
			}
			got32, got16 := guarded(t, m*n), guardedCopy16(t, make([]uint16, m*n))
			GemmBF16Bias(p, false, false, m, n, k, a, k, b, n, bias, got32, n)
			GemmBF16Bias(p, false, false, m, n, k, a, k, b, n, bias, got16, n)
			expectBits(t, fmt.Sprint(s), got32, want)
			expectBits(t, fmt.Sprint(s, " of BF16"), floatsOfHalves(got16), floatsOfHalves(halvesOfFloats(want)))
		}
	})
}

// An element has the same bits whatever the rows beside it, the layouts, the operands'
// types and the threads.
func TestGemmBF16RowsAreIndependent(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	forEachPrecision(t, func(t *testing.T) {
		const m, n, k = 131, 97, 531
		r := source(5)
		a, b := normals(r, m*k, 1), normals(r, k*n, 1)
		at, bt := make([]float32, m*k), make([]float32, k*n)
		transpose(at, m, a, k, m, k)
		transpose(bt, k, b, n, k, n)
		ah, bh, ath, bth := halvesOfFloats(a), halvesOfFloats(b), halvesOfFloats(at), halvesOfFloats(bt)
		whole, half := make([]float32, m*n), make([]uint16, m*n)
		GemmBF16(nil, false, false, m, n, k, ah, k, bh, n, 0, whole, n)
		for _, rows := range []int{1, 2, 3, 13, 14, 15, 60, 131} {
			for from := 0; from+rows <= m; from += max(rows, 40) {
				got := make([]float32, rows*n)
				for name, run := range map[string]func(){
					"as stored":     func() { GemmBF16(p, false, false, rows, n, k, ah[from*k:], k, bh, n, 0, got, n) },
					"of FP32":       func() { GemmBF16(p, false, false, rows, n, k, a[from*k:], k, b, n, 0, got, n) },
					"A transposed":  func() { GemmBF16(p, true, false, rows, n, k, ath[from:], m, bh, n, 0, got, n) },
					"B transposed":  func() { GemmBF16(p, false, true, rows, n, k, ah[from*k:], k, bth, k, 0, got, n) },
					"both, of FP32": func() { GemmBF16(p, true, true, rows, n, k, at[from:], m, bt, k, 0, got, n) },
				} {
					run()
					expectBits(t, fmt.Sprintf("rows %d at %d, %s", rows, from, name), got, whole[from*n:(from+rows)*n])
				}
				GemmBF16(p, false, false, rows, n, k, a[from*k:], k, b, n, 0, half[:rows*n], n)
				expectBits(t, "of BF16", floatsOfHalves(half[:rows*n]), floatsOfHalves(halvesOfFloats(whole[from*n:(from+rows)*n])))
			}
		}
	})
}

// addRounded is x + y to nearest FP32 where y is a product of two BF16 numbers. Their sum
// in FP64 may be rounded itself: then the last place is made odd, so that it cannot be
// rounded as a tie.
func addRounded(x float32, y float64) float32 {
	s := float64(x) + y
	v := s - float64(x)
	if err := (float64(x) - (s - v)) + (y - v); err != 0 && math.Float64bits(s)&1 == 0 {
		s = math.Nextafter(s, math.Inf(int(math.Copysign(1, err))))
	}
	return float32(s)
}

// dotPairs is VDPBF16PS as Intel's manual has it: c, plus the odd product, plus the even
// one, each sum rounded to nearest even; subnormal operands and sums are 0.
func dotPairs(c float32, even, odd [2]uint16) float32 {
	for _, xy := range [][2]uint16{odd, even} {
		x, y := flush(float32OfBF16(xy[0])), flush(float32OfBF16(xy[1]))
		c = flush(addRounded(flush(c), float64(x)*float64(y)))
	}
	return c
}

func flush(x float32) float32 {
	if abs32(x) < 1<<23*math.SmallestNonzeroFloat32 {
		return float32(math.Copysign(0, float64(x)))
	}
	return x
}

// dotPairsAtOnce rounds once where dotPairs rounds twice.
func dotPairsAtOnce(c float32, even, odd [2]uint16) float32 {
	p := float64(flush(float32OfBF16(even[0]))) * float64(flush(float32OfBF16(even[1])))
	q := float64(flush(float32OfBF16(odd[0]))) * float64(flush(float32OfBF16(odd[1])))
	s := p + q
	v := s - p
	if err := (p - (s - v)) + (q - v); err != 0 && math.Float64bits(s)&1 == 0 {
		s = math.Nextafter(s, math.Inf(int(math.Copysign(1, err))))
	}
	return flush(addRounded(flush(c), s))
}

// dotOfCPU is what the instruction does here: what its maker specifies or, where that is not known, what a pair shows that
// has half of c's last place twice.
func dotOfCPU() func(c float32, even, odd [2]uint16) float32 {
	var c [1]float32
	GemmBF16(nil, false, false, 1, 1, 4, []float32{1, 0, 1, 1}, 4, []float32{1, 0, 0x1p-24, 0x1p-24}, 1, 0, c[:], 1)
	if !intel() && c[0] == 1+0x1p-23 {
		return dotPairsAtOnce
	}
	return dotPairs
}

// chain is a row of a product by the instruction's definition.
func chain(dot func(c float32, even, odd [2]uint16) float32, a, b []uint16, n, k int) []float32 {
	c := make([]float32, n)
	for j := range n {
		for kk := 0; kk < k; kk += 2 {
			var odd [2]uint16
			if kk+1 < k {
				odd = [2]uint16{a[kk+1], b[(kk+1)*n+j]}
			}
			c[j] = dot(c[j], [2]uint16{a[kk], b[kk*n+j]}, odd)
		}
	}
	return c
}

// What the arithmetic does, bit by bit: with the instruction, its definition; without it, Gemm of the widened numbers.
func TestBF16Arithmetic(t *testing.T) {
	forEachPrecision(t, func(t *testing.T) {
		var dot func(c float32, even, odd [2]uint16) float32
		if active.bf16 != nil {
			dot = dotOfCPU()
		}
		for _, k := range []int{1, 2, 7, 33, 2*blockWords(panelWidth) + 9} {
			for _, m := range []int{1, fewRows + 1} {
				const n = 37
				r := source(uint64(k))
				a, b := halvesOfFloats(normals(r, m*k, 1)), halvesOfFloats(normals(r, k*n, 1))
				for i := range b {
					if i%11 == 3 {
						b[i] = uint16(i)<<15 | uint16(i%120) // subnormal
					}
				}
				got := make([]float32, m*n)
				GemmBF16(nil, false, false, m, n, k, a, k, b, n, 0, got, n)
				if dot == nil {
					want := make([]float32, m*n)
					Gemm(nil, false, false, m, n, k, floatsOfHalves(a), k, floatsOfHalves(b), n, 0, want, n)
					expectBits(t, "widened", got, want)
					continue
				}
				for i := range m {
					expectBits(t, fmt.Sprintf("m=%d k=%d row %d", m, k, i), got[i*n:(i+1)*n], chain(dot, a[i*k:], b, n, k))
				}
			}
		}
	})
}

func TestGemmBF16AllocatesNothing(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	const m, n, k = 130, 140, 150
	a, b, c, h := make([]float32, m*k), make([]uint16, k*n), make([]float32, m*n), make([]uint16, m*n)
	forEachPrecision(t, func(t *testing.T) {
		if n := testing.AllocsPerRun(5, func() {
			GemmBF16(p, false, false, m, n, k, a, k, b, n, 0, c, n)
			GemmBF16(p, true, true, m, n, k, a, m, b, k, 1, h, n)
		}); n > 0 {
			t.Errorf("%g allocations", n)
		}
	})
}

func TestGemmBF16Panics(t *testing.T) {
	x, h := make([]float32, 6), make([]uint16, 6)
	expectPanic(t, "kernel: gemm: short a", func() { GemmBF16(nil, false, false, 2, 2, 4, h, 4, make([]uint16, 8), 2, 0, x, 2) })
	expectPanic(t, "kernel: gemm: short b", func() { GemmBF16(nil, false, true, 2, 2, 3, h, 3, x, 2, 0, x, 2) })
	expectPanic(t, "kernel: gemm: short c", func() { GemmBF16(nil, false, false, 3, 3, 2, x, 2, h, 3, 0, h, 3) })
	expectPanic(t, "kernel: gemm: short bias", func() { GemmBF16Bias(nil, false, false, 2, 2, 3, h, 3, h, 2, x[:1], x, 2) })
	expectPanic(t, "kernel: gemm: beta is neither 0 nor 1", func() { GemmBF16(nil, false, false, 2, 2, 3, h, 3, h, 2, 0.5, x, 2) })
}
