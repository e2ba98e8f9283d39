package nn

import "github.com/archlab/archlab/core/engine"

// SelfAttention is an attention layer: one projection to queries, keys and values; optionally a short convolution over
// them, a norm of query and key heads, and rotary positions; attention; and the projection back.
type SelfAttention struct {
	AttentionConfig
	Theta  float64 // base of the rotary angles; 0: no rotary positions
	QKNorm bool
	Conv   int // width of a causal depthwise convolution over queries, keys and values (So et al. 2021); 0: none
	Bias   bool
	Init   Init // of the projection to queries, keys and values
	Out    Init // of the projection back, which writes to the residual stream
}

// Forward maps x [M,D] to [M,D], with the parameters NAME.qkv, NAME.conv, NAME.q_norm, NAME.k_norm and NAME.out.
func (a SelfAttention) Forward(g *Graph, name string, x *Node) *Node {
	d := x.Shape()[1]
	qkv := g.Linear(name+".qkv", x, a.columns(), a.Init.Stack(a.Heads*a.Width, a.KVHeads*a.Width, a.KVHeads*a.Width), a.Bias)
	if a.Conv > 0 {
		qkv = g.ShortConv(name+".conv", qkv, a.Conv, a.Bias)
	}
	if a.QKNorm {
		q := g.Param(name+".q_norm.gain", Constant(1), a.Width)
		k := g.Param(name+".k_norm.gain", Constant(1), a.Width)
		qkv = HeadNorm(qkv, q, k, a.Heads, a.KVHeads, NormEps)
	}
	if a.Theta > 0 {
		qkv = Rotary(qkv, a.Heads+a.KVHeads, a.Width, a.Theta)
	}
	y := g.Attention(name, qkv, a.AttentionConfig)
	return g.Linear(name+".out", y, d, a.Out, a.Bias)
}

// columns is the number of columns of packed queries, keys and values.
func (a SelfAttention) columns() int { return (a.Heads + 2*a.KVHeads) * a.Width }

// Cost is that of Forward for a width of d in sequences of t tokens.
func (a SelfAttention) Cost(d, t int) Cost {
	turned := (a.Heads + a.KVHeads) * a.Width
	c := Sum(
		CostLinear(d, a.columns(), a.Bias),
		CostAttention(t, a.AttentionConfig),
		CostLinear(a.Heads*a.Width, d, a.Bias),
	)
	if a.Conv > 0 {
		c = Sum(c, CostConv(a.columns(), a.Conv, false))
	}
	if a.QKNorm {
		c = Sum(c, CostNorm(turned))
	}
	if a.Theta > 0 {
		c = Sum(c, CostRow(RotaryFLOPs(1, turned), RotaryFLOPs(1, turned)))
	}
	return c
}

// Residual is x + layer(norm(x)): a pre-norm residual branch, and one of Graph.Blocks.
func Residual(g *Graph, name string, norm Norm, x *Node, layer func(x *Node) *Node) *Node {
	y := Add(x, layer(norm.Forward(g, name, x)))
	g.blocks = append(g.blocks, engine.Block{Input: x, Output: y})
	return y
}
