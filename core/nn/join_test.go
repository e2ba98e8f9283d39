package nn_test

import (
	"testing"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/nn"
	"github.com/archlab/archlab/core/nn/nntest"
	"gorgonia.org/gorgonia"
)

// The residual stream of a decoder is added to and normed in one pass, in both directions, and a bias in front of an activation
// takes its gradient from the activation's pass.
func TestDecoderJoinsPasses(t *testing.T) {
	const vocab, context, rows, layers = 7, 16, 12, 3
	for _, c := range []nn.DecoderConfig{
		{Width: 8, Layers: layers, Heads: 2, MLP: "gelu", FFWidth: 12, Norm: "layernorm", Positions: "learned", Bias: true, Tied: true},
		{Width: 8, Layers: layers, Heads: 2, MLP: "squared_relu", FFWidth: 12, Norm: "rmsnorm", Positions: "learned", Bias: true, Tied: true},
	} {
		c, err := c.Resolve(context)
		if err != nil {
			t.Fatal(err)
		}
		g := nn.NewGraph(rows, nn.Training)
		total := decoderLoss(g, c, vocab, context)
		var specs []engine.ParamSpec
		var names []string
		var nodes []*nn.Node
		for _, p := range g.Params() {
			specs = append(specs, engine.ParamSpec{Name: p.Name, Shape: p.Shape})
			names, nodes = append(names, p.Name), append(nodes, p.Node)
		}
		params, err := engine.NewParams(specs)
		if err != nil {
			t.Fatal(err)
		}
		params.Train()
		grads, backward, err := engine.Differentiate(total, names, nodes)
		if err != nil {
			t.Fatal(err)
		}
		pl, err := engine.Compile(g.Expr(), gorgonia.Nodes{total}, engine.Options{Params: params, Capacity: rows, Grads: grads, Backward: backward})
		if err != nil {
			t.Fatal(err)
		}
		if err := pl.Run(&engine.Run{Rows: rows, Segments: nntest.Segments(rows)}); err != nil {
			t.Fatal(err)
		}
		s := engine.Stats{}
		pl.Profile(s, false)
		// Two branches a layer. The embedding's sum is the first that a norm follows, and nothing is added to the last norm's
		// gradient. Of four biases a layer, one stands in front of an activation.
		for op, want := range map[string]int64{
			"add": 0, "add+" + c.Norm: 2*layers + 1, c.Norm: 0,
			c.Norm + ".backward": 1, c.Norm + ".backward+add": 2 * layers,
			"columnsums": 3 * layers,
		} {
			if got := s[op].Calls; got != want {
				t.Errorf("%s: %d steps are %s, want %d", c.Norm, got, op, want)
			}
		}
	}
}
