package nn

import (
	"fmt"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// GELU is x·Φ(x) in the tanh form of GPT-2 (Hendrycks & Gimpel 2016).
func GELU(x *Node) *Node { return activate("gelu", x) }

// SiLU is x·sigmoid(x).
func SiLU(x *Node) *Node { return activate("silu", x) }

// SquaredReLU is max(x,0)² (So et al. 2021).
func SquaredReLU(x *Node) *Node { return activate("squared_relu", x) }

// Sigmoid is 1/(1+exp(-x)).
func Sigmoid(x *Node) *Node { return activate("sigmoid", x) }

// Softplus is log(1+exp(x)).
func Softplus(x *Node) *Node { return activate("softplus", x) }

var activations = map[string]struct {
	forward  func(p *kernel.Pool, y, x []float32)
	backward func(p *kernel.Pool, dx, dy, x []float32)
	// sums is backward with dx's column sums, for those that follow a bias; nil: there is no such kernel.
	sums func(p *kernel.Pool, dx, sums, dy, x []float32, m, n int)
}{
	"gelu":         {kernel.GELU, kernel.GELUBackward, kernel.GELUBackwardSums},
	"silu":         {kernel.SiLU, kernel.SiLUBackward, nil},
	"squared_relu": {kernel.SquaredReLU, kernel.SquaredReLUBackward, kernel.SquaredReLUBackwardSums},
	"sigmoid":      {kernel.Sigmoid, kernel.SigmoidBackward, nil},
	"softplus":     {kernel.Softplus, kernel.SoftplusBackward, nil},
}

func activate(fn string, x *Node) *Node {
	return Apply(activation{Fn: fn}, x.Shape(), x)
}

type activation struct {
	NoLayout
	Fn string
}

func (k activation) Name() string { return k.Fn }

func (k activation) Bind(b engine.Binding) (engine.Kernel, error) {
	fn, ok := activations[k.Fn]
	if !ok {
		return nil, fmt.Errorf("nn: no activation is named %q", k.Fn)
	}
	x, y, stride := b.In[0].F32, b.Out.F32, rowLen(b.Out.Shape)
	return func(r *engine.Run) {
		n := r.Rows * stride
		fn.forward(b.Pool, y[:n], x[:n])
		r.FLOPs += ActivationFLOPs(r.Rows, stride)
	}, nil
}

func (k activation) Grad(in gorgonia.Nodes, _, grad *Node) gorgonia.Nodes {
	return gorgonia.Nodes{Apply(activationGrad{Fn: k.Fn}, in[0].Shape(), grad, in[0])}
}

// activationGrad is dx of (dy, x). With Sums columns it saves the sums of dx's columns [Sums].
type activationGrad struct {
	Fn   string
	Sums int
}

func (k activationGrad) Name() string { return k.Fn + ".backward" }

func (k activationGrad) Layout([]tensor.Shape) engine.Layout {
	lay := engine.Layout{InPlace: []int{0}}
	if k.Sums > 0 {
		lay.Saved = []engine.Extent{{Len: k.Sums}}
	}
	return lay
}

func (k activationGrad) Bind(b engine.Binding) (engine.Kernel, error) {
	fn, ok := activations[k.Fn]
	if !ok {
		return nil, fmt.Errorf("nn: no activation is named %q", k.Fn)
	}
	dy, x, dx, stride := b.In[0].F32, b.In[1].F32, b.Out.F32, rowLen(b.Out.Shape)
	if k.Sums > 0 {
		sums := b.Saved[0].F32
		return func(r *engine.Run) {
			fn.sums(b.Pool, dx, sums, dy, x, r.Rows, stride)
			r.FLOPs += ActivationFLOPs(r.Rows, stride) + float64(r.Rows*stride)
		}, nil
	}
	return func(r *engine.Run) {
		n := r.Rows * stride
		fn.backward(b.Pool, dx[:n], dy[:n], x[:n])
		r.FLOPs += ActivationFLOPs(r.Rows, stride)
	}, nil
}

// withSums answers a gradient dy [M,N] and the sums of its columns [N]: from one pass if dy is the gradient of an
// activation that has a kernel for both, which then takes dy's place.
func withSums(dy *Node) (node, sums *Node) {
	n := dy.Shape()[1]
	if o, ok := dy.Op().(*op); ok {
		if k, ok := o.kind.(activationGrad); ok && activations[k.Fn].sums != nil {
			k.Sums = n
			dy = Apply(k, dy.Shape(), inputs(dy)...)
			return dy, SavedNode(dy, 0, n)
		}
	}
	return dy, Apply(columnSums{N: n}, []int{n}, dy)
}

// rowLen is the number of scalars in one row of a packed value.
func rowLen(shape tensor.Shape) int { return size(shape[1:]) }
