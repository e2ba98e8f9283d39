package nn

import (
	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// timesScalar is x·s for a scalar node s, and x itself where s is the constant 1 with which differentiation starts.
func timesScalar(x, s *Node) *Node {
	if v, ok := s.Value().(*gorgonia.F32); ok && s.Op() != nil && *v == 1 {
		return x
	}
	return Apply(scalarMul{}, x.Shape(), x, s)
}

// scalarMul is x·s, over the whole of x: it may be a parameter's gradient.
type scalarMul struct{}

func (scalarMul) Name() string { return "scalarmul" }

func (scalarMul) Layout([]tensor.Shape) engine.Layout { return engine.Layout{InPlace: []int{0}} }

func (scalarMul) Bind(b engine.Binding) (engine.Kernel, error) {
	x, s, out := b.In[0].F32, b.In[1].F32, b.Out.F32
	return func(r *engine.Run) {
		kernel.Scale(b.Pool, out, x, s[0])
		r.FLOPs += float64(len(out))
	}, nil
}

// scalarScale is x·c for a scalar node x and a constant c.
func scalarScale(x *Node, c float32) *Node { return Apply(scalarScaled{C: c}, nil, x) }

type scalarScaled struct {
	NoLayout
	C float32
}

func (scalarScaled) Name() string { return "scalarmul" }

func (k scalarScaled) Bind(b engine.Binding) (engine.Kernel, error) {
	x, out := b.In[0].F32, b.Out.F32
	return func(r *engine.Run) {
		out[0] = k.C * x[0]
		r.FLOPs++
	}, nil
}
