package kernel

import (
	"fmt"
	"math"
	"testing"
)

// The sizes around one and two vectors of either width.
var oddSizes = []int{0, 1, 7, 8, 9, 15, 16, 17, 31, 33, 100, 257}

// ulps is the distance of got from want in units in the last place of want.
func ulps(got float32, want float64) float64 {
	w := float32(want)
	if float64(got) == want || got == w {
		return math.Abs(float64(got)-want) / ulp(w)
	}
	return math.Abs(float64(got)-want) / ulp(w)
}

func ulp(x float32) float64 {
	x = abs32(x)
	return float64(math.Nextafter32(x, float32(math.Inf(1)))) - float64(x)
}

// sweep returns floats from lo to hi, dense and irregular.
func sweep(lo, hi float64, n int) []float32 {
	x := make([]float32, n)
	for i := range x {
		x[i] = float32(lo + (hi-lo)*(float64(i)+0.37*math.Sin(float64(i)))/float64(n))
	}
	return x
}

func TestExpError(t *testing.T) {
	forEachISA(t, func(t *testing.T) {
		limit := 1.0
		if active.name == "generic" {
			limit = 1.2 // rounds twice where the others fuse
		}
		for _, c := range []struct{ lo, hi, limit float64 }{
			{-87.2, 88.7, limit}, // everything that is neither 0 nor +Inf
			{-1, 1, 1},           // where softmax's weights are
		} {
			x := sweep(c.lo, c.hi, 40000)
			y := make([]float32, len(x))
			active.expInto(y, x, 1, 0)
			worst := 0.0
			for i, v := range x {
				worst = max(worst, ulps(y[i], math.Exp(float64(v))))
			}
			if worst > c.limit {
				t.Errorf("exp on [%g,%g] is off by up to %.2f ulp, want at most %g", c.lo, c.hi, worst, c.limit)
			}
			t.Logf("exp on [%g,%g]: %.2f ulp", c.lo, c.hi, worst)
		}
	})
}

func TestExpSpecial(t *testing.T) {
	inf := float32(math.Inf(1))
	forEachISA(t, func(t *testing.T) {
		x := []float32{0, -inf, inf, -200, 200, 89, -87.4, float32(math.Copysign(0, -1))}
		want := []float32{1, 0, inf, 0, inf, inf, 0, 1}
		y := make([]float32, len(x))
		active.expInto(y, x, 1, 0)
		expectBits(t, "exp", y, want)
		// NaN stays NaN, in full vectors and in tails.
		for _, n := range []int{1, 16, 17} {
			x, y := make([]float32, n), make([]float32, n)
			x[n-1] = float32(math.NaN())
			if s := active.expInto(y, x, 1, 0); y[n-1] == y[n-1] || s == s {
				t.Errorf("exp(NaN) = %g, sum %g", y[n-1], s)
			}
		}
	})
}

var activationCases = []struct {
	name     string
	forward  func(p *Pool, y, x []float32)
	backward func(p *Pool, dx, dy, x []float32)
	naive    func(x float64) float64
	ulps     float64 // largest error on [-20,20]
}{
	// gelu and silu of very negative x are products of x and a tiny sigmoid, whose
	// argument carries a rounding error of up to 20·2^-24 or so.
	{"gelu", GELU, GELUBackward, func(x float64) float64 {
		return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
	}, 0},
	{"silu", SiLU, SiLUBackward, func(x float64) float64 { return x / (1 + math.Exp(-x)) }, 4},
	{"squared relu", SquaredReLU, SquaredReLUBackward, func(x float64) float64 { return math.Max(x, 0) * math.Max(x, 0) }, 1},
	{"sigmoid", Sigmoid, SigmoidBackward, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }, 4},
	{"softplus", Softplus, SoftplusBackward, func(x float64) float64 { return math.Max(x, 0) + math.Log1p(math.Exp(-math.Abs(x))) }, 4},
}

func TestActivations(t *testing.T) {
	p := NewPool(2)
	defer p.Close()
	forEachISA(t, func(t *testing.T) {
		for _, c := range activationCases {
			x := sweep(-20, 20, 5001)
			y := guarded(t, len(x))
			c.forward(p, y, x)
			worst := 0.0
			for i, v := range x {
				want := c.naive(float64(v))
				if math.Abs(float64(y[i])-want) > 1e-6*(1+math.Abs(want)) {
					t.Fatalf("%s(%g) = %g, want %g", c.name, v, y[i], want)
				}
				if want != 0 {
					worst = max(worst, ulps(y[i], want))
				}
			}
			if c.ulps > 0 && worst > c.ulps {
				t.Errorf("%s is off by up to %.2f ulp, want at most %g", c.name, worst, c.ulps)
			}
			t.Logf("%s on [-20,20]: %.2f ulp", c.name, worst)

			for _, n := range oddSizes {
				r := source(uint64(n))
				x, dy := normals(r, n, 2), normals(r, n, 1)
				dx := guarded(t, n)
				c.backward(p, dx, dy, x)
				expectGradient(t, []string{c.name + " dx"}, [][]float32{dx}, [][]float64{wide(x)}, dy, func(in [][]float64) []float64 {
					y := make([]float64, n)
					for i, v := range in[0] {
						y[i] = c.naive(v)
					}
					return y
				}, 3e-6)
				// In place.
				want := append([]float32(nil), dx...)
				c.backward(p, dy, dy, x)
				expectBits(t, c.name+" in place", dy, want)
			}
		}
	})
}

func TestElementwise(t *testing.T) {
	forEachISA(t, func(t *testing.T) {
		for _, n := range append(oddSizes, 3*pieceWork+5) {
			r := source(uint64(n))
			x, y := normals(r, n, 1), normals(r, n, 1)
			for _, c := range []struct {
				name string
				run  func(out []float32)
				want func(i int) float64
			}{
				{"add", func(out []float32) { Add(nil, out, x, y) }, func(i int) float64 { return float64(x[i]) + float64(y[i]) }},
				{"mul", func(out []float32) { Mul(nil, out, x, y) }, func(i int) float64 { return float64(x[i]) * float64(y[i]) }},
				{"scale", func(out []float32) { Scale(nil, out, x, -2.5) }, func(i int) float64 { return float64(x[i]) * -2.5 }},
				{"add into", func(out []float32) { copy(out, y); AddInto(nil, out, x) }, func(i int) float64 { return float64(x[i]) + float64(y[i]) }},
			} {
				out, want := guarded(t, n), make([]float32, n)
				c.run(out)
				for i := range want {
					want[i] = float32(c.want(i)) // one rounding, on every path
				}
				expectBits(t, c.name, out, want)
			}
		}
	})
}

func TestLaneSums(t *testing.T) {
	forEachISA(t, func(t *testing.T) {
		for _, n := range oddSizes {
			x := guardedCopy(t, normals(source(uint64(n)), n*active.sumLanes, 1))
			out, want := guarded(t, n), make([]float64, n)
			for i, v := range x {
				want[i/active.sumLanes] += float64(v)
			}
			active.laneSums(out, x)
			expect(t, "lane sums", out, want, 1e-6)
		}
	})
}

// Each reduction against float64 on all sizes; the largest element at each place.
func TestReductions(t *testing.T) {
	forEachISA(t, func(t *testing.T) {
		for _, n := range oddSizes {
			r := source(uint64(n))
			x, y, z := guardedCopy(t, normals(r, n, 1)), guardedCopy(t, normals(r, n, 1)), guardedCopy(t, normals(r, n, 1))
			var sum, dot, dot3, exps float64
			for i := range n {
				sum += float64(x[i])
				dot += float64(x[i]) * float64(y[i])
				dot3 += float64(x[i]) * float64(y[i]) * float64(z[i])
				exps += math.Exp(float64(x[i]) - 0.5)
			}
			got := []float32{active.sum(x), active.dot(x, y), active.dot3(x, y, z), active.sumExp(x, 0.5)}
			expect(t, fmt.Sprintf("sum, dot, dot3, sumExp of %d", n), got, []float64{sum, dot, dot3, exps}, 1e-5)
			if !active.finite(x) {
				t.Errorf("%d finite numbers called not finite", n)
			}
			for i := range n {
				old := x[i]
				x[i] = 1e3
				if m := active.max(x); m != 1e3 {
					t.Errorf("max of %d = %g, want the element %d", n, m, i)
				}
				for _, bad := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
					x[i] = float32(bad)
					if active.finite(x) {
						t.Errorf("%d numbers with %g at %d called finite", n, bad, i)
					}
				}
				x[i] = old
			}
			for i := range x {
				x[i] = -1e30 - float32(i)
			}
			if m := active.max(x); n > 0 && m != x[0] || n == 0 && m != negInf {
				t.Errorf("max of %d very negative numbers = %g", n, m)
			}
		}
	})
}

func TestSumSquares(t *testing.T) {
	p := NewPool(3)
	defer p.Close()
	forEachISA(t, func(t *testing.T) {
		for _, n := range append(oddSizes, 3*reduceBlock+11) {
			x := normals(source(uint64(n)), n, 1)
			want := 0.0
			for _, v := range x {
				want += float64(v) * float64(v)
			}
			got := SumSquares(p, x)
			// Lanes of at most 1024 float32 sums; the rest is float64.
			if math.Abs(got-want) > 2e-6*want {
				t.Errorf("SumSquares of %d = %g, want %g", n, got, want)
			}
			if serial := SumSquares(nil, x); serial != got {
				t.Errorf("SumSquares of %d: %g on one thread, %g on three", n, serial, got)
			}
			if !AllFinite(p, x) {
				t.Errorf("AllFinite of %d finite numbers is false", n)
			}
			if n > 0 {
				x[n-1] = float32(math.Inf(-1))
				if AllFinite(p, x) {
					t.Errorf("AllFinite of %d numbers with -Inf last is true", n)
				}
			}
		}
	})
}

func TestGates(t *testing.T) {
	silu := func(v float64) float64 { return v / (1 + math.Exp(-v)) }
	forEachISA(t, func(t *testing.T) {
		for _, c := range [][2]int{{0, 3}, {1, 1}, {3, 7}, {5, 33}, {2, 64}} {
			m, f := c[0], c[1]
			r := source(9)
			in, dy := normals(r, 2*m*f, 1), normals(r, m*f, 1)
			naive := func(in [][]float64) []float64 {
				y := make([]float64, m*f)
				for i := range m {
					for j := range f {
						y[i*f+j] = silu(in[0][2*i*f+j]) * in[0][(2*i+1)*f+j]
					}
				}
				return y
			}
			y, dx := guarded(t, m*f), guarded(t, 2*m*f)
			SwiGLU(nil, y, in, m, f)
			expect(t, "swiglu", y, naive([][]float64{wide(in)}), 1e-6)
			SwiGLUBackward(nil, dx, dy, in, m, f)
			expectGradient(t, []string{"swiglu"}, [][]float32{dx}, [][]float64{wide(in)}, dy, naive, 3e-6)

			n := m * f
			x, z := in[:n], in[n:]
			gx, gz := guarded(t, n), guarded(t, n)
			naive2 := func(in [][]float64) []float64 {
				y := make([]float64, n)
				for i := range y {
					y[i] = in[0][i] * silu(in[1][i])
				}
				return y
			}
			SiLUGate(nil, y, x, z, n)
			expect(t, "gate", y, naive2([][]float64{wide(x), wide(z)}), 1e-6)
			SiLUGateBackward(nil, gx, gz, dy, x, z, n)
			expectGradient(t, []string{"gate dx", "gate dz"}, [][]float32{gx, gz}, [][]float64{wide(x), wide(z)}, dy, naive2, 3e-6)
		}
	})
}
