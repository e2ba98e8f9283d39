package nn_test

import (
	"fmt"
	"math"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"github.com/archlab/archlab/core/nn"
	"gorgonia.org/gorgonia"
)

// A whole model in a few lines, its gradients, and ten steps of gradient descent on one sequence.
func Example() {
	const vocab, width, rows = 5, 8, 4
	g := nn.NewGraph(rows, nn.Training)
	table := g.Param("embed.weight", nn.Normal(0.1), vocab, width)
	x := nn.Embedding(table, g.Tokens()) // [M,D]
	attention := nn.SelfAttention{
		AttentionConfig: nn.AttentionConfig{Heads: 2, KVHeads: 1, Width: 4},
		Theta:           10000,
		Init:            nn.FanIn(),
		Out:             nn.FanIn(),
	}
	norm := nn.Norm{Kind: "rmsnorm"}
	x = nn.Residual(g, "attention_norm", norm, x, func(x *nn.Node) *nn.Node {
		return attention.Forward(g, "attention", x)
	})
	loss := nn.Loss(g, nn.Output{Hidden: norm.Forward(g, "norm", x), Projection: table})

	var specs []engine.ParamSpec
	var wrt gorgonia.Nodes
	for _, p := range g.Params() {
		fmt.Println(p.Name, p.Shape)
		specs = append(specs, engine.ParamSpec{Name: p.Name, Shape: p.Shape})
		wrt = append(wrt, p.Node)
	}
	grads, err := gorgonia.Grad(loss.Total, wrt...)
	if err != nil {
		fmt.Println(err)
		return
	}
	params, err := engine.NewParams(specs)
	if err != nil {
		fmt.Println(err)
		return
	}
	params.Train()
	opts := engine.Options{Params: params, Capacity: rows}
	for i, p := range g.Params() {
		p.Fill(1, params.Get(p.Name).W)
		opts.Grads = append(opts.Grads, engine.Gradient{Param: p.Name, Node: grads[i]})
	}
	plan, err := engine.Compile(g.Expr(), gorgonia.Nodes{loss.Total}, opts)
	if err != nil {
		fmt.Println(err)
		return
	}
	for name, values := range map[string][]int32{"tokens": {3, 1, 4, 1}, "targets": {1, 4, 1, 2}} {
		in, _ := plan.Input(name)
		copy(in.I32, values)
	}
	weights, _ := plan.Input("weights")
	copy(weights.F32, []float32{0.25, 0.25, 0.25, 0.25}) // the mean over the rows

	run := engine.Run{Rows: rows, Segments: []kernel.Segment{{Len: rows}}}
	out, _ := plan.Buffer(loss.Total)
	var first float32
	for step := range 10 {
		if err := plan.Run(&run); err != nil {
			fmt.Println(err)
			return
		}
		if step == 0 {
			first = out.F32[0]
		}
		for _, p := range params.All() {
			for i, g := range p.Grad {
				p.W[i] -= 0.5 * g
			}
		}
	}
	fmt.Println("starts near ln 5:", math.Abs(float64(first)-math.Log(5)) < 0.5)
	fmt.Println("falls by half:", out.F32[0] < first/2)
	// Output:
	// embed.weight [5 8]
	// attention_norm.gain [8]
	// attention.qkv.weight [16 8]
	// attention.out.weight [8 8]
	// norm.gain [8]
	// starts near ln 5: true
	// falls by half: true
}
