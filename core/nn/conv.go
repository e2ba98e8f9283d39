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
	return g.causalConv(name, x, w, bias, false)
}

// CausalConvSiLU is SiLU of CausalConv. For the backward pass it keeps x and computes the convolution again.
func (g *Graph) CausalConvSiLU(name string, x, w, bias *Node) *Node {
	return g.causalConv(name, x, w, bias, true)
}

func (g *Graph) causalConv(name string, x, w, bias *Node, silu bool) *Node {
	wantShape("causalconv", "x", x, g.rows, -1)
	d := x.Shape()[1]
	wantShape("causalconv", "w", w, d, -1)
	k := causalConv{Site: name, Form: convForm{ConvDims: kernel.ConvDims{D: d, W: w.Shape()[1], SiLU: silu}, Bias: bias != nil}}
	if bias == nil {
		return Apply(k, x.Shape(), x, w)
	}
	wantShape("causalconv", "bias", bias, d)
	return Apply(k, x.Shape(), x, w, bias)
}

// convForm is what the forward and the backward pass share.
type convForm struct {
	kernel.ConvDims
	Bias bool
}

// in answers x, w and bias of the inputs.
func (k convForm) in(in []engine.Buffer) (x, w, bias []float32) {
	if k.Bias {
		bias = in[2].F32
	}
	return in[0].F32, in[1].F32, bias
}

func (k convForm) name() string {
	if k.SiLU {
		return "causalconv_silu"
	}
	return "causalconv"
}

type causalConv struct {
	NoLayout
	Site string
	Form convForm
}

func (k causalConv) Name() string { return k.Form.name() }

// State is the tail [W-1,D].
func (k causalConv) State() engine.StateSpec {
	return engine.StateSpec{Name: k.Site, Fixed: (k.Form.W - 1) * k.Form.D}
}

func (k causalConv) Bind(b engine.Binding) (engine.Kernel, error) {
	x, w, bias := k.Form.in(b.In)
	y := b.Out.F32
	tails := make([][]float32, b.Out.Shape[0])
	return func(r *engine.Run) {
		var carried [][]float32
		if r.States != nil {
			carried = FixedStates(tails, r, b.Slot)
		}
		kernel.CausalConv(b.Pool, y, x, w, bias, r.Rows, r.Segments, carried, k.Form.ConvDims)
		r.FLOPs += ConvFLOPs(r.Rows, k.Form.D, k.Form.W, k.Form.SiLU)
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
	dx := Apply(causalConvGrad{k.Form}, in[0].Shape(), append(append(gorgonia.Nodes{}, in...), grad)...)
	grads := gorgonia.Nodes{dx, SavedNode(dx, 0, k.Form.D, k.Form.W)}
	if k.Form.Bias {
		grads = append(grads, SavedNode(dx, 1, k.Form.D))
	}
	return grads
}

// causalConvGrad is dx of (x, w, bias if any, dy); it saves dw [D,W] and dbias [D].
type causalConvGrad struct{ Form convForm }

func (k causalConvGrad) Name() string { return k.Form.name() + ".backward" }

func (k causalConvGrad) Layout([]tensor.Shape) engine.Layout {
	saved := []engine.Extent{{Len: k.Form.D * k.Form.W}}
	if k.Form.Bias {
		saved = append(saved, engine.Extent{Len: k.Form.D})
	}
	return engine.Layout{Saved: saved}
}

func (k causalConvGrad) Bind(b engine.Binding) (engine.Kernel, error) {
	x, w, bias := k.Form.in(b.In)
	dy, dx, dw := b.In[len(b.In)-1].F32, b.Out.F32, b.Saved[0].F32
	var dbias []float32
	if k.Form.Bias {
		dbias = b.Saved[1].F32
	}
	return func(r *engine.Run) {
		kernel.CausalConvBackward(b.Pool, dx, dw, dbias, dy, x, w, bias, r.Rows, r.Segments, k.Form.ConvDims)
		r.FLOPs += ConvBackwardFLOPs(r.Rows, k.Form.D, k.Form.W, k.Form.SiLU)
	}, nil
}
