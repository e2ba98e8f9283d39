package nn

import (
	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// SwiGLU is silu(gate)·up (Shazeer 2020): gateup [M,2F] holds each row's F gates and then its F values; [M,F].
func SwiGLU(gateup *Node) *Node {
	wantShape("swiglu", "gateup", gateup, -1, -1)
	m, w := gateup.Shape()[0], gateup.Shape()[1]
	if w%2 != 0 {
		Fail("swiglu", "2F=%d is odd", w)
	}
	return Apply(swiGLU{F: w / 2}, []int{m, w / 2}, gateup)
}

type swiGLU struct {
	NoLayout
	F int
}

func (swiGLU) Name() string { return "swiglu" }

func (k swiGLU) Bind(b engine.Binding) (engine.Kernel, error) {
	gateup, y := b.In[0].F32, b.Out.F32
	return func(r *engine.Run) {
		kernel.SwiGLU(b.Pool, y, gateup, r.Rows, k.F)
		r.FLOPs += ActivationFLOPs(r.Rows, k.F)
	}, nil
}

func (k swiGLU) Grad(in gorgonia.Nodes, _, grad *Node) gorgonia.Nodes {
	return gorgonia.Nodes{Apply(swiGLUGrad{F: k.F}, in[0].Shape(), grad, in[0])}
}

// swiGLUGrad is dgateup [M,2F] of (dy [M,F], gateup).
type swiGLUGrad struct{ F int }

func (swiGLUGrad) Name() string { return "swiglu.backward" }

func (swiGLUGrad) Layout([]tensor.Shape) engine.Layout { return engine.Layout{InPlace: []int{1}} }

func (k swiGLUGrad) Bind(b engine.Binding) (engine.Kernel, error) {
	dy, gateup, dgateup := b.In[0].F32, b.In[1].F32, b.Out.F32
	return func(r *engine.Run) {
		kernel.SwiGLUBackward(b.Pool, dgateup, dy, gateup, r.Rows, k.F)
		r.FLOPs += 2 * ActivationFLOPs(r.Rows, k.F)
	}, nil
}

// GateSiLU is x·silu(z) of two values of one shape (Gu & Dao 2023, figure 3).
func GateSiLU(x, z *Node) *Node {
	wantShape("gate_silu", "z", z, x.Shape()...)
	return Apply(gateSiLU{}, x.Shape(), x, z)
}

type gateSiLU struct{ NoLayout }

func (gateSiLU) Name() string { return "gate_silu" }

func (gateSiLU) Bind(b engine.Binding) (engine.Kernel, error) {
	x, z, y, stride := b.In[0].F32, b.In[1].F32, b.Out.F32, rowLen(b.Out.Shape)
	return func(r *engine.Run) {
		kernel.SiLUGate(b.Pool, y, x, z, r.Rows*stride)
		r.FLOPs += ActivationFLOPs(r.Rows, stride)
	}, nil
}

func (gateSiLU) Grad(in gorgonia.Nodes, _, grad *Node) gorgonia.Nodes {
	shape := in[0].Shape()
	dx := Apply(gateSiLUGrad{}, shape, grad, in[0], in[1])
	return gorgonia.Nodes{dx, SavedNode(dx, 0, shape...)}
}

// gateSiLUGrad is dx of (dy, x, z); it saves dz.
type gateSiLUGrad struct{}

func (gateSiLUGrad) Name() string { return "gate_silu.backward" }

func (gateSiLUGrad) Layout(in []tensor.Shape) engine.Layout {
	return engine.Layout{Saved: []engine.Extent{{Len: in[0].TotalSize()}}, InPlace: []int{0}}
}

func (gateSiLUGrad) Bind(b engine.Binding) (engine.Kernel, error) {
	dy, x, z := b.In[0].F32, b.In[1].F32, b.In[2].F32
	dx, dz, stride := b.Out.F32, b.Saved[0].F32, rowLen(b.Out.Shape)
	return func(r *engine.Run) {
		kernel.SiLUGateBackward(b.Pool, dx, dz, dy, x, z, r.Rows*stride)
		r.FLOPs += 2 * ActivationFLOPs(r.Rows, stride)
	}, nil
}
