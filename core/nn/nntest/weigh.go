package nntest

import (
	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/nn"
	"gorgonia.org/gorgonia"
)

// weigh is the scalar that a check differentiates: the sum of value x weight over the rows in use.
type weigh struct {
	nn.NoLayout
	Stride int
}

func (weigh) Name() string { return "nntest.weigh" }

func (k weigh) Bind(b engine.Binding) (engine.Kernel, error) {
	y, w, out := b.In[0].F32, b.In[1].F32, b.Out.F32
	return func(r *engine.Run) {
		s := 0.0
		for i, v := range y[:r.Rows*k.Stride] {
			s += float64(v) * float64(w[i])
		}
		out[0] = float32(s)
	}, nil
}

// Grad is the weights themselves, NaN in the rows that are not in use.
func (k weigh) Grad(in gorgonia.Nodes, _, _ *nn.Node) gorgonia.Nodes {
	return gorgonia.Nodes{in[1], nil}
}

func (weigh) Detached(input int) bool { return input == 1 }
