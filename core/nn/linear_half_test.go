package nn_test

import (
	"testing"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"github.com/archlab/archlab/core/nn"
	"gorgonia.org/gorgonia"
)

// In BF16 a linear layer, with a bias too, is the kernel's own product of 16-bit activations: weights are rounded and the
// result is once, bit by bit.
func TestLinearTakesBF16AsItLies(t *testing.T) {
	const rows, in, out = 7, 33, 10
	for _, biased := range []bool{false, true} {
		g := nn.NewGraph(rows, nn.Training)
		x := nn.Embedding(g.Param("table", nn.Normal(1), rows, in), g.Tokens())
		w := g.Param("w", nn.Normal(1), out, in)
		var bias *nn.Node
		if biased {
			bias = g.Param("bias", nn.Normal(1), out)
		}
		y := nn.Linear(x, w, bias)
		sum := nn.Add(y, y)
		var specs []engine.ParamSpec
		for _, p := range g.Params() {
			specs = append(specs, engine.ParamSpec{Name: p.Name, Shape: p.Shape})
		}
		params, err := engine.NewParams(specs)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range g.Params() {
			p.Fill(1, params.Get(p.Name).W)
		}
		plan, err := engine.Compile(g.Expr(), gorgonia.Nodes{sum}, engine.Options{Params: params, Capacity: rows, Precision: engine.BF16})
		if err != nil {
			t.Fatal(err)
		}
		tokens, _ := plan.Input("tokens")
		for i := range tokens.I32 {
			tokens.I32[i] = int32(i)
		}
		if err := plan.Run(&engine.Run{Rows: rows, Segments: []kernel.Segment{{Len: rows}}}); err != nil {
			t.Fatal(err)
		}
		var b []float32
		if biased {
			b = params.Get("bias").W
		}
		half, want := make([]uint16, rows*out), make([]float32, rows*out)
		kernel.GemmBF16Bias(nil, false, true, rows, out, in, params.Get("table").W, in, params.Get("w").W, in, b, half, out)
		kernel.WidenBF16(nil, want, half)
		got, _ := plan.Buffer(sum)
		for i, v := range got.F32 {
			if v != 2*want[i] {
				t.Fatalf("biased=%v: element %d is %g, want %g", biased, i, v, 2*want[i])
			}
		}
	}
}
