package nn

import (
	"slices"

	"github.com/archlab/archlab/core/engine"
)

// A product with few rows of x reads every weight once or twice, so that turning the weights [out,in] into the order in which
// the kernel runs through them takes several times longer than the product. Decoding plans for few rows therefore turn each
// matrix once, while the weights stay, and keep the copy. Every sum keeps its order, and so its bits.
const (
	turnRows = 8       // the most rows of a plan that keeps turned weights
	turnSize = 1 << 20 // the most elements of a matrix that is kept turned: copies take memory in every such plan
)

// Project is Linear(x, w, bias) for a parameter w, which decoding reads faster.
func (g *Graph) Project(x, w, bias *Node) *Node {
	turned := g.turned(w)
	if turned == nil {
		return Linear(x, w, bias)
	}
	k := linear{In: w.Shape()[1], Out: w.Shape()[0], Turned: true}
	shape := []int{x.Shape()[0], k.Out}
	if bias == nil {
		return Apply(k, shape, x, turned)
	}
	wantShape("linear", "bias", bias, k.Out)
	return Apply(k, shape, x, turned, bias)
}

// turned is wᵀ [in,out] of w [out,in], or of each of w [E,out,in], or nil where w is better read as it is.
func (g *Graph) turned(w *Node) *Node {
	shape := w.Shape()
	axes := len(shape)
	if g.mode != Decoding || g.rows > turnRows || size(shape) > turnSize {
		return nil
	}
	k := turn{Out: shape[axes-2], In: shape[axes-1]}
	return Apply(k, append(slices.Clone(shape[:axes-2]), k.In, k.Out), w)
}

type turn struct {
	derived
	In, Out int
}

func (turn) Name() string { return "turn" }

func (k turn) Bind(b engine.Binding) (engine.Kernel, error) {
	w, t := b.In[0].F32, b.Out.F32
	return func(*engine.Run) {
		n := k.In * k.Out
		for at := 0; at < len(w); at += n {
			k.one(t[at:at+n], w[at:at+n])
		}
	}, nil
}

// one turns one matrix, in blocks of rows, so that what is written to stays in the cache.
func (k turn) one(t, w []float32) {
	const block = 16
	for i := 0; i < k.Out; i += block {
		end := min(i+block, k.Out)
		for j := range k.In {
			row := t[j*k.Out : (j+1)*k.Out]
			for o := i; o < end; o++ {
				row[o] = w[o*k.In+j]
			}
		}
	}
}
