package nn

import (
	"github.com/archlab/archlab/core/engine"
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
	// Heads are the sums of weight x (-log p(target)) of the main head and of each extra head, [2] each: two float32 whose sum
	// is the value to about 48 bits.
	Heads []*Node
	// BackwardAfter is what engine.Options.BackwardAfter should be, so that no head's activations outlive its gradients.
	BackwardAfter []*Node
}

// Loss is the weighted cross-entropy of the main head and of the extra heads, fused with their output projections and
// computed only where weights are not 0. Logits exist for one block of rows of one head at a time; in Training graphs the gradients
// are made in the same pass. An extra head has the weight of the row that its target belongs to.
//
// Every head has an op of its own: a head's gradients go down to what the heads share before the next head is computed (Gloeckle et
// al. 2024, section 2). Those of a projection that heads share are added up from head to head, in one memory.
func Loss(g *Graph, out Output) LossNodes {
	wantShape("loss", "hidden", out.Hidden, g.rows, -1)
	d := out.Hidden.Shape()[1]
	wantShape("loss", "projection", out.Projection, -1, d)
	v := out.Projection.Shape()[0]
	heads := append([]Head{{Hidden: out.Hidden, Projection: out.Projection, Weight: 1}}, out.Heads...)
	left := map[*Node]int{} // heads still to come on a projection
	for _, h := range heads {
		wantShape("loss", "hidden of head "+h.Name, h.Hidden, g.rows, d)
		wantShape("loss", "projection of head "+h.Name, h.Projection, v, d)
		left[h.Projection]++
	}
	var scale *Node
	if g.scaled {
		scale = gorgonia.NewScalar(g.expr, tensor.Float32, gorgonia.WithName(LossScale))
	}
	var nodes LossNodes
	before := map[*Node]*Node{} // the head before on a projection
	for _, h := range heads {
		left[h.Projection]--
		k := loss{D: d, V: v, Offset: h.Offset, Weight: h.Weight, Train: g.mode == Training, Last: left[h.Projection] == 0}
		in := []*Node{g.Targets(), g.Weights(), h.Hidden, h.Projection}
		if x := before[h.Projection]; x != nil && k.Train {
			k.Before = len(in)
			in = append(in, x)
		}
		if scale != nil {
			k.Scale = len(in)
			in = append(in, scale)
		}
		n := Apply(k, nil, in...)
		before[h.Projection] = n
		nodes.BackwardAfter = append(nodes.BackwardAfter, n)
		nodes.Heads = append(nodes.Heads, SavedNode(n, lossSum, 2))
	}
	nodes.Total = totalLoss(g, nodes.BackwardAfter, out.Aux, scale)
	nodes.BackwardAfter = nodes.BackwardAfter[:len(heads)-1] // after the last one everything is left to do anyway
	return nodes
}

// loss is one head's loss times the head's weight.
type loss struct {
	D, V   int
	Offset int
	Weight float32
	Train  bool
	Last   bool // of the heads on its projection: the one that answers the gradient
	Before int  // the input that is the loss of the head before on the same projection; 0: none
	Scale  int  // the input that gradients are multiplied by; 0: none
}

// The inputs that there always are.
const (
	lossTargets = iota
	lossWeights
	lossHidden
	lossProjection
)

// The saved buffers: the sum of weight x (-log p), and when training the gradients.
const (
	lossSum         = iota // [2]
	lossDHidden            // [M,D]
	lossDProjection        // [V,D], with those of the heads before
)

func (loss) Name() string { return "loss" }

func (k loss) Layout(in []tensor.Shape) engine.Layout {
	lay := engine.Layout{Saved: []engine.Extent{{Len: 2}}, Scratch: lossScratch(k.D, k.V)}
	if k.Train {
		lay.Saved = append(lay.Saved, engine.Extent{Len: in[lossHidden].TotalSize()}, engine.Extent{Len: k.V * k.D})
	}
	if k.Before > 0 {
		lay.Takes = []engine.Take{{Saved: lossDProjection, Input: k.Before, Of: lossDProjection}}
	}
	return lay
}

// Detached inputs are the weights, the projection but for the last head on it, the head before, and the loss scale.
func (k loss) Detached(input int) bool {
	return input == lossWeights || input == lossProjection && !k.Last || input > lossProjection
}

func (k loss) Bind(b engine.Binding) (engine.Kernel, error) {
	w := newLossBlocks(b, k.D, k.V)
	var before []float32
	if k.Train {
		w.dHidden, w.dProjection = b.Saved[lossDHidden], b.Saved[lossDProjection].F32
	}
	if k.Before > 0 {
		before = b.In[k.Before].Saved[lossDProjection].F32
	}
	return func(r *engine.Run) {
		w.scale, w.add = k.Weight, k.Before > 0
		if k.Scale > 0 {
			w.scale *= b.In[k.Scale].F32[0]
		}
		if w.add && &before[0] != &w.dProjection[0] {
			copy(w.dProjection, before)
		}
		sum := w.head(r, k.Offset)
		hi := float32(sum)
		b.Saved[lossSum].F32[0], b.Saved[lossSum].F32[1] = hi, float32(sum-float64(hi))
		b.Out.F32[0] = float32(float64(k.Weight) * sum)
	}, nil
}

func (k loss) Grad(in gorgonia.Nodes, out, grad *Node) gorgonia.Nodes {
	grads := make(gorgonia.Nodes, len(in)) // the kernel has weighted and scaled them
	grads[lossHidden] = timesScalar(SavedNode(out, lossDHidden, in[lossHidden].Shape()...), grad)
	if k.Last {
		grads[lossProjection] = timesScalar(SavedNode(out, lossDProjection, in[lossProjection].Shape()...), grad)
	}
	return grads
}
