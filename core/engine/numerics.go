package engine

import (
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// part names a node's value, by -1, or one of its saved buffers.
type part struct {
	node  *gorgonia.Node
	saved int
}

// leastHalf is the number of values a row from which a value is kept in 16 bits: a single one is a statistic or a weight.
const leastHalf = 2

// keepExact finds the values that stay float32 because somebody outside reads them or an op wants them unrounded.
func (c *compiler) keepExact(nodes gorgonia.Nodes, kids func(*gorgonia.Node) []*gorgonia.Node, roots gorgonia.Nodes) {
	c.exact = map[part]bool{}
	mark := func(n *gorgonia.Node) {
		for n.Op() != nil && showsInput(n.Op()) {
			n = kids(n)[0]
		}
		if s, ok := n.Op().(savedOp); ok {
			c.exact[part{kids(n)[0], s.index}] = true
			return
		}
		c.exact[part{n, -1}] = true
	}
	for _, n := range roots {
		mark(n)
	}
	for _, n := range nodes {
		op, ok := n.Op().(Op)
		if !ok {
			continue
		}
		in := kids(n)
		shapes := make([]tensor.Shape, len(in))
		for i, k := range in {
			shapes[i] = k.Shape()
		}
		for _, i := range op.Layout(shapes).Numerics.ExactIn {
			mark(in[i])
		}
	}
}

// format decides whether an op's value and its saved buffers have rows and how many bits.
func (c *compiler) format(v *value) {
	num := v.lay.Numerics
	_, own := v.node.Op().(Op)
	half, derived := true, own // from parameters and the run alone, as learned positions are
	for _, k := range v.kids {
		v.rows, derived = v.rows || k.rows, derived && k.fixed
		if k.rows && !k.leaf && !k.ints && !k.half && !own {
			half = false // sums and products with what is exact
		}
	}
	v.rows = (v.rows || derived) && !num.Sum && !v.fixed && !v.boxed && c.spansRows(v.shape)
	narrow := c.opts.Precision.narrow()
	v.half = narrow && half && v.rows && !v.ints && !num.Exact && v.shape.TotalSize() >= leastHalf*c.opts.Capacity && !c.exact[part{v.node, -1}]
	v.savedHalf = make([]bool, len(v.lay.Saved))
	for i, e := range v.lay.Saved {
		v.savedHalf[i] = narrow && e.Rows && e.Half && !e.Int && !v.fixed && !c.exact[part{v.node, i}]
	}
}

// floats is the memory of n values, in float32s.
func floats(n int, half bool) int {
	if half {
		return (n + 1) / 2
	}
	return n
}
