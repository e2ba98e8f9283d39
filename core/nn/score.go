package nn

import (
	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"gorgonia.org/tensor"
)

// ScoreNodes are the nodes that Score makes.
type ScoreNodes struct {
	LogProbs *Node // [M] natural logarithm of p(target), 0 where the weight is 0
	Correct  *Node // [M] int32: 1 where the target is the argmax (ties: the lowest id)
}

// Score judges the main head at every row whose weight is not 0.
func Score(g *Graph, out Output) ScoreNodes {
	wantShape("score", "hidden", out.Hidden, g.rows, -1)
	d := out.Hidden.Shape()[1]
	wantShape("score", "projection", out.Projection, -1, d)
	n := Apply(score{D: d, V: out.Projection.Shape()[0]}, []int{g.rows}, g.Targets(), g.Weights(), out.Hidden, out.Projection)
	correct, err := engine.SavedInts(n, 0, g.rows)
	if err != nil {
		Fail("score", "%v", err)
	}
	return ScoreNodes{LogProbs: n, Correct: correct}
}

type score struct{ D, V int }

func (score) Name() string { return "score" }

func (k score) Layout(in []tensor.Shape) engine.Layout {
	return engine.Layout{Saved: []engine.Extent{{Len: in[0][0], Int: true}}, Scratch: lossScratch(k.D, k.V)}
}

func (k score) Bind(b engine.Binding) (engine.Kernel, error) {
	w := newLossBlocks(b, k.D, k.V)
	logp, correct := b.Out.F32, b.Saved[0].I32
	w.correct = make([]bool, w.rows)
	w.visit = func(n int) {
		for i, row := range w.index[:n] {
			logp[row] = w.logp[i]
			if w.correct[i] {
				correct[row] = 1
			}
		}
	}
	return func(r *engine.Run) {
		clear(logp[:r.Rows])
		clear(correct[:r.Rows])
		w.head(r, 0)
	}, nil
}

// Logits is the projection of the rows that Run.Select lists, in that order: hidden [M,D], projection [V,D]; [M,V], of
// which the first len(Select) rows are in use.
func Logits(g *Graph, hidden, projection *Node) *Node {
	wantShape("logits", "hidden", hidden, g.rows, -1)
	d := hidden.Shape()[1]
	wantShape("logits", "projection", projection, -1, d)
	v := projection.Shape()[0]
	k := logits{D: d, V: v}
	if turned := g.turned(projection); turned != nil {
		k.Turned, projection = true, turned
	}
	return Apply(k, []int{g.rows, v}, hidden, projection)
}

type logits struct {
	D, V   int
	Turned bool // the projection is given as [D,V]
}

func (logits) Name() string { return "logits" }

func (k logits) Layout(in []tensor.Shape) engine.Layout {
	return engine.Layout{Scratch: in[0].TotalSize()}
}

func (k logits) Bind(b engine.Binding) (engine.Kernel, error) {
	hidden, projection, out, x := b.In[0].F32, b.In[1].F32, b.Out.F32, b.Scratch
	ld := k.D
	if k.Turned {
		ld = k.V
	}
	return func(r *engine.Run) {
		n := len(r.Select)
		kernel.GatherRows(b.Pool, x, hidden, r.Select, k.D)
		kernel.Gemm(b.Pool, false, !k.Turned, n, k.V, k.D, x, k.D, projection, ld, 0, out, k.V)
		r.FLOPs += LinearFLOPs(n, k.D, k.V, false)
	}, nil
}
