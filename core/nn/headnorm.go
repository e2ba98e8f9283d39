package nn

import (
	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// HeadNorm normalises every query and key head of qkv [M,(H+2G)K] by RMSNorm over its K columns, with one gain [K] for
// queries and one for keys; values pass (QK-norm: Henry et al. 2020, Dehghani et al. 2023).
func HeadNorm(qkv, queryGain, keyGain *Node, heads, kvHeads int, eps float32) *Node {
	wantShape("headnorm", "qkv", qkv, -1, -1)
	w := qkv.Shape()[1]
	if w%(heads+2*kvHeads) != 0 {
		Fail("headnorm", "%d columns are not H+2G=%d+2·%d heads", w, heads, kvHeads)
	}
	k := w / (heads + 2*kvHeads)
	wantShape("headnorm", "the queries' gain", queryGain, k)
	wantShape("headnorm", "the keys' gain", keyGain, k)
	return Apply(headNorm{H: heads, G: kvHeads, K: k, Eps: eps}, qkv.Shape(), qkv, queryGain, keyGain)
}

// headNorm saves rstd of the query heads [M,H] and of the key heads [M,G].
type headNorm struct {
	H, G, K int
	Eps     float32
}

func (headNorm) Name() string { return "headnorm" }

func (k headNorm) Layout(in []tensor.Shape) engine.Layout {
	m := in[0][0]
	return engine.Layout{
		Saved:   []engine.Extent{{Len: m * k.H}, {Len: m * k.G}},
		Scratch: m * k.H * k.K,
	}
}

func (k headNorm) Bind(b engine.Binding) (engine.Kernel, error) {
	x, y, pack, w := b.In[0].F32, b.Out.F32, b.Scratch, (k.H+2*k.G)*k.K
	part := func(r *engine.Run, from, heads int, gain, rstd []float32) {
		n := heads * k.K
		gatherColumns(pack, x, r.Rows, w, from, n)
		kernel.RMSNorm(b.Pool, pack, rstd, pack, gain, r.Rows*heads, k.K, k.Eps)
		scatterColumns(y, pack, r.Rows, w, from, n)
	}
	queryGain, keyGain, queryStd, keyStd := b.In[1].F32, b.In[2].F32, b.Saved[0].F32, b.Saved[1].F32
	return func(r *engine.Run) {
		copyInto(y[:r.Rows*w], x[:r.Rows*w])
		part(r, 0, k.H, queryGain, queryStd)
		part(r, k.H*k.K, k.G, keyGain, keyStd)
		r.FLOPs += NormFLOPs(r.Rows, (k.H+k.G)*k.K)
	}, nil
}

func (k headNorm) Grad(in gorgonia.Nodes, out, grad *Node) gorgonia.Nodes {
	dx := Apply(headNormGrad(k), in[0].Shape(), grad, in[0], in[1], in[2], out)
	return gorgonia.Nodes{dx, SavedNode(dx, 0, k.K), SavedNode(dx, 1, k.K)}
}

// headNormGrad is dqkv of (dy, qkv, gains, y); it saves the gains' gradients.
type headNormGrad headNorm

func (headNormGrad) Name() string { return "headnorm.backward" }

func (k headNormGrad) Layout(in []tensor.Shape) engine.Layout {
	return engine.Layout{
		Saved:   []engine.Extent{{Len: k.K}, {Len: k.K}},
		Scratch: 2 * in[0][0] * k.H * k.K,
		InPlace: []int{0},
	}
}

func (k headNormGrad) Bind(b engine.Binding) (engine.Kernel, error) {
	dy, x, dx, w := b.In[0].F32, b.In[1].F32, b.Out.F32, (k.H+2*k.G)*k.K
	half := len(b.Scratch) / 2
	packX, packDY := b.Scratch[:half], b.Scratch[half:]
	part := func(r *engine.Run, from, heads int, dgain, gain, rstd []float32) {
		n := heads * k.K
		gatherColumns(packX, x, r.Rows, w, from, n)
		gatherColumns(packDY, dy, r.Rows, w, from, n)
		kernel.RMSNormBackward(b.Pool, packDY, dgain, packDY, packX, gain, rstd, r.Rows*heads, k.K)
		scatterColumns(dx, packDY, r.Rows, w, from, n)
	}
	saved := b.In[4].Saved
	return func(r *engine.Run) {
		copyInto(dx[:r.Rows*w], dy[:r.Rows*w])
		part(r, 0, k.H, b.Saved[0].F32, b.In[2].F32, saved[0].F32)
		part(r, k.H*k.K, k.G, b.Saved[1].F32, b.In[3].F32, saved[1].F32)
		r.FLOPs += NormBackwardFLOPs(r.Rows, (k.H+k.G)*k.K)
	}, nil
}

// gatherColumns packs n columns from column from of x [m,w]: out [m,n].
func gatherColumns(out, x []float32, m, w, from, n int) {
	for i := range m {
		copy(out[i*n:(i+1)*n], x[i*w+from:i*w+from+n])
	}
}

// scatterColumns is the way back: n columns of out [m,w] are overwritten by x [m,n].
func scatterColumns(out, x []float32, m, w, from, n int) {
	for i := range m {
		copy(out[i*w+from:i*w+from+n], x[i*n:(i+1)*n])
	}
}

// copyInto copies x to y unless they are the same memory.
func copyInto(y, x []float32) {
	if len(x) > 0 && &y[0] != &x[0] {
		copy(y, x)
	}
}
