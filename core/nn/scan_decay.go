package nn

import (
	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"gorgonia.org/gorgonia"
)

// Decay is a = -exp(log): how the scans' negative A is made of the parameter that holds its logarithm. log is a parameter
// of any shape, so that all of it is computed whatever the rows of a run, and outside of training only when it has changed.
func (g *Graph) Decay(log *Node) *Node {
	return Apply(decay{derived{g.mode == Training}}, log.Shape(), log)
}

type decay struct{ derived }

func (decay) Name() string { return "decay" }

func (k decay) Bind(b engine.Binding) (engine.Kernel, error) {
	x, y := b.In[0].F32, b.Out.F32
	return func(r *engine.Run) {
		kernel.Exp(b.Pool, y, x, -1)
		k.count(r, DecayFLOPs(len(x)))
	}, nil
}

func (decay) Grad(in gorgonia.Nodes, out, grad *Node) gorgonia.Nodes {
	return gorgonia.Nodes{Apply(decayGrad{}, in[0].Shape(), grad, out)}
}

// decayGrad is dlog of (da, a): the derivative of -exp is itself.
type decayGrad struct{ NoLayout }

func (decayGrad) Name() string { return "decay.backward" }

func (decayGrad) Bind(b engine.Binding) (engine.Kernel, error) {
	da, a, dlog := b.In[0].F32, b.In[1].F32, b.Out.F32
	return func(r *engine.Run) {
		kernel.Mul(b.Pool, dlog, da, a)
		r.FLOPs += float64(len(a))
	}, nil
}

// DecayFLOPs counts Decay of n values in a training run; its backward pass counts n. Other runs count nothing: see derived.
func DecayFLOPs(n int) float64 { return 2 * float64(n) }
