package nn

import (
	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"gorgonia.org/gorgonia"
)

// Linear is y = x wᵀ + bias: x [M,in], w [out,in], bias [out] or nil; [M,out].
func Linear(x, w, bias *Node) *Node {
	wantShape("linear", "x", x, -1, -1)
	in := x.Shape()[1]
	wantShape("linear", "w", w, -1, in)
	out := w.Shape()[0]
	k := linear{In: in, Out: out}
	if bias == nil {
		return Apply(k, []int{x.Shape()[0], out}, x, w)
	}
	wantShape("linear", "bias", bias, out)
	return Apply(k, []int{x.Shape()[0], out}, x, w, bias)
}

type linear struct {
	NoLayout
	In, Out int
	Turned  bool // w is given as wᵀ [in,out]; such a node has no gradient
}

func (linear) Name() string { return "linear" }

func (k linear) Bind(b engine.Binding) (engine.Kernel, error) {
	if b.In[0].F16 != nil {
		return k.bindBF16(b), nil
	}
	x, w, y := b.In[0].F32, b.In[1].F32, b.Out.F32
	var bias []float32
	if len(b.In) == 3 {
		bias = b.In[2].F32
	}
	ldw := k.In
	if k.Turned {
		ldw = k.Out
	}
	return func(r *engine.Run) {
		kernel.GemmBias(b.Pool, false, !k.Turned, r.Rows, k.Out, k.In, x, k.In, w, ldw, bias, y, k.Out)
		r.FLOPs += LinearFLOPs(r.Rows, k.In, k.Out, bias != nil)
	}, nil
}

func (k linear) Grad(in gorgonia.Nodes, _, grad *Node) gorgonia.Nodes {
	if k.Turned {
		Fail("linear", "has a derivative in training only")
	}
	var dbias gorgonia.Nodes
	if len(in) == 3 {
		// First, while a gradient that was just made is in the cache.
		var sums *Node
		grad, sums = withSums(grad)
		dbias = gorgonia.Nodes{sums}
	}
	x, w := in[0], in[1]
	return append(gorgonia.Nodes{
		Apply(linearDX(k), x.Shape(), grad, w),
		Apply(linearDW(k), w.Shape(), grad, x),
	}, dbias...)
}

// linearDX is dx [M,in] = dy w.
type linearDX linear

func (linearDX) Name() string { return "linear.dx" }

func (k linearDX) Bind(b engine.Binding) (engine.Kernel, error) {
	if b.In[0].F16 != nil {
		return k.bindBF16(b), nil
	}
	dy, w, dx := b.In[0].F32, b.In[1].F32, b.Out.F32
	return func(r *engine.Run) {
		kernel.Gemm(b.Pool, false, false, r.Rows, k.In, k.Out, dy, k.Out, w, k.In, 0, dx, k.In)
		r.FLOPs += LinearFLOPs(r.Rows, k.In, k.Out, false)
	}, nil
}

// linearDW is dw [out,in] = dyᵀ x.
type linearDW linear

func (linearDW) Name() string { return "linear.dw" }

func (k linearDW) Bind(b engine.Binding) (engine.Kernel, error) {
	if b.In[0].F16 != nil {
		return k.bindBF16(b), nil
	}
	dy, x, dw := b.In[0].F32, b.In[1].F32, b.Out.F32
	return func(r *engine.Run) {
		kernel.Gemm(b.Pool, true, false, k.Out, k.In, r.Rows, dy, k.Out, x, k.In, 0, dw, k.In)
		r.FLOPs += LinearFLOPs(r.Rows, k.In, k.Out, false)
	}, nil
}

// columnSums is dbias [N] of dy [M,N].
type columnSums struct {
	NoLayout
	N int
}

func (columnSums) Name() string { return "columnsums" }

func (k columnSums) Bind(b engine.Binding) (engine.Kernel, error) {
	dy, out := b.In[0].F32, b.Out.F32
	return func(r *engine.Run) {
		kernel.ColumnSums(b.Pool, out, dy, r.Rows, k.N)
		r.FLOPs += float64(r.Rows * k.N)
	}, nil
}
