package engine

import (
	"math"
	"math/rand/v2"
	"testing"

	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

func must(t testing.TB) func(n *gorgonia.Node, err error) *gorgonia.Node {
	return func(n *gorgonia.Node, err error) *gorgonia.Node {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
}

func input(g *gorgonia.ExprGraph, name string, shape ...int) *gorgonia.Node {
	return gorgonia.NewTensor(g, tensor.Float32, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name))
}

// fillInput fills an input with numbers that depend on its name only.
func fillInput(t testing.TB, p *Plan, name string) []float32 {
	t.Helper()
	b, ok := p.Input(name)
	if !ok {
		t.Fatalf("no input %s", name)
	}
	r := rand.New(rand.NewPCG(1, uint64(name[0])))
	for i := range b.F32 {
		b.F32[i] = 0.2 + r.Float32()
	}
	return b.F32
}

// Every kernel for a stock op answers what the op's own Do answers.
func TestStockKernelsAgreeWithDo(t *testing.T) {
	type G = gorgonia.Node
	shape := tensor.Shape{3, 4}
	cases := []struct {
		name string
		make func(x, y *G) (*G, error)
	}{
		{"add", gorgonia.Add}, {"sub", gorgonia.Sub}, {"mul", gorgonia.HadamardProd}, {"div", gorgonia.HadamardDiv}, {"pow", gorgonia.Pow},
		{"gt", func(x, y *G) (*G, error) { return gorgonia.Gt(x, y, true) }},
		{"lte", func(x, y *G) (*G, error) { return gorgonia.Lte(x, y, true) }},
		{"add scalar", func(x, y *G) (*G, error) { return gorgonia.Add(x, gorgonia.NewConstant(float32(2))) }},
		{"scalar sub", func(x, y *G) (*G, error) { return gorgonia.Sub(gorgonia.NewConstant(float32(2)), x) }},
		{"scalar div", func(x, y *G) (*G, error) { return gorgonia.HadamardDiv(gorgonia.NewConstant(float32(2)), x) }},
		{"matmul", func(x, y *G) (*G, error) {
			yt, err := gorgonia.Transpose(y, 1, 0)
			if err != nil {
				return nil, err
			}
			return gorgonia.Mul(x, yt)
		}},
		{"sum all", func(x, _ *G) (*G, error) { return gorgonia.Sum(x) }},
		{"sum 0", func(x, _ *G) (*G, error) { return gorgonia.Sum(x, 0) }},
		{"sum 1", func(x, _ *G) (*G, error) { return gorgonia.Sum(x, 1) }},
		{"mean", func(x, _ *G) (*G, error) { return gorgonia.Mean(x) }},
		{"mean 1", func(x, _ *G) (*G, error) { return gorgonia.Mean(x, 1) }},
		{"max", func(x, _ *G) (*G, error) { return gorgonia.Max(x, 1) }},
		{"transpose", func(x, _ *G) (*G, error) { return gorgonia.Transpose(x, 1, 0) }},
		{"reshape", func(x, _ *G) (*G, error) { return gorgonia.Reshape(x, tensor.Shape{2, 6}) }},
		{"slice 0", func(x, _ *G) (*G, error) { return gorgonia.Slice(x, gorgonia.S(1, 3)) }},
		{"slice 1", func(x, _ *G) (*G, error) { return gorgonia.Slice(x, nil, gorgonia.S(1, 3)) }},
		{"slice one", func(x, _ *G) (*G, error) { return gorgonia.Slice(x, nil, gorgonia.S(2)) }},
		{"concat", func(x, y *G) (*G, error) { return gorgonia.Concat(1, x, y) }},
		{"softmax", func(x, _ *G) (*G, error) { return gorgonia.SoftMax(x) }},
		{"broadcast", func(x, y *G) (*G, error) {
			s, err := gorgonia.Sum(y, 0)
			if err != nil {
				return nil, err
			}
			return gorgonia.BroadcastAdd(x, s, nil, []byte{0})
		}},
	}
	unaries := map[string]func(*G) (*G, error){
		"abs": gorgonia.Abs, "sign": gorgonia.Sign, "ceil": gorgonia.Ceil, "floor": gorgonia.Floor, "sin": gorgonia.Sin, "cos": gorgonia.Cos,
		"exp": gorgonia.Exp, "log": gorgonia.Log, "log2": gorgonia.Log2, "neg": gorgonia.Neg, "square": gorgonia.Square, "sqrt": gorgonia.Sqrt,
		"inverse": gorgonia.Inverse, "inverse sqrt": gorgonia.InverseSqrt, "cube": gorgonia.Cube, "tanh": gorgonia.Tanh,
		"sigmoid": gorgonia.Sigmoid, "log1p": gorgonia.Log1p, "expm1": gorgonia.Expm1, "softplus": gorgonia.Softplus,
	}
	for name, f := range unaries {
		cases = append(cases, struct {
			name string
			make func(x, y *G) (*G, error)
		}{name, func(x, _ *G) (*G, error) { return f(x) }})
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := gorgonia.NewGraph()
			x, y := input(g, "x", shape...), input(g, "y", shape...)
			out := must(t)(c.make(x, y))
			p, err := Compile(g, gorgonia.Nodes{out}, Options{Capacity: shape[0]})
			if err != nil {
				t.Fatal(err)
			}
			for name := range p.inputs {
				fillInput(t, p, name)
			}
			if err := p.Run(&Run{Rows: shape[0]}); err != nil {
				t.Fatal(err)
			}
			got, _ := p.Buffer(out)
			want := doGraph(t, p, out)
			if len(got.F32) != len(want) {
				t.Fatalf("got %d values, want %d", len(got.F32), len(want))
			}
			for i := range want {
				// Gorgonia computes in float32 with a math package of its own; a few units in the last place apart.
				if math.Abs(float64(got.F32[i]-want[i])) > 1e-5*(1+math.Abs(float64(want[i]))) {
					t.Fatalf("value %d: got %v, want %v", i, got.F32[i], want[i])
				}
			}
		})
	}
}

// doGraph computes a node by every op's own Do.
func doGraph(t *testing.T, p *Plan, n *gorgonia.Node) []float32 {
	memo := map[*value]gorgonia.Value{}
	var do func(v *value) gorgonia.Value
	do = func(v *value) gorgonia.Value {
		if x, ok := memo[v]; ok {
			return x
		}
		var x gorgonia.Value
		if v.leaf {
			if x = v.box; x == nil {
				x = valueOf(v.node, v.buf)
			}
		} else {
			var in []gorgonia.Value
			for _, k := range v.kids {
				in = append(in, do(k))
			}
			var err error
			if x, err = v.node.Op().Do(in...); err != nil {
				t.Fatal(err)
			}
		}
		memo[v] = x
		return x
	}
	v := p.values[n]
	b, err := bufferOf(do(v), v.shape)
	if err != nil {
		t.Fatal(err)
	}
	return b.F32
}
