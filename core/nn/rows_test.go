package nn_test

import (
	"math"
	"testing"

	"github.com/archlab/archlab/core/nn"
	"github.com/archlab/archlab/core/nn/nntest"
)

// rowwise is a reference that maps each row of "x" by itself.
func rowwise(d int, f func(v nntest.Values, x []float64) []float64) func(nntest.Values) []float64 {
	return func(v nntest.Values) (y []float64) {
		for i := range v.Rows {
			y = append(y, f(v, v.F["x"][i*d:(i+1)*d])...)
		}
		return y
	}
}

func TestLinear(t *testing.T) {
	for _, bias := range []bool{false, true} {
		for _, n := range []int{1, 7, 33} {
			const in, out = 9, 5
			c := nntest.Case{
				Segments: nntest.Segments(n),
				Params:   []nntest.Tensor{nntest.Rows("x", in), {Name: "w", Shape: []int{out, in}}},
				Build: func(g *nn.Graph, p nntest.Nodes) *nn.Node {
					return nn.Linear(p["x"], p["w"], p["b"])
				},
				Reference: rowwise(in, func(v nntest.Values, x []float64) []float64 {
					y := make([]float64, out)
					for o := range y {
						if bias {
							y[o] = v.F["b"][o]
						}
						for i := range x {
							y[o] += v.F["w"][o*in+i] * x[i]
						}
					}
					return y
				}),
			}
			if bias {
				c.Params = append(c.Params, nntest.Tensor{Name: "b", Shape: []int{out}})
			}
			c.Check(t)
		}
	}
}

// A bias in front of an activation takes its gradient from the activation's.
func TestBiasOfActivation(t *testing.T) {
	for _, c := range []struct {
		name string
		f    func(x *nn.Node) *nn.Node
		ref  func(x float64) float64
	}{
		{"gelu", nn.GELU, func(x float64) float64 {
			return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
		}},
		{"squared_relu", nn.SquaredReLU, func(x float64) float64 { return max(x, 0) * max(x, 0) }},
		{"sigmoid", nn.Sigmoid, func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			const in, out = 3, 17
			nntest.Case{
				Segments: nntest.Segments(70, 3), // more than one block of rows
				Params:   []nntest.Tensor{nntest.Rows("x", in), {Name: "w", Shape: []int{out, in}}, {Name: "b", Shape: []int{out}}},
				Build: func(g *nn.Graph, p nntest.Nodes) *nn.Node {
					return c.f(nn.Linear(p["x"], p["w"], p["b"]))
				},
				Reference: rowwise(in, func(v nntest.Values, x []float64) []float64 {
					y := make([]float64, out)
					for o := range y {
						y[o] = v.F["b"][o]
						for i := range x {
							y[o] += v.F["w"][o*in+i] * x[i]
						}
						y[o] = c.ref(y[o])
					}
					return y
				}),
			}.Check(t)
		})
	}
}

func normRow(x, gain []float64, eps float64) []float64 {
	s := 0.0
	for _, v := range x {
		s += v * v
	}
	y := make([]float64, len(x))
	for i, v := range x {
		y[i] = gain[i] * v / math.Sqrt(s/float64(len(x))+eps)
	}
	return y
}

func TestRMSNorm(t *testing.T) {
	for _, d := range []int{1, 7, 33} {
		nntest.Case{
			Segments: nntest.Segments(70, 3), // more than one block of rows
			Params:   []nntest.Tensor{nntest.Rows("x", d), {Name: "gain", Shape: []int{d}}},
			Build: func(g *nn.Graph, p nntest.Nodes) *nn.Node {
				return nn.RMSNorm(p["x"], p["gain"], 0.01)
			},
			Reference: rowwise(d, func(v nntest.Values, x []float64) []float64 {
				return normRow(x, v.F["gain"], 0.01)
			}),
		}.Check(t)
	}
}

func TestLayerNorm(t *testing.T) {
	for _, bias := range []bool{false, true} {
		for _, d := range []int{2, 7, 33} {
			c := nntest.Case{
				Segments: nntest.Segments(9),
				Params:   []nntest.Tensor{nntest.Rows("x", d), {Name: "gain", Shape: []int{d}}},
				Build: func(g *nn.Graph, p nntest.Nodes) *nn.Node {
					return nn.LayerNorm(p["x"], p["gain"], p["bias"], 0.01)
				},
				Reference: rowwise(d, func(v nntest.Values, x []float64) []float64 {
					mean := 0.0
					for _, e := range x {
						mean += e / float64(d)
					}
					centred := make([]float64, d)
					for i, e := range x {
						centred[i] = e - mean
					}
					y := normRow(centred, v.F["gain"], 0.01)
					for i := range y {
						if bias {
							y[i] += v.F["bias"][i]
						}
					}
					return y
				}),
			}
			if bias {
				c.Params = append(c.Params, nntest.Tensor{Name: "bias", Shape: []int{d}})
			}
			c.Check(t)
		}
	}
}

func TestHeadNorm(t *testing.T) {
	for _, h := range []struct{ heads, kv, k int }{{1, 1, 4}, {4, 2, 3}, {6, 1, 5}} {
		w := (h.heads + 2*h.kv) * h.k
		nntest.Case{
			Segments: nntest.Segments(7),
			Params:   []nntest.Tensor{nntest.Rows("x", w), {Name: "q", Shape: []int{h.k}}, {Name: "k", Shape: []int{h.k}}},
			Build: func(g *nn.Graph, p nntest.Nodes) *nn.Node {
				return nn.HeadNorm(p["x"], p["q"], p["k"], h.heads, h.kv, 0.01)
			},
			Reference: rowwise(w, func(v nntest.Values, x []float64) (y []float64) {
				for i := 0; i < w; i += h.k {
					head := x[i : i+h.k]
					switch {
					case i < h.heads*h.k:
						head = normRow(head, v.F["q"], 0.01)
					case i < (h.heads+h.kv)*h.k:
						head = normRow(head, v.F["k"], 0.01)
					}
					y = append(y, head...)
				}
				return y
			}),
		}.Check(t)
	}
}

func TestActivations(t *testing.T) {
	sigmoid := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	for _, a := range []struct {
		name string
		op   func(*nn.Node) *nn.Node
		f    func(float64) float64
	}{
		{"gelu", nn.GELU, func(x float64) float64 {
			return 0.5 * x * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(x+0.044715*x*x*x)))
		}},
		{"silu", nn.SiLU, func(x float64) float64 { return x * sigmoid(x) }},
		{"squared relu", nn.SquaredReLU, func(x float64) float64 { return max(x, 0) * max(x, 0) }},
		{"sigmoid", nn.Sigmoid, sigmoid},
		{"softplus", nn.Softplus, func(x float64) float64 { return math.Log1p(math.Exp(x)) }},
		{"scale", func(x *nn.Node) *nn.Node { return nn.Scale(x, -1.75) }, func(x float64) float64 { return -1.75 * x }},
	} {
		t.Run(a.name, func(t *testing.T) {
			const d = 7
			nntest.Case{
				Params: []nntest.Tensor{{Name: "x", Shape: []int{nntest.PerRow, d}, Values: nntest.Between(-6, 6)}},
				Build:  func(g *nn.Graph, p nntest.Nodes) *nn.Node { return a.op(p["x"]) },
				Reference: rowwise(d, func(_ nntest.Values, x []float64) (y []float64) {
					for _, e := range x {
						y = append(y, a.f(e))
					}
					return y
				}),
			}.Check(t)
		})
	}
}

func TestGates(t *testing.T) {
	const f = 5
	silu := func(x float64) float64 { return x / (1 + math.Exp(-x)) }
	nntest.Case{
		Params: []nntest.Tensor{nntest.Rows("x", 2*f)},
		Build:  func(g *nn.Graph, p nntest.Nodes) *nn.Node { return nn.SwiGLU(p["x"]) },
		Reference: rowwise(2*f, func(_ nntest.Values, x []float64) (y []float64) {
			for i := range f {
				y = append(y, silu(x[i])*x[f+i])
			}
			return y
		}),
	}.Check(t)
	pairs := []nntest.Tensor{nntest.Rows("x", f), nntest.Rows("z", f)}
	for _, c := range []struct {
		name string
		op   func(x, z *nn.Node) *nn.Node
		f    func(x, z float64) float64
	}{
		{"gate", nn.GateSiLU, func(x, z float64) float64 { return x * silu(z) }},
		{"add", nn.Add, func(x, z float64) float64 { return x + z }},
		{"mul", nn.Mul, func(x, z float64) float64 { return x * z }},
	} {
		t.Run(c.name, func(t *testing.T) {
			nntest.Case{
				Params: pairs,
				Build:  func(g *nn.Graph, p nntest.Nodes) *nn.Node { return c.op(p["x"], p["z"]) },
				Reference: func(v nntest.Values) (y []float64) {
					for i, x := range v.F["x"] {
						y = append(y, c.f(x, v.F["z"][i]))
					}
					return y
				},
			}.Check(t)
		})
	}
}

// A value with several readers has the sum of their gradients, also where a reader passes its own on without a copy and
// another overwrites it in place.
func TestSharedValue(t *testing.T) {
	const d = 6
	nntest.Case{
		Params: []nntest.Tensor{nntest.Rows("x", d), {Name: "gain", Shape: []int{d}}},
		Build: func(g *nn.Graph, p nntest.Nodes) *nn.Node {
			h := nn.Scale(p["x"], 2)
			return nn.Add(h, nn.Add(nn.RMSNorm(h, p["gain"], 0.01), nn.GELU(nn.Scale(h, 0.5))))
		},
		Reference: rowwise(d, func(v nntest.Values, x []float64) []float64 {
			h := make([]float64, d)
			for i := range x {
				h[i] = 2 * x[i]
			}
			y := normRow(h, v.F["gain"], 0.01)
			for i, e := range x {
				y[i] += h[i] + 0.5*e*(1+math.Tanh(math.Sqrt(2/math.Pi)*(e+0.044715*e*e*e)))
			}
			return y
		}),
	}.Check(t)
}

func TestColumns(t *testing.T) {
	const d = 7
	nntest.Case{
		Params: []nntest.Tensor{nntest.Rows("x", d)},
		Build: func(g *nn.Graph, p nntest.Nodes) *nn.Node {
			s := nn.Split(p["x"], 2, 1, 4)
			return nn.Concat(s[2], nn.Mul(s[0], s[0]), s[1], s[2])
		},
		Reference: rowwise(d, func(_ nntest.Values, x []float64) (y []float64) {
			y = append(y, x[3:]...)
			y = append(y, x[0]*x[0], x[1]*x[1], x[2])
			return append(y, x[3:]...)
		}),
	}.Check(t)
}
