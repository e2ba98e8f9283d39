package nn

import (
	"slices"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// Share is the name of the scalar input that multiplies all auxiliary losses: the micro-batch's share of its step, so
// that accumulating gradients does not change their strength. It exists only in graphs with auxiliary losses.
const Share = "share"

// LossScale is the name of the scalar input that multiplies all gradients, in graphs that were told to have one.
const LossScale = "loss_scale"

// LossNodes are the nodes that Loss makes.
type LossNodes struct {
	// Total is the scalar to minimise: the heads' losses by their weights plus the auxiliary losses.
	Total *Node
	// Heads, [1+len(Output.Heads),2], holds the sum of weight x (-log p(target)) of the main head and of each extra head as
	// two float32 whose sum is the value to about 48 bits.
	Heads *Node
}

// Loss is the weighted cross-entropy of the main head and of the extra heads, fused with their output projections and
// computed only where weights are not 0. Logits exist for one block of rows at a time whatever the number of heads; in
// Training graphs the gradients are made in the same pass, one head after the other. An extra head has the weight of
// the row that its target belongs to.
func Loss(g *Graph, out Output) LossNodes {
	wantShape("loss", "hidden", out.Hidden, g.rows, -1)
	d := out.Hidden.Shape()[1]
	wantShape("loss", "projection", out.Projection, -1, d)
	k := loss{D: d, V: out.Projection.Shape()[0], Train: g.mode == Training}
	in := []*Node{g.Targets(), g.Weights()}
	input := func(n *Node) int {
		for i, x := range in {
			if x == n {
				return i
			}
		}
		in = append(in, n)
		return len(in) - 1
	}
	heads := append([]Head{{Hidden: out.Hidden, Projection: out.Projection, Weight: 1}}, out.Heads...)
	for _, h := range heads {
		wantShape("loss", "hidden of head "+h.Name, h.Hidden, g.rows, d)
		wantShape("loss", "projection of head "+h.Name, h.Projection, k.V, d)
		k.Heads = append(k.Heads, lossHead{Hidden: input(h.Hidden), Projection: input(h.Projection), Offset: h.Offset, Weight: h.Weight})
	}
	k.Aux = len(in)
	if len(out.Aux) > 0 {
		in = append(in, gorgonia.NewScalar(g.expr, tensor.Float32, gorgonia.WithName(Share)))
	}
	for _, a := range out.Aux {
		wantShape("loss", "auxiliary loss "+a.Name, a.Node)
		in = append(in, a.Node)
		k.Coefficients = append(k.Coefficients, a.Coefficient)
	}
	if g.scaled {
		k.Scale = len(in)
		in = append(in, gorgonia.NewScalar(g.expr, tensor.Float32, gorgonia.WithName(LossScale)))
	}
	total := Apply(k, nil, in...)
	return LossNodes{Total: total, Heads: SavedNode(total, 0, len(heads), 2)}
}

// loss has the inputs targets, weights, then hiddens and projections (each once), then, from Aux on, the share and the
// auxiliary losses, and last the loss scale if there is one. It saves the heads' losses and, when training, the gradient of every hidden and projection
// in the order of the inputs.
type loss struct {
	D, V         int
	Train        bool
	Heads        []lossHead
	Aux          int
	Coefficients []float32
	Scale        int // input; 0: none
}

// lossHead names its inputs by index.
type lossHead struct {
	Hidden, Projection int
	Offset             int
	Weight             float32
}

const (
	lossTargets = iota
	lossWeights
	lossFirst // the first hidden
)

func (loss) Name() string { return "loss" }

// lossBlock is the number of rows whose logits exist at once. Each block adds to the whole gradient of the projection, which
// is read and written again: the more rows the better.
func lossBlock(v int) int { return min(max((1<<21)/v/16*16, 32), 512) }

func (k loss) Layout(in []tensor.Shape) engine.Layout {
	saved := []engine.Extent{{Len: 2 * len(k.Heads)}}
	if k.Train {
		for i := lossFirst; i < k.Aux; i++ {
			saved = append(saved, k.extent(in[i], i))
		}
	}
	return engine.Layout{Saved: saved, Scratch: lossBlock(k.V) * (k.V + 2*k.D + 2)}
}

// extent is that of the gradient of an input: a hidden has rows, a projection is a parameter.
func (k loss) extent(shape tensor.Shape, input int) engine.Extent {
	hidden := slices.ContainsFunc(k.Heads, func(h lossHead) bool { return h.Hidden == input })
	return engine.Extent{Len: shape.TotalSize(), Rows: hidden, Half: hidden}
}

// Detached inputs are the weights, the share and the loss scale.
func (k loss) Detached(input int) bool {
	return input == lossWeights || input == k.Aux || k.Scale > 0 && input == k.Scale
}

func (k loss) Bind(b engine.Binding) (engine.Kernel, error) {
	w := newLossBlocks(b, k.D, k.V)
	written := make([]bool, len(b.In)) // inputs whose gradient was begun
	return func(r *engine.Run) {
		total := 0.0
		clear(written)
		if w.scale = 1; k.Scale > 0 {
			w.scale = b.In[k.Scale].F32[0]
		}
		for h, head := range k.Heads {
			w.hidden, w.projection = b.In[head.Hidden].F32, b.In[head.Projection].F32
			if k.Train {
				w.dHidden = b.Saved[1+head.Hidden-lossFirst].F32
				w.dProjection = b.Saved[1+head.Projection-lossFirst].F32
				if !written[head.Projection] {
					clear(w.dProjection)
				}
				if !written[head.Hidden] {
					clear(w.dHidden[:r.Rows*k.D])
				}
				written[head.Projection], written[head.Hidden] = true, true
			}
			sum := w.head(r, head)
			hi := float32(sum)
			b.Saved[0].F32[2*h], b.Saved[0].F32[2*h+1] = hi, float32(sum-float64(hi))
			total += float64(head.Weight) * sum
		}
		for i, c := range k.Coefficients {
			total += float64(b.In[k.Aux].F32[0]) * float64(c) * float64(b.In[k.Aux+1+i].F32[0])
		}
		b.Out.F32[0] = float32(total)
	}, nil
}

func (k loss) Grad(in gorgonia.Nodes, out, grad *Node) gorgonia.Nodes {
	grads := make(gorgonia.Nodes, len(in))
	for i := lossFirst; i < k.Aux; i++ { // the kernel has scaled them
		grads[i] = timesScalar(SavedNode(out, 1+i-lossFirst, in[i].Shape()...), grad)
	}
	if k.Scale > 0 {
		grad = timesScalar(in[k.Scale], grad)
	}
	for i, c := range k.Coefficients {
		grads[k.Aux+1+i] = timesScalar(scalarScale(in[k.Aux], c), grad)
	}
	return grads
}

// lossBlocks walks the rows of one head that have a loss, a block at a time.
type lossBlocks struct {
	b                    engine.Binding
	d, v, rows           int
	hidden, projection   []float32
	dHidden, dProjection []float32 // nil: no gradients

	x, logits, dx, logp, weights []float32
	targets                      []int32
	index                        []int32 // rows of the block
	scale                        float32 // of gradients

	correct []bool      // nil: not wanted
	visit   func(n int) // called after each block, when set
}

func newLossBlocks(b engine.Binding, d, v int) *lossBlocks {
	n, s := lossBlock(v), b.Scratch
	w := &lossBlocks{b: b, d: d, v: v, rows: n, scale: 1, targets: make([]int32, n), index: make([]int32, n)}
	cut := func(n int) (part []float32) {
		part, s = s[:n:n], s[n:]
		return part
	}
	w.logits, w.x, w.dx, w.logp, w.weights = cut(n*v), cut(n*d), cut(n*d), cut(n), cut(n)
	return w
}

// head answers the sum of weight x (-log p) of one head and adds its gradients, multiplied by the head's weight.
func (w *lossBlocks) head(r *engine.Run, h lossHead) float64 {
	targets, weights := w.b.In[lossTargets].I32, w.b.In[lossWeights].F32
	sum, n := 0.0, 0
	for _, s := range r.Segments {
		for i := s.Start; i < s.Start+s.Len-h.Offset; i++ {
			if weights[i+h.Offset] == 0 {
				continue
			}
			w.index[n], w.targets[n], w.weights[n] = int32(i), targets[i+h.Offset], weights[i+h.Offset]
			if n++; n == w.rows {
				sum += w.block(r, n, h.Weight*w.scale)
				n = 0
			}
		}
	}
	if n > 0 {
		sum += w.block(r, n, h.Weight*w.scale)
	}
	return sum
}

func (w *lossBlocks) block(r *engine.Run, n int, scale float32) float64 {
	p, d, v := w.b.Pool, w.d, w.v
	kernel.GatherRows(p, w.x, w.hidden, w.index[:n], d)
	kernel.Gemm(p, false, true, n, v, d, w.x, d, w.projection, d, 0, w.logits, v)
	sum := kernel.SoftmaxLoss(p, w.logits, w.targets[:n], w.weights[:n], w.logp, w.correct, n, v, w.dHidden != nil)
	r.FLOPs += LossFLOPs(n, d, v)
	if w.visit != nil {
		w.visit(n)
	}
	if w.dHidden == nil {
		return sum
	}
	if scale != 1 {
		kernel.Scale(p, w.logits[:n*v], w.logits[:n*v], scale)
	}
	kernel.Gemm(p, false, false, n, d, v, w.logits, v, w.projection, d, 0, w.dx, d)
	kernel.Gemm(p, true, false, v, d, n, w.logits, v, w.x, d, 1, w.dProjection, d)
	kernel.ScatterAddRows(p, w.dHidden, w.dx, w.index[:n], d)
	r.FLOPs += LossBackwardFLOPs(n, d, v)
	return sum
}
