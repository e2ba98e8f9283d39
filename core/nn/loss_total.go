package nn

import (
	"github.com/archlab/archlab/core/engine"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// totalLoss adds up the heads' weighted losses and the auxiliary losses by their coefficients. Only the gradients of the
// latter are multiplied by the loss scale: the heads have multiplied their own.
func totalLoss(g *Graph, heads []*Node, aux []AuxLoss, scale *Node) *Node {
	k := lossTotal{Heads: len(heads)}
	in := append([]*Node{}, heads...)
	if len(aux) > 0 {
		in = append(in, gorgonia.NewScalar(g.expr, tensor.Float32, gorgonia.WithName(Share)))
	}
	for _, a := range aux {
		wantShape("loss", "auxiliary loss "+a.Name, a.Node)
		in = append(in, a.Node)
		k.Coefficients = append(k.Coefficients, a.Coefficient)
	}
	if scale != nil {
		k.Scale = len(in)
		in = append(in, scale)
	}
	return Apply(k, nil, in...)
}

// lossTotal has the inputs heads, then, if there are auxiliary losses, the share and those, and last the loss scale if there
// is one.
type lossTotal struct {
	NoLayout
	Heads        int
	Coefficients []float32
	Scale        int // input; 0: none
}

func (lossTotal) Name() string { return "loss.total" }

// Detached inputs are the share and the loss scale.
func (k lossTotal) Detached(input int) bool {
	return input == k.Heads && len(k.Coefficients) > 0 || k.Scale > 0 && input == k.Scale
}

func (k lossTotal) Bind(b engine.Binding) (engine.Kernel, error) {
	return func(*engine.Run) {
		total := 0.0
		for _, x := range b.In[:k.Heads] {
			total += float64(x.F32[0])
		}
		for i, c := range k.Coefficients {
			total += float64(b.In[k.Heads].F32[0]) * float64(c) * float64(b.In[k.Heads+1+i].F32[0])
		}
		b.Out.F32[0] = float32(total)
	}, nil
}

func (k lossTotal) Grad(in gorgonia.Nodes, _, grad *Node) gorgonia.Nodes {
	grads := make(gorgonia.Nodes, len(in))
	for i := range k.Heads {
		grads[i] = grad
	}
	if k.Scale > 0 {
		grad = timesScalar(in[k.Scale], grad)
	}
	for i, c := range k.Coefficients {
		grads[k.Heads+1+i] = timesScalar(scalarScale(in[k.Heads], c), grad)
	}
	return grads
}
