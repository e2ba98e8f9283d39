package nn

import (
	"github.com/archlab/archlab/core/engine"
	"gorgonia.org/gorgonia"
)

// Mean is the mean of scalars: of a loss or a metric over layers.
func Mean(scalars ...*Node) *Node {
	if len(scalars) == 0 {
		Fail("mean", "no scalars")
	}
	for _, s := range scalars {
		wantShape("mean", "a scalar", s)
	}
	return Apply(mean{N: len(scalars)}, nil, scalars...)
}

type mean struct {
	NoLayout
	N int
}

func (mean) Name() string { return "mean" }

func (k mean) Bind(b engine.Binding) (engine.Kernel, error) {
	return func(r *engine.Run) {
		sum := 0.0
		for _, in := range b.In {
			sum += float64(in.F32[0])
		}
		b.Out.F32[0] = float32(sum / float64(k.N))
	}, nil
}

func (k mean) Grad(in gorgonia.Nodes, _, grad *Node) gorgonia.Nodes {
	grads := make(gorgonia.Nodes, len(in))
	for i := range grads {
		grads[i] = scalarScale(grad, 1/float32(k.N))
	}
	return grads
}
