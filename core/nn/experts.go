package nn

import (
	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Experts is y_i = Σ_j gate_ij · down_e (silu(gate part of up_e x_i) · up part) over the experts e that token i chose:
// x [M,D], up [E,2F,D], down [E,D,F]; [M,D]. Tokens are sorted by expert, so that each expert is one matrix product over
// exactly its tokens: compute grows with K and not with E, and nothing is padded.
func Experts(x *Node, r Routing, up, down *Node) *Node {
	wantShape("experts", "x", x, -1, -1)
	m, d, e := x.Shape()[0], x.Shape()[1], r.cfg.E
	wantShape("experts", "up", up, e, -1, d)
	f := up.Shape()[1] / 2
	wantShape("experts", "up", up, e, 2*f, d)
	wantShape("experts", "down", down, e, d, f)
	wantShape("experts", "gates", r.Gates, m, r.cfg.K)
	k := experts{D: d, E: e, F: f, K: r.cfg.K}
	return Apply(k, []int{m, d}, x, r.Gates, r.kept, up, down)
}

// What experts saves, for M·K slots. Slot i·K+j is token i's j-th choice; sorted rows follow the experts.
const (
	expertsOrder   = iota // [M·K] int32: the slot of each sorted row
	expertsOffsets        // [E+1] int32: expert e has the sorted rows [offsets[e],offsets[e+1])
	expertsSlot           // [M·K] int32: the sorted row of each slot, -1 for dropped ones
	expertsToken          // [M·K] int32: the token of each sorted row
	expertsGateUp         // [M·K,2F] sorted
	expertsRows           // [M·K,D] sorted: what each expert answers, before its gate
)

type experts struct{ D, E, F, K int }

func (experts) Name() string { return "experts" }

func (k experts) Layout(in []tensor.Shape) engine.Layout {
	n := in[0][0] * k.K
	return engine.Layout{
		Saved: []engine.Extent{
			expertsOrder: {Len: n, Int: true}, expertsOffsets: {Len: k.E + 1, Int: true},
			expertsSlot: {Len: n, Int: true}, expertsToken: {Len: n, Int: true},
			expertsGateUp: {Len: n * 2 * k.F}, expertsRows: {Len: n * k.D},
		},
		Scratch: n * (k.D + k.F),
	}
}

func (k experts) Bind(b engine.Binding) (engine.Kernel, error) {
	x, gates, kept, up, down, y := b.In[0].F32, b.In[1].F32, b.In[2].I32, b.In[3].F32, b.In[4].F32, b.Out.F32
	order, offsets := b.Saved[expertsOrder].I32, b.Saved[expertsOffsets].I32
	slot, token := b.Saved[expertsSlot].I32, b.Saved[expertsToken].I32
	gateup, rows := b.Saved[expertsGateUp].F32, b.Saved[expertsRows].F32
	capacity := len(order)
	xs, act := b.Scratch[:capacity*k.D], b.Scratch[capacity*k.D:]
	return func(r *engine.Run) {
		n := r.Rows * k.K
		kernel.CountingSort(order, offsets, kept, n, k.E)
		live := int(offsets[k.E])
		for i, s := range order[:live] {
			token[i] = s / int32(k.K)
		}
		kernel.InvertOrder(slot, order[:live], n)
		kernel.GatherRows(b.Pool, xs, x, token[:live], k.D)
		for e := range k.E {
			lo, n := int(offsets[e]), int(offsets[e+1]-offsets[e])
			kernel.Gemm(b.Pool, false, true, n, 2*k.F, k.D, xs[lo*k.D:], k.D, up[e*2*k.F*k.D:], k.D, 0, gateup[lo*2*k.F:], 2*k.F)
		}
		kernel.SwiGLU(b.Pool, act, gateup, live, k.F)
		for e := range k.E {
			lo, n := int(offsets[e]), int(offsets[e+1]-offsets[e])
			kernel.Gemm(b.Pool, false, true, n, k.D, k.F, act[lo*k.F:], k.F, down[e*k.D*k.F:], k.F, 0, rows[lo*k.D:], k.D)
		}
		kernel.CombineRows(b.Pool, y, rows, gates, slot, r.Rows, k.K, k.D)
		r.FLOPs += ExpertsFLOPs(live, k.D, k.F)
	}, nil
}

func (k experts) Grad(in gorgonia.Nodes, out, grad *Node) gorgonia.Nodes {
	x, gates, up, down := in[0], in[1], in[3], in[4]
	dx := Apply(expertsGrad(k), x.Shape(), grad, x, gates, up, down, out)
	return gorgonia.Nodes{dx, SavedNode(dx, 0, gates.Shape()...), nil, SavedNode(dx, 1, up.Shape()...), SavedNode(dx, 2, down.Shape()...)}
}

// expertsGrad is dx [M,D] of (dy, x, gates, up, down, y); it saves dgates [M,K], dup [E,2F,D] and ddown [E,D,F]. Dropped
// assignments get a gate gradient of 0.
type expertsGrad experts

func (expertsGrad) Name() string { return "experts.backward" }

func (k expertsGrad) Layout(in []tensor.Shape) engine.Layout {
	n := in[0][0] * k.K
	return engine.Layout{
		Saved:   []engine.Extent{{Len: n}, {Len: k.E * 2 * k.F * k.D}, {Len: k.E * k.D * k.F}},
		Scratch: n * (2*k.D + 4*k.F + 1),
		InPlace: []int{0},
	}
}

func (k expertsGrad) Bind(b engine.Binding) (engine.Kernel, error) {
	dy, x, gates, up, down := b.In[0].F32, b.In[1].F32, b.In[2].F32, b.In[3].F32, b.In[4].F32
	saved := b.In[5].Saved
	offsets, slot, token := saved[expertsOffsets].I32, saved[expertsSlot].I32, saved[expertsToken].I32
	gateup, rows := saved[expertsGateUp].F32, saved[expertsRows].F32
	dx, dgates, dup, ddown := b.Out.F32, b.Saved[0].F32, b.Saved[1].F32, b.Saved[2].F32
	scratch, n := b.Scratch, len(token)
	carve := func(size int) []float32 {
		part := scratch[:n*size]
		scratch = scratch[n*size:]
		return part
	}
	xs, drows, act, dact, dgateup, ones := carve(k.D), carve(k.D), carve(k.F), carve(k.F), carve(2*k.F), carve(1)
	return func(r *engine.Run) {
		live := int(offsets[k.E])
		kernel.CombineRowsBackward(b.Pool, drows, dgates, dy, rows, gates, slot, r.Rows, k.K, k.D)
		kernel.GatherRows(b.Pool, xs, x, token[:live], k.D)
		kernel.SwiGLU(b.Pool, act, gateup, live, k.F)
		for e := range k.E {
			lo, n := int(offsets[e]), int(offsets[e+1]-offsets[e])
			w := e * k.D * k.F
			kernel.Gemm(b.Pool, false, false, n, k.F, k.D, drows[lo*k.D:], k.D, down[w:], k.F, 0, dact[lo*k.F:], k.F)
			kernel.Gemm(b.Pool, true, false, k.D, k.F, n, drows[lo*k.D:], k.D, act[lo*k.F:], k.F, 0, ddown[w:], k.F)
		}
		kernel.SwiGLUBackward(b.Pool, dgateup, dact, gateup, live, k.F)
		dxs := drows
		for e := range k.E {
			lo, n := int(offsets[e]), int(offsets[e+1]-offsets[e])
			w := e * 2 * k.F * k.D
			kernel.Gemm(b.Pool, true, false, 2*k.F, k.D, n, dgateup[lo*2*k.F:], 2*k.F, xs[lo*k.D:], k.D, 0, dup[w:], k.D)
			kernel.Gemm(b.Pool, false, false, n, k.D, 2*k.F, dgateup[lo*2*k.F:], 2*k.F, up[w:], k.D, 0, dxs[lo*k.D:], k.D)
		}
		for i := range ones[:r.Rows*k.K] {
			ones[i] = 1
		}
		kernel.CombineRows(b.Pool, dx, dxs, ones, slot, r.Rows, k.K, k.D)
		r.FLOPs += ExpertsBackwardFLOPs(live, k.D, k.F)
	}, nil
}

// ExpertsFLOPs counts the forward pass of Experts over n assignments: two matrix products, the gate, the sum.
func ExpertsFLOPs(n, d, f int) float64 {
	return LinearFLOPs(n, d, 2*f, false) + ActivationFLOPs(n, f) + LinearFLOPs(n, f, d, false) + 2*float64(n)*float64(d)
}

// ExpertsBackwardFLOPs counts the backward pass of Experts over n assignments: four matrix products, the gate again and its
// derivative, the sums.
func ExpertsBackwardFLOPs(n, d, f int) float64 {
	return 2*(LinearFLOPs(n, d, 2*f, false)+LinearFLOPs(n, f, d, false)) + 3*ActivationFLOPs(n, f) + 5*float64(n)*float64(d)
}
