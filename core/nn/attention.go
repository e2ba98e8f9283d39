package nn

import (
	"math"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// AttentionConfig gives the heads of an attention op.
type AttentionConfig struct {
	Heads   int // H
	KVHeads int // G: H for multi-head, 1 for multi-query attention
	Width   int // K, of one head
	Window  int // a row sees itself and the Window-1 rows before it; 0: all before it
}

// Attention is causal softmax attention inside each sequence, scaled by 1/sqrt(K) (Vaswani et al. 2017; grouped heads:
// Ainslie et al. 2023): qkv [M,(H+2G)K] holds each row's query, key and value heads; [M,HK]. It never materialises
// T x T. While decoding it keeps keys and values under the given name.
func (g *Graph) Attention(name string, qkv *Node, c AttentionConfig) *Node {
	switch {
	case c.Heads < 1 || c.KVHeads < 1 || c.Width < 1:
		Fail("attention", "H=%d G=%d K=%d, want at least 1 each", c.Heads, c.KVHeads, c.Width)
	case c.Heads%c.KVHeads != 0:
		Fail("attention", "H=%d is not divisible by G=%d", c.Heads, c.KVHeads)
	case c.Window < 0:
		Fail("attention", "window=%d is negative", c.Window)
	}
	wantShape("attention", "qkv", qkv, g.rows, (c.Heads+2*c.KVHeads)*c.Width)
	return Apply(attention{Site: name, AttentionConfig: c}, []int{g.rows, c.Heads * c.Width}, qkv)
}

// attention saves the logarithm of each row's softmax denominators: lse [M,H].
type attention struct {
	Site string
	AttentionConfig
}

func (attention) Name() string { return "attention" }

func (k attention) Layout(in []tensor.Shape) engine.Layout {
	return engine.Layout{Saved: []engine.Extent{{Len: in[0][0] * k.Heads}}}
}

// State is a cache of keys and values.
func (k attention) State() engine.StateSpec {
	w := k.KVHeads * k.Width
	return engine.StateSpec{Name: k.Site, PerToken: []int{w, w}, Window: k.Window}
}

func (k attention) dims() kernel.AttentionDims {
	return kernel.AttentionDims{
		H: k.Heads, G: k.KVHeads, K: k.Width, Window: k.Window,
		Scale: float32(1 / math.Sqrt(float64(k.Width))),
	}
}

func (k attention) Bind(b engine.Binding) (engine.Kernel, error) {
	qkv, out, lse, dims := b.In[0].F32, b.Out.F32, b.Saved[0].F32, k.dims()
	segs := make([]kernel.Segment, b.Out.Shape[0])
	caches := make([]kernel.AttentionCache, b.Out.Shape[0])
	return func(r *engine.Run) {
		if r.States == nil {
			flops := k.flops(r.Segments, false)
			kernel.Attention(threads(b.Pool, flops), out, lse, qkv, r.Segments, nil, dims)
			r.FLOPs += flops
			return
		}
		n := len(r.Segments)
		for i, s := range r.Segments {
			slot := &r.States[i].Slots[b.Slot]
			k.remember(slot, qkv, s)
			// The cache starts at slot.Base: count positions from there. Base is a multiple of the key blocks, and
			// nothing else depends on absolute positions, so that the result has the same bits.
			segs[i] = kernel.Segment{Start: s.Start, Len: s.Len, Pos: s.Pos - slot.Base}
			caches[i] = kernel.AttentionCache{K: slot.Areas[0], V: slot.Areas[1]}
		}
		flops := k.flops(r.Segments, true)
		kernel.Attention(threads(b.Pool, flops), out, lse, qkv, segs[:n], caches[:n], dims)
		clear(caches[:n])
		r.FLOPs += flops
	}, nil
}

// remember appends the segment's keys and values to the cache.
func (k attention) remember(slot *engine.Slot, qkv []float32, s kernel.Segment) {
	w, row := k.KVHeads*k.Width, (k.Heads+2*k.KVHeads)*k.Width
	for i := range s.Len {
		x := qkv[(s.Start+i)*row+k.Heads*k.Width:]
		at := (s.Pos + i - slot.Base) * w
		copy(slot.Areas[0][at:at+w], x[:w])
		copy(slot.Areas[1][at:at+w], x[w:2*w])
	}
}

// flops counts the forward pass over the segments; cached says that rows see what was fed before.
func (k attention) flops(segs []kernel.Segment, cached bool) float64 {
	pairs := 0
	for _, s := range segs {
		from := 0
		if cached {
			from = s.Pos
		}
		pairs += AttentionPairs(from, s.Len, k.Window)
	}
	return AttentionFLOPs(pairs, k.Heads, k.Width)
}

func (k attention) Grad(in gorgonia.Nodes, out, grad *Node) gorgonia.Nodes {
	return gorgonia.Nodes{Apply(attentionGrad{k.AttentionConfig}, in[0].Shape(), grad, out, in[0])}
}

// attentionGrad is dqkv of (dout, out, qkv).
type attentionGrad struct{ AttentionConfig }

func (attentionGrad) Name() string { return "attention.backward" }

func (attentionGrad) Layout([]tensor.Shape) engine.Layout { return engine.Layout{} }

func (k attentionGrad) Bind(b engine.Binding) (engine.Kernel, error) {
	dout, out, lse, qkv, dqkv := b.In[0].F32, b.In[1].F32, b.In[1].Saved[0].F32, b.In[2].F32, b.Out.F32
	forward := attention{AttentionConfig: k.AttentionConfig}
	dims := forward.dims()
	return func(r *engine.Run) {
		kernel.AttentionBackward(b.Pool, dqkv, dout, out, lse, qkv, r.Segments, dims)
		r.FLOPs += AttentionBackwardFLOPs * forward.flops(r.Segments, false)
	}, nil
}
