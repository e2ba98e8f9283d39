package nn

import (
	"github.com/archlab/archlab/core/engine"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Node is a value of the model under construction.
type Node = gorgonia.Node

// Mode says what a graph is built for.
type Mode int

// The modes. Draft is a Decoding graph that also has the model's extra heads.
const (
	Training Mode = iota
	Scoring
	Decoding
	Drafting
)

// String names the mode as messages do.
func (m Mode) String() string {
	return [...]string{"training", "scoring", "decoding", "drafting"}[m]
}

// Recurrent says whether the mode feeds tokens to decoding states.
func (m Mode) Recurrent() bool { return m == Decoding || m == Drafting }

// Graph is a model under construction at a capacity of Rows rows. It is not safe for concurrent use.
type Graph struct {
	expr   *gorgonia.ExprGraph
	rows   int
	mode   Mode
	params []ParamSpec
	byName map[string]int
	inputs map[string]*Node
	limit  int
	scaled bool
	blocks []engine.Block
}

// NewGraph starts a model whose runs have at most rows rows.
func NewGraph(rows int, mode Mode) *Graph {
	if rows < 1 {
		Fail("graph", "rows=%d, want at least 1", rows)
	}
	return &Graph{
		expr:   gorgonia.NewGraph(),
		rows:   rows,
		mode:   mode,
		byName: map[string]int{},
		inputs: map[string]*Node{},
	}
}

// ScaleLoss makes Loss multiply all gradients by the scalar input LossScale.
func (g *Graph) ScaleLoss() { g.scaled = true }

// Expr answers the expression graph.
func (g *Graph) Expr() *gorgonia.ExprGraph { return g.expr }

// Rows answers M, the capacity.
func (g *Graph) Rows() int { return g.rows }

// Mode answers what the graph is built for.
func (g *Graph) Mode() Mode { return g.mode }

// Params lists the parameters in the order of their creation.
func (g *Graph) Params() []ParamSpec { return g.params }

// Limit is the number of positions a sequence may have, 0 for no limit. Whoever runs the graph refuses longer ones.
func (g *Graph) Limit() int { return g.limit }

// Blocks lists the residual branches: what training may compute again rather than keep.
func (g *Graph) Blocks() []engine.Block { return g.blocks }

// Input answers the input of that name, made on first use: [M, shape...] of float32.
func (g *Graph) Input(name string, shape ...int) *Node {
	return g.input(name, tensor.Float32, shape)
}

// IntInput answers the int32 input of that name, made on first use: [M, shape...].
func (g *Graph) IntInput(name string, shape ...int) *Node {
	return g.input(name, tensor.Int32, shape)
}

func (g *Graph) input(name string, dt tensor.Dtype, tail []int) *Node {
	shape := append([]int{g.rows}, tail...)
	if n, ok := g.inputs[name]; ok {
		wantShape("input "+name, "the input", n, shape...)
		return n
	}
	n := gorgonia.NewTensor(g.expr, dt, len(shape), gorgonia.WithShape(shape...), gorgonia.WithName(name))
	g.inputs[name] = n
	return n
}

// Tokens is the input "tokens", [M] int32.
func (g *Graph) Tokens() *Node { return g.IntInput("tokens") }

// Targets is the input "targets", [M] int32: the token that each row should predict.
func (g *Graph) Targets() *Node { return g.IntInput("targets") }

// Weights is the input "weights", [M]: the weight of each row's loss; rows of weight 0 predict nothing.
func (g *Graph) Weights() *Node { return g.Input("weights") }
