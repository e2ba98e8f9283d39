package nn

import (
	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"gorgonia.org/gorgonia"
)

// StepSize is softplus(bias) of a parameter: the scans' step where it does not depend on the input. Unlike Softplus it
// computes the whole tensor whatever the rows of a run, and outside of training only when it has changed. It counts
// ActivationFLOPs(1, n) for n values, in training runs.
func (g *Graph) StepSize(bias *Node) *Node {
	return Apply(stepSize{derived{g.mode == Training}}, bias.Shape(), bias)
}

type stepSize struct{ derived }

func (stepSize) Name() string { return "step_size" }

func (k stepSize) Bind(b engine.Binding) (engine.Kernel, error) {
	x, y := b.In[0].F32, b.Out.F32
	return func(r *engine.Run) {
		kernel.Softplus(b.Pool, y, x)
		k.count(r, ActivationFLOPs(1, len(x)))
	}, nil
}

func (stepSize) Grad(in gorgonia.Nodes, _, grad *Node) gorgonia.Nodes {
	return gorgonia.Nodes{Apply(stepSizeGrad{}, in[0].Shape(), grad, in[0])}
}

// stepSizeGrad is dbias of (ddt, bias).
type stepSizeGrad struct{ NoLayout }

func (stepSizeGrad) Name() string { return "step_size.backward" }

func (stepSizeGrad) Bind(b engine.Binding) (engine.Kernel, error) {
	dy, x, dx := b.In[0].F32, b.In[1].F32, b.Out.F32
	return func(r *engine.Run) {
		kernel.SoftplusBackward(b.Pool, dx, dy, x)
		r.FLOPs += ActivationFLOPs(1, len(x))
	}, nil
}
