package nn

import (
	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// RMSNorm is y = gain · x / sqrt(mean(x²) + eps) along rows (Zhang & Sennrich 2019): x [M,D], gain [D].
func RMSNorm(x, gain *Node, eps float32) *Node {
	wantShape("rmsnorm", "x", x, -1, -1)
	d := x.Shape()[1]
	wantShape("rmsnorm", "gain", gain, d)
	return Apply(rmsNorm{D: d, Eps: eps}, x.Shape(), x, gain)
}

// rmsNorm saves rstd [M].
type rmsNorm struct {
	D   int
	Eps float32
}

func (rmsNorm) Name() string { return "rmsnorm" }

func (rmsNorm) Layout(in []tensor.Shape) engine.Layout {
	return engine.Layout{Saved: []engine.Extent{{Len: in[0][0]}}}
}

func (k rmsNorm) Bind(b engine.Binding) (engine.Kernel, error) {
	x, gain, y, rstd := b.In[0].F32, b.In[1].F32, b.Out.F32, b.Saved[0].F32
	return func(r *engine.Run) {
		kernel.RMSNorm(b.Pool, y, rstd, x, gain, r.Rows, k.D, k.Eps)
		r.FLOPs += NormFLOPs(r.Rows, k.D)
	}, nil
}

func (k rmsNorm) joinBefore(b engine.Binding, u, v []float32) engine.Kernel {
	x, gain, y, rstd := b.In[0].F32, b.In[1].F32, b.Out.F32, b.Saved[0].F32
	return func(r *engine.Run) {
		kernel.AddRMSNorm(b.Pool, y, rstd, x, u, v, gain, r.Rows, k.D, k.Eps)
		r.FLOPs += float64(r.Rows*k.D) + NormFLOPs(r.Rows, k.D)
	}
}

func (k rmsNorm) Grad(in gorgonia.Nodes, out, grad *Node) gorgonia.Nodes {
	dx := Apply(rmsNormGrad(k), in[0].Shape(), grad, in[0], in[1], out)
	return gorgonia.Nodes{dx, SavedNode(dx, 0, k.D)}
}

// rmsNormGrad is dx [M,D] of (dy, x, gain, y); it saves dgain [D].
type rmsNormGrad rmsNorm

func (rmsNormGrad) Name() string { return "rmsnorm.backward" }

func (k rmsNormGrad) Layout([]tensor.Shape) engine.Layout {
	return engine.Layout{Saved: []engine.Extent{{Len: k.D}}, InPlace: []int{0}}
}

func (k rmsNormGrad) Bind(b engine.Binding) (engine.Kernel, error) {
	dy, x, gain, rstd := b.In[0].F32, b.In[1].F32, b.In[2].F32, b.In[3].Saved[0].F32
	dx, dgain := b.Out.F32, b.Saved[0].F32
	return func(r *engine.Run) {
		kernel.RMSNormBackward(b.Pool, dx, dgain, dy, x, gain, rstd, r.Rows, k.D)
		r.FLOPs += NormBackwardFLOPs(r.Rows, k.D)
	}, nil
}

func (k rmsNormGrad) joinAfter(b engine.Binding, u []float32) engine.Kernel {
	dy, x, gain, rstd := b.In[0].F32, b.In[1].F32, b.In[2].F32, b.In[3].Saved[0].F32
	dx, dgain := b.Out.F32, b.Saved[0].F32
	return func(r *engine.Run) {
		kernel.RMSNormBackwardAdd(b.Pool, dx, dgain, dy, x, gain, rstd, u, r.Rows, k.D)
		r.FLOPs += float64(r.Rows*k.D) + NormBackwardFLOPs(r.Rows, k.D)
	}
}

// LayerNorm is y = gain · (x - mean(x)) / sqrt(var(x) + eps) + bias along rows (Ba, Kiros & Hinton 2016): x [M,D], gain
// [D], bias [D] or nil.
func LayerNorm(x, gain, bias *Node, eps float32) *Node {
	wantShape("layernorm", "x", x, -1, -1)
	d := x.Shape()[1]
	wantShape("layernorm", "gain", gain, d)
	k := layerNorm{D: d, Eps: eps}
	if bias == nil {
		return Apply(k, x.Shape(), x, gain)
	}
	wantShape("layernorm", "bias", bias, d)
	k.Bias = true
	return Apply(k, x.Shape(), x, gain, bias)
}

// layerNorm saves mean [M] and rstd [M].
type layerNorm struct {
	D    int
	Eps  float32
	Bias bool
}

func (layerNorm) Name() string { return "layernorm" }

func (layerNorm) Layout(in []tensor.Shape) engine.Layout {
	return engine.Layout{Saved: []engine.Extent{{Len: in[0][0]}, {Len: in[0][0]}}}
}

func (k layerNorm) Bind(b engine.Binding) (engine.Kernel, error) {
	x, gain, y, mean, rstd := b.In[0].F32, b.In[1].F32, b.Out.F32, b.Saved[0].F32, b.Saved[1].F32
	var bias []float32
	if k.Bias {
		bias = b.In[2].F32
	}
	return func(r *engine.Run) {
		kernel.LayerNorm(b.Pool, y, mean, rstd, x, gain, bias, r.Rows, k.D, k.Eps)
		r.FLOPs += NormFLOPs(r.Rows, k.D)
	}, nil
}

func (k layerNorm) joinBefore(b engine.Binding, u, v []float32) engine.Kernel {
	x, gain, y, mean, rstd := b.In[0].F32, b.In[1].F32, b.Out.F32, b.Saved[0].F32, b.Saved[1].F32
	var bias []float32
	if k.Bias {
		bias = b.In[2].F32
	}
	return func(r *engine.Run) {
		kernel.AddLayerNorm(b.Pool, y, mean, rstd, x, u, v, gain, bias, r.Rows, k.D, k.Eps)
		r.FLOPs += float64(r.Rows*k.D) + NormFLOPs(r.Rows, k.D)
	}
}

func (k layerNorm) Grad(in gorgonia.Nodes, out, grad *Node) gorgonia.Nodes {
	dx := Apply(layerNormGrad(k), in[0].Shape(), grad, in[0], in[1], out)
	grads := gorgonia.Nodes{dx, SavedNode(dx, 0, k.D)}
	if k.Bias {
		grads = append(grads, SavedNode(dx, 1, k.D))
	}
	return grads
}

// layerNormGrad is dx [M,D] of (dy, x, gain, y); it saves dgain [D] and dbias [D].
type layerNormGrad layerNorm

func (layerNormGrad) Name() string { return "layernorm.backward" }

func (k layerNormGrad) Layout([]tensor.Shape) engine.Layout {
	return engine.Layout{Saved: []engine.Extent{{Len: k.D}, {Len: k.D}}, InPlace: []int{0}}
}

func (k layerNormGrad) Bind(b engine.Binding) (engine.Kernel, error) {
	dy, x, gain := b.In[0].F32, b.In[1].F32, b.In[2].F32
	mean, rstd := b.In[3].Saved[0].F32, b.In[3].Saved[1].F32
	dx, dgain, dbias := b.Out.F32, b.Saved[0].F32, b.Saved[1].F32
	return func(r *engine.Run) {
		kernel.LayerNormBackward(b.Pool, dx, dgain, dbias, dy, x, gain, mean, rstd, r.Rows, k.D)
		r.FLOPs += NormBackwardFLOPs(r.Rows, k.D)
	}, nil
}

func (k layerNormGrad) joinAfter(b engine.Binding, u []float32) engine.Kernel {
	dy, x, gain := b.In[0].F32, b.In[1].F32, b.In[2].F32
	mean, rstd := b.In[3].Saved[0].F32, b.In[3].Saved[1].F32
	dx, dgain, dbias := b.Out.F32, b.Saved[0].F32, b.Saved[1].F32
	return func(r *engine.Run) {
		kernel.LayerNormBackwardAdd(b.Pool, dx, dgain, dbias, dy, x, gain, mean, rstd, u, r.Rows, k.D)
		r.FLOPs += float64(r.Rows*k.D) + NormBackwardFLOPs(r.Rows, k.D)
	}
}
