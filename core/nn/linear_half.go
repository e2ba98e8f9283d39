package nn

import (
	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
)

// Linear's products on BF16: activations as they lie in memory, weights rounded to BF16 on the way, sums and bias of float32,
// and a result that is rounded once.

func (k linear) bindBF16(b engine.Binding) engine.Kernel {
	x, w, y := b.In[0].F16, b.In[1].F32, b.Out.F16
	var bias []float32
	if len(b.In) == 3 {
		bias = b.In[2].F32
	}
	ldw := k.In
	if k.Turned {
		ldw = k.Out
	}
	return func(r *engine.Run) {
		kernel.GemmBF16Bias(b.Pool, false, !k.Turned, r.Rows, k.Out, k.In, x, k.In, w, ldw, bias, y, k.Out)
		r.FLOPs += LinearFLOPs(r.Rows, k.In, k.Out, bias != nil)
	}
}

func (k linearDX) bindBF16(b engine.Binding) engine.Kernel {
	dy, w, dx := b.In[0].F16, b.In[1].F32, b.Out.F16
	return func(r *engine.Run) {
		kernel.GemmBF16(b.Pool, false, false, r.Rows, k.In, k.Out, dy, k.Out, w, k.In, 0, dx, k.In)
		r.FLOPs += LinearFLOPs(r.Rows, k.In, k.Out, false)
	}
}

func (k linearDW) bindBF16(b engine.Binding) engine.Kernel {
	dy, x, dw := b.In[0].F16, b.In[1].F16, b.Out.F32
	return func(r *engine.Run) {
		kernel.GemmBF16(b.Pool, true, false, k.Out, k.In, r.Rows, dy, k.Out, x, k.In, 0, dw, k.In)
		r.FLOPs += LinearFLOPs(r.Rows, k.In, k.Out, false)
	}
}
