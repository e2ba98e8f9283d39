package nn

import (
	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Experts is y_i = Σ_j gate_ij · down_e act(up_e x_i) over the experts e that token i chose, where act is an MLP's kind:
// "gelu", "squared_relu" or "swiglu". x [M,D], down [E,D,F], up [E,F,D] or for swiglu [E,2F,D], gates first; [M,D]. Tokens
// are sorted by expert, so that each expert is one matrix product over exactly its tokens, and all experts' are one
// operation: compute grows with K and not with E, and nothing is padded.
func Experts(x *Node, r Routing, kind string, up, down *Node) *Node {
	wantShape("experts", "x", x, -1, -1)
	m, d, e := x.Shape()[0], x.Shape()[1], r.cfg.E
	wantShape("experts", "down", down, e, d, -1)
	k := experts{D: d, E: e, F: down.Shape()[2], K: r.cfg.K, Act: kind}
	if _, ok := activations[kind]; !ok && kind != "swiglu" {
		Fail("experts", "got %q, want gelu, squared_relu or swiglu", kind)
	}
	wantShape("experts", "up", up, e, k.wide(), d)
	wantShape("experts", "gates", r.Gates, m, r.cfg.K)
	turnedUp, turnedDown := r.graph.turned(up), r.graph.turned(down)
	if turnedUp != nil && turnedDown != nil {
		k.Turned, up, down = true, turnedUp, turnedDown
	}
	return Apply(k, []int{m, d}, x, r.Gates, r.kept, up, down)
}

// What experts saves, for M·K slots. Slot i·K+j is token i's j-th choice; sorted rows follow the experts.
const (
	expertsOrder   = iota // [M·K] int32: the slot of each sorted row
	expertsOffsets        // [E+1] int32: expert e has the sorted rows [offsets[e],offsets[e+1])
	expertsSlot           // [M·K] int32: the sorted row of each slot, -1 for dropped ones
	expertsToken          // [M·K] int32: the token of each sorted row
	expertsWide           // [M·K,2F] sorted
	expertsRows           // [M·K,D] sorted: what each expert answers, before its gate
)

type experts struct {
	D, E, F, K int
	Act        string
	Turned     bool // up and down are given as [E,D,wide] and [E,F,D]; such a node has no gradient
}

// wide is the number of columns of an expert's matrix up.
func (k experts) wide() int {
	if k.Act == "swiglu" {
		return 2 * k.F
	}
	return k.F
}

// kernel is the experts' shape for the kernels.
func (k experts) kernel() kernel.Expert {
	e := kernel.Expert{D: k.D, F: k.F, Wide: k.wide(), Turned: k.Turned}
	if k.Act == "swiglu" {
		e.Act = func(y, x []float32, n int) { kernel.SwiGLU(nil, y, x, n, k.F) }
		e.ActBackward = func(dx, dy, x []float32, n int) { kernel.SwiGLUBackward(nil, dx, dy, x, n, k.F) }
		return e
	}
	fn := activations[k.Act]
	e.Act = func(y, x []float32, n int) { fn.forward(nil, y[:n*k.F], x[:n*k.F]) }
	e.ActBackward = func(dx, dy, x []float32, n int) { fn.backward(nil, dx[:n*k.F], dy[:n*k.F], x[:n*k.F]) }
	return e
}

func (experts) Name() string { return "experts" }

func (k experts) Layout(in []tensor.Shape) engine.Layout {
	n := in[0][0] * k.K
	return engine.Layout{
		Saved: []engine.Extent{
			expertsOrder: {Len: n, Int: true}, expertsOffsets: {Len: k.E + 1, Int: true},
			expertsSlot: {Len: n, Int: true}, expertsToken: {Len: n, Int: true},
			expertsWide: {Len: n * k.wide()}, expertsRows: {Len: n * k.D},
		},
		Scratch: n * k.D,
	}
}

func (k experts) Bind(b engine.Binding) (engine.Kernel, error) {
	x, gates, kept, up, down, y := b.In[0].F32, b.In[1].F32, b.In[2].I32, b.In[3].F32, b.In[4].F32, b.Out.F32
	order, offsets := b.Saved[expertsOrder].I32, b.Saved[expertsOffsets].I32
	slot, token := b.Saved[expertsSlot].I32, b.Saved[expertsToken].I32
	wide, rows := b.Saved[expertsWide].F32, b.Saved[expertsRows].F32
	xs, shape := b.Scratch, k.kernel()
	return func(r *engine.Run) {
		n := r.Rows * k.K
		kernel.CountingSort(order, offsets, kept, n, k.E)
		live := int(offsets[k.E])
		for i, s := range order[:live] {
			token[i] = s / int32(k.K)
		}
		kernel.InvertOrder(slot, order[:live], n)
		kernel.GatherRows(b.Pool, xs, x, token[:live], k.D)
		kernel.ExpertRows(b.Pool, offsets, shape, xs, up, down, wide, rows)
		kernel.CombineRows(b.Pool, y, rows, gates, slot, r.Rows, k.K, k.D)
		r.FLOPs += ExpertsFLOPs(live, k.D, k.F, k.Act)
	}, nil
}

func (k experts) Grad(in gorgonia.Nodes, out, grad *Node) gorgonia.Nodes {
	if k.Turned {
		Fail("experts", "has a derivative in training only")
	}
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
		Saved:   []engine.Extent{{Len: n}, {Len: k.E * experts(k).wide() * k.D}, {Len: k.E * k.D * k.F}},
		Scratch: n * (3*k.D + k.F + experts(k).wide() + 1),
		InPlace: []int{0},
	}
}

func (k expertsGrad) Bind(b engine.Binding) (engine.Kernel, error) {
	dy, x, gates, up, down := b.In[0].F32, b.In[1].F32, b.In[2].F32, b.In[3].F32, b.In[4].F32
	saved := b.In[5].Saved
	offsets, slot, token := saved[expertsOffsets].I32, saved[expertsSlot].I32, saved[expertsToken].I32
	wide, rows := saved[expertsWide].F32, saved[expertsRows].F32
	dx, dgates, dup, ddown := b.Out.F32, b.Saved[0].F32, b.Saved[1].F32, b.Saved[2].F32
	scratch, n := b.Scratch, len(token)
	carve := func(size int) []float32 {
		part := scratch[:n*size]
		scratch = scratch[n*size:]
		return part
	}
	width := experts(k).wide()
	xs, drows, dxs, act, dwide, ones := carve(k.D), carve(k.D), carve(k.D), carve(k.F), carve(width), carve(1)
	shape := experts(k).kernel()
	return func(r *engine.Run) {
		live := int(offsets[k.E])
		kernel.CombineRowsBackward(b.Pool, drows, dgates, dy, rows, gates, slot, r.Rows, k.K, k.D)
		kernel.GatherRows(b.Pool, xs, x, token[:live], k.D)
		kernel.ExpertRowsBackward(b.Pool, offsets, shape, drows, up, down, wide, act, dwide, dxs)
		kernel.GemmSums(b.Pool, offsets, k.D, k.F, drows, act, ddown)
		kernel.GemmSums(b.Pool, offsets, width, k.D, dwide, xs, dup)
		for i := range ones[:r.Rows*k.K] {
			ones[i] = 1
		}
		kernel.CombineRows(b.Pool, dx, dxs, ones, slot, r.Rows, k.K, k.D)
		r.FLOPs += ExpertsBackwardFLOPs(live, k.D, k.F, k.Act)
	}, nil
}

// ExpertsFLOPs counts the forward pass of Experts over n assignments: two matrix products, the activation, the sum.
func ExpertsFLOPs(n, d, f int, kind string) float64 {
	wide := experts{F: f, Act: kind}.wide()
	return LinearFLOPs(n, d, wide, false) + ActivationFLOPs(n, f) + LinearFLOPs(n, f, d, false) + 2*float64(n)*float64(d)
}

// ExpertsBackwardFLOPs counts the backward pass of Experts over n assignments: four matrix products, the activation again
// and its derivative, the sums.
func ExpertsBackwardFLOPs(n, d, f int, kind string) float64 {
	wide := experts{F: f, Act: kind}.wide()
	act := ActivationFLOPs(n, f) + ActivationFLOPs(n, wide)
	return 2*(LinearFLOPs(n, d, wide, false)+LinearFLOPs(n, f, d, false)) + act + 5*float64(n)*float64(d)
}
