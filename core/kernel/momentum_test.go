package kernel

import (
	"math"
	"testing"
)

func TestMomentum(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	forEachISA(t, func(t *testing.T) {
		for _, n := range append(oddSizes, pieceWork+3) {
			for _, nesterov := range []bool{false, true} {
				r := source(uint64(n))
				w, m, g := guardedCopy(t, normals(r, n, 1)), guardedCopy(t, normals(r, n, 1)), guardedCopy(t, normals(r, n, 1))
				ww, mm, gg := wide(w), wide(m), wide(g)
				for i := range ww {
					x := 0.25 * gg[i]
					mm[i] = 0.9*mm[i] + x
					gg[i] = mm[i]
					if nesterov {
						gg[i] = x + 0.9*mm[i]
					}
					ww[i] = 0.75*ww[i] - 0.125*gg[i]
				}
				Momentum{Momentum: 0.9, Nesterov: nesterov, GradScale: 0.25}.Step(p, g, m)
				Descend(p, w, g, 0.75, 0.125)
				// Constants, products and sums, of numbers below 4: no more than 8 roundings.
				expect(t, "m", m, mm, 8*rounding)
				expect(t, "direction", g, gg, 8*rounding)
				expect(t, "w", w, ww, 8*rounding)
			}
		}
	})
}

func TestLion(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	forEachISA(t, func(t *testing.T) {
		for _, n := range append(oddSizes, 256, 257, pieceWork+3) {
			r := source(uint64(n))
			w, m, g := guardedCopy(t, normals(r, n, 1)), guardedCopy(t, normals(r, n, 1)), normals(r, n, 1)
			for i := 0; i < n; i += 3 { // signs of zeros of either sign
				m[i], g[i] = 0, float32(math.Copysign(0, float64(i%2)-0.5))
			}
			ww, mm := wide(w), wide(m)
			for i := range ww {
				x := 0.5 * float64(g[i])
				c := 0.75*mm[i] + 0.25*x
				sign := 0.0
				if c != 0 {
					sign = math.Copysign(1, c)
				}
				ww[i] -= 0.125 * (sign + 0.5*ww[i])
				mm[i] = 0.875*mm[i] + 0.125*x
			}
			Lion{LR: 0.125, Beta1: 0.75, Beta2: 0.875, WeightDecay: 0.5, GradScale: 0.5}.Step(p, w, g, m)
			expect(t, "w", w, ww, 8*rounding)
			expect(t, "m", m, mm, 8*rounding)
		}
	})
}

func TestOrthogonalize(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	forEachISA(t, func(t *testing.T) {
		for _, s := range [][2]int{{1, 1}, {1, 9}, {7, 7}, {7, 33}, {33, 7}, {65, 40}} {
			r, c := s[0], s[1]
			x := guardedCopy(t, normals(source(uint64(97*r+c)), r*c, 3))
			want := orthogonalized(wide(x), r, c)
			Orthogonalize(p, x, r, c)
			// The quintic's slope at small singular values is 3.44 a step: rounding grows by up to 3.44⁵, about 500.
			expect(t, "orthogonal", x, want, 1e-4)
		}
		zero := make([]float32, 12)
		Orthogonalize(p, zero, 3, 4)
		expect(t, "zero", zero, make([]float64, 12), 0)
	})
}

// orthogonalized is Orthogonalize as its definition reads, with the matrix turned so that it has no more rows than columns.
func orthogonalized(x []float64, r, c int) []float64 {
	norm := 0.0
	for _, v := range x {
		norm += v * v
	}
	at := func(i, j int) int { return i*c + j }
	k, n := r, c
	if r > c {
		at = func(i, j int) int { return j*c + i }
		k, n = c, r
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = v / (math.Sqrt(norm) + 1e-7)
	}
	for range 5 {
		a, b := make([]float64, k*k), make([]float64, k*k)
		for i := range k {
			for j := range k {
				for l := range n {
					a[i*k+j] += y[at(i, l)] * y[at(j, l)]
				}
			}
		}
		for i := range k {
			for j := range k {
				b[i*k+j] = -4.7750 * a[i*k+j]
				for l := range k {
					b[i*k+j] += 2.0315 * a[i*k+l] * a[l*k+j]
				}
			}
		}
		z := make([]float64, len(y))
		for i := range k {
			for j := range n {
				z[at(i, j)] = 3.4445 * y[at(i, j)]
				for l := range k {
					z[at(i, j)] += b[i*k+l] * y[at(l, j)]
				}
			}
		}
		y = z
	}
	return y
}

// Without gradients a momentum ends at 0 and not among the subnormal numbers.
func TestMomentaDecayToZero(t *testing.T) {
	const n = 33
	w, g, m, l := make([]float32, n), make([]float32, n), make([]float32, n), make([]float32, n)
	for i := range m {
		m[i], l[i] = 1e-37, -1e-37
	}
	for range 100 {
		clear(g)
		Momentum{Momentum: 0.9, GradScale: 1}.Step(nil, g, m)
		clear(g)
		Lion{LR: 1e-3, Beta1: 0.9, Beta2: 0.9, GradScale: 1}.Step(nil, w, g, l)
	}
	for i := range m {
		if m[i] != 0 || l[i] != 0 {
			t.Fatalf("element %d: %g and %g, want 0", i, m[i], l[i])
		}
	}
}
