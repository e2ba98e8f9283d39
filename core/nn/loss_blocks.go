package nn

import (
	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
)

// lossBlock is the number of rows whose logits exist at once. Each block adds to the whole gradient of the projection, which
// is read and written again, so that its logits are no less than a quarter of that, but no more rows than pay and no more than
// 16 MiB of logits where 32 rows are less.
func lossBlock(d, v int) int {
	rows := min(max((1<<19)/v, d/4, 32)&^15, 512)
	return min(rows, max((1<<22)/v&^15, 32))
}

// lossStride is how far the logits' rows are apart: not a multiple of a page, where the rows of a product's tile fall on the same
// few sets of the first-level cache.
func lossStride(v int) int {
	if v%1024 == 0 {
		return v + 16
	}
	return v
}

// lossScratch is what lossBlocks needs, in float32s.
func lossScratch(d, v int) int { return lossBlock(d, v) * (lossStride(v) + d + 2) }

// lossBlocks walks the rows of a head that have a loss, a block at a time.
type lossBlocks struct {
	b           engine.Binding
	d, v, rows  int
	ld          int           // of logits
	hidden      engine.Buffer // [M,D], of 16 or 32 bits
	projection  []float32     // [V,D]
	dHidden     engine.Buffer // [M,D], of 16 or 32 bits; empty: no gradients
	dProjection []float32     // [V,D]
	add         bool          // to dProjection rather than set it
	scale       float32       // of gradients

	x       []float32 // [rows,D] of the block: hidden, then its gradient
	logits  []float32 // [rows,V], with ld floats from a row to the next
	logp    []float32
	weights []float32
	targets []int32
	index   []int32 // rows of the block

	across, along kernel.Packed // the projection as it makes logits, and as it takes their gradients

	correct []bool      // nil: not wanted
	visit   func(n int) // called after each block, when set
}

func newLossBlocks(b engine.Binding, d, v int) *lossBlocks {
	n, s := lossBlock(d, v), b.Scratch
	w := &lossBlocks{
		b: b, d: d, v: v, rows: n, ld: lossStride(v), hidden: b.In[lossHidden], projection: b.In[lossProjection].F32, scale: 1,
		targets: make([]int32, n), index: make([]int32, n),
	}
	cut := func(n int) (part []float32) {
		part, s = s[:n:n], s[n:]
		return part
	}
	w.logits, w.x, w.logp, w.weights = cut(n*w.ld), cut(n*d), cut(n), cut(n)
	return w
}

// head answers the sum of weight x (-log p) of a head that predicts offset tokens later, and makes its gradients.
func (w *lossBlocks) head(r *engine.Run, offset int) float64 {
	w.clearRows(r.Rows)
	targets, weights := w.b.In[lossTargets].I32, w.b.In[lossWeights].F32
	sum, n, blocks := 0.0, 0, 0
	next := func() {
		if blocks++; blocks == 1 {
			w.pack()
		}
		sum += w.block(r, n)
		n = 0
	}
	for _, s := range r.Segments {
		for i := s.Start; i < s.Start+s.Len-offset; i++ {
			if weights[i+offset] == 0 {
				continue
			}
			w.index[n], w.targets[n], w.weights[n] = int32(i), targets[i+offset], weights[i+offset]
			if n++; n == w.rows {
				next()
			}
		}
	}
	if n > 0 {
		next()
	}
	w.across.Release()
	w.along.Release()
	if !w.add {
		clear(w.dProjection)
	}
	return sum
}

// pack packs the projection for all blocks.
func (w *lossBlocks) pack() {
	p, d, v := w.b.Pool, w.d, w.v
	w.across = kernel.PackB(p, true, v, d, w.projection, d)
	if w.dProjection != nil {
		w.along = kernel.PackB(p, false, d, v, w.projection, d)
	}
}

func (w *lossBlocks) block(r *engine.Run, n int) float64 {
	p, d, v := w.b.Pool, w.d, w.v
	w.gather(w.index[:n])
	w.across.Times(p, n, w.x, d, w.logits, w.ld)
	sum := kernel.SoftmaxLoss(p, w.logits, w.ld, w.targets[:n], w.weights[:n], w.logp, w.correct, n, v, w.dProjection != nil, w.scale)
	r.FLOPs += LossFLOPs(n, d, v)
	if w.visit != nil {
		w.visit(n)
	}
	if w.dProjection == nil {
		return sum
	}
	beta := float32(0)
	if w.add {
		beta = 1
	}
	kernel.Gemm(p, true, false, v, d, n, w.logits, w.ld, w.x, d, beta, w.dProjection, d)
	w.add = true
	w.along.Times(p, n, w.logits, w.ld, w.x, d)
	w.scatter(w.index[:n])
	r.FLOPs += LossBackwardFLOPs(n, d, v)
	return sum
}

// clearRows sets the gradients of the rows in use to 0: that of a row without a loss.
func (w *lossBlocks) clearRows(rows int) {
	if w.dHidden.F16 != nil {
		clear(w.dHidden.F16[:rows*w.d])
	} else if w.dHidden.F32 != nil {
		clear(w.dHidden.F32[:rows*w.d])
	}
}

// gather sets x to rows of hidden.
func (w *lossBlocks) gather(index []int32) {
	switch p := w.b.Pool; {
	case w.hidden.F16 == nil:
		kernel.GatherRows(p, w.x, w.hidden.F32, index, w.d)
	case w.b.Precision == engine.BF16:
		kernel.GatherRowsBF16(p, w.x, w.hidden.F16, index, w.d)
	default:
		kernel.GatherRowsFP16(p, w.x, w.hidden.F16, index, w.d)
	}
}

// scatter sets rows of dHidden to x.
func (w *lossBlocks) scatter(index []int32) {
	switch p := w.b.Pool; {
	case w.dHidden.F16 == nil:
		kernel.ScatterRows(p, w.dHidden.F32, w.x, index, w.d)
	case w.b.Precision == engine.BF16:
		kernel.ScatterRowsBF16(p, w.dHidden.F16, w.x, index, w.d)
	default:
		kernel.ScatterRowsFP16(p, w.dHidden.F16, w.x, index, w.d)
	}
}
