package nn

import (
	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// CausalConv is a causal depthwise convolution inside each sequence: y[t] = bias + sum_i w[:,i]·x[t-W+1+i], with zeros
// before the start: x [M,D], w [D,W], bias [D] or nil; [M,D]. While decoding it keeps the last W-1 rows under the name.
func (g *Graph) CausalConv(name string, x, w, bias *Node) *Node {
	wantShape("causalconv", "x", x, g.rows, -1)
	d := x.Shape()[1]
	wantShape("causalconv", "w", w, d, -1)
	k := causalConv{Site: name, D: d, W: w.Shape()[1]}
	if bias == nil {
		return Apply(k, x.Shape(), x, w)
	}
	wantShape("causalconv", "bias", bias, d)
	k.Bias = true
	return Apply(k, x.Shape(), x, w, bias)
}

type causalConv struct {
	NoLayout
	Site string
	D, W int
	Bias bool
}

func (causalConv) Name() string { return "causalconv" }

// State is the tail [W-1,D].
func (k causalConv) State() engine.StateSpec {
	return engine.StateSpec{Name: k.Site, Fixed: (k.W - 1) * k.D}
}

func (k causalConv) Bind(b engine.Binding) (engine.Kernel, error) {
	x, w, y := b.In[0].F32, b.In[1].F32, b.Out.F32
	var bias []float32
	if k.Bias {
		bias = b.In[2].F32
	}
	tails := make([][]float32, b.Out.Shape[0])
	return func(r *engine.Run) {
		var carried [][]float32
		if r.States != nil {
			carried = FixedStates(tails, r, b.Slot)
		}
		kernel.CausalConv(b.Pool, y, x, w, bias, r.Rows, k.D, k.W, r.Segments, carried)
		r.FLOPs += ConvFLOPs(r.Rows, k.D, k.W)
	}, nil
}

// FixedStates fills buf with the Fixed part of a slot of every sequence of a run.
func FixedStates(buf [][]float32, r *engine.Run, slot int) [][]float32 {
	for i, s := range r.States {
		buf[i] = s.Slots[slot].Fixed
	}
	return buf[:len(r.States)]
}

func (k causalConv) Grad(in gorgonia.Nodes, _, grad *Node) gorgonia.Nodes {
	dx := Apply(causalConvGrad{D: k.D, W: k.W, Bias: k.Bias}, in[0].Shape(), grad, in[0], in[1])
	grads := gorgonia.Nodes{dx, SavedNode(dx, 0, k.D, k.W)}
	if k.Bias {
		grads = append(grads, SavedNode(dx, 1, k.D))
	}
	return grads
}

// causalConvGrad is dx of (dy, x, w); it saves dw [D,W] and dbias [D].
type causalConvGrad struct {
	D, W int
	Bias bool
}

func (causalConvGrad) Name() string { return "causalconv.backward" }

func (k causalConvGrad) Layout([]tensor.Shape) engine.Layout {
	saved := []engine.Extent{{Len: k.D * k.W}}
	if k.Bias {
		saved = append(saved, engine.Extent{Len: k.D})
	}
	return engine.Layout{Saved: saved}
}

func (k causalConvGrad) Bind(b engine.Binding) (engine.Kernel, error) {
	dy, x, w, dx, dw := b.In[0].F32, b.In[1].F32, b.In[2].F32, b.Out.F32, b.Saved[0].F32
	var dbias []float32
	if k.Bias {
		dbias = b.Saved[1].F32
	}
	return func(r *engine.Run) {
		kernel.CausalConvBackward(b.Pool, dx, dw, dbias, dy, x, w, r.Rows, k.D, k.W, r.Segments)
		r.FLOPs += 2 * ConvFLOPs(r.Rows, k.D, k.W)
	}, nil
}
