package nn

import (
	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Rotary turns the first heads·k columns of x [M,W] by each row's position in its sequence (Su et al. 2021): pairs
// (i, i+k/2) of a head turn by pos·theta^(-2i/k). In packed q,k,v, heads is H+G: values are not turned.
func Rotary(x *Node, heads, k int, theta float64) *Node {
	wantShape("rotary", "x", x, -1, -1)
	w := x.Shape()[1]
	if k%2 != 0 {
		Fail("rotary", "K=%d is odd", k)
	}
	if heads*k > w {
		Fail("rotary", "heads·K=%d·%d exceeds the row's %d columns", heads, k, w)
	}
	return Apply(rotary{Width: w, Heads: heads, K: k, Theta: theta}, x.Shape(), x)
}

type rotary struct {
	Width, Heads, K int
	Theta           float64
	Inverse         bool
}

func (rotary) Name() string { return "rotary" }

func (rotary) Layout([]tensor.Shape) engine.Layout { return engine.Layout{InPlace: []int{0}} }

func (k rotary) Bind(b engine.Binding) (engine.Kernel, error) {
	x, y := b.In[0].F32, b.Out.F32
	return func(r *engine.Run) {
		kernel.Rotary(b.Pool, y, x, r.Rows, k.Width, k.Heads, k.K, r.Segments, k.Theta, k.Inverse)
		r.FLOPs += RotaryFLOPs(r.Rows, k.Heads*k.K)
	}, nil
}

func (k rotary) Grad(_ gorgonia.Nodes, _, grad *Node) gorgonia.Nodes {
	k.Inverse = !k.Inverse
	return gorgonia.Nodes{Apply(k, grad.Shape(), grad)}
}
