package nn

import (
	"math"

	"github.com/archlab/archlab/core/engine"
	"github.com/archlab/archlab/core/kernel"
	"gorgonia.org/gorgonia"
	"gorgonia.org/tensor"
)

// BalanceLoss is E · Σ_e f_e·P_e, with f_e the share of assignments that chose expert e and P_e the mean over tokens of
// its normalised score (Switch Transformer, eq. 4; GShard): a scalar, 1 at perfect balance. Only P has a gradient. A token
// whose scores have all underflowed, as those of sigmoids may, counts the same for every expert.
func (r Routing) BalanceLoss() *Node {
	return Apply(balanceLoss{E: r.cfg.E, K: r.cfg.K, Sigmoid: r.cfg.Sigmoid}, nil, r.logits, r.scores, r.load)
}

// ZLoss is the mean over tokens of log(Σ exp(logits))² (ST-MoE, eq. 5): a scalar that keeps the router's logits small.
func (r Routing) ZLoss() *Node {
	return Apply(zLoss{E: r.cfg.E}, nil, r.logits)
}

type balanceLoss struct {
	NoLayout
	E, K    int
	Sigmoid bool
}

func (balanceLoss) Name() string { return "balance_loss" }

func (balanceLoss) Detached(input int) bool { return input > 0 }

func (k balanceLoss) Bind(b engine.Binding) (engine.Kernel, error) {
	scores, load, out := b.In[1].F32, b.In[2].F32, b.Out.F32
	return func(r *engine.Run) {
		total := 0.0
		for i := range r.Rows {
			if sum, dot := rowDot(scores[i*k.E:(i+1)*k.E], load); sum < leastSum {
				total += float64(k.K) * float64(r.Rows) / float64(k.E) // the mean load
			} else {
				total += dot / sum
			}
		}
		out[0] = float32(total * k.factor(r.Rows))
		r.FLOPs += BalanceLossFLOPs(r.Rows, k.E)
	}, nil
}

// factor turns Σ_i Σ_e load_e·p_ie into E·Σ_e f_e·P_e.
func (k balanceLoss) factor(m int) float64 {
	if m == 0 {
		return 0
	}
	return float64(k.E) / (float64(m*k.K) * float64(m))
}

func rowDot(s, load []float32) (sum, dot float64) {
	for e, v := range s {
		sum += float64(v)
		dot += float64(v) * float64(load[e])
	}
	return sum, dot
}

func (k balanceLoss) Grad(in gorgonia.Nodes, _, grad *Node) gorgonia.Nodes {
	return gorgonia.Nodes{Apply(balanceLossGrad(k), in[0].Shape(), grad, in[1], in[2]), nil, nil}
}

// balanceLossGrad is dlogits [M,E] of (dloss, scores, load): p = s/Σs, so that ds_e = c (load_e - Σ load·p) / Σs.
type balanceLossGrad balanceLoss

func (balanceLossGrad) Name() string { return "balance_loss.backward" }

func (k balanceLossGrad) Bind(b engine.Binding) (engine.Kernel, error) {
	dloss, scores, load, dlogits := b.In[0].F32, b.In[1].F32, b.In[2].F32, b.Out.F32
	return func(r *engine.Run) {
		c := float64(dloss[0]) * balanceLoss(k).factor(r.Rows)
		for i := range r.Rows {
			s, ds := scores[i*k.E:(i+1)*k.E], dlogits[i*k.E:(i+1)*k.E]
			sum, dot := rowDot(s, load)
			if sum < leastSum { // equal shares, whatever the scores
				clear(ds)
				continue
			}
			for e := range ds {
				ds[e] = float32(c * (float64(load[e]) - dot/sum) / sum)
			}
			scoreBackward(ds, s, k.Sigmoid)
		}
		r.FLOPs += 2 * BalanceLossFLOPs(r.Rows, k.E)
	}, nil
}

// zLoss saves the softmax of its logits [M,E] and each row's log-sum-exp [M].
type zLoss struct{ E int }

func (zLoss) Name() string { return "z_loss" }

func (k zLoss) Layout(in []tensor.Shape) engine.Layout {
	m := in[0][0]
	return engine.Layout{Saved: []engine.Extent{{Len: m * k.E}, {Len: m}}}
}

func (k zLoss) Bind(b engine.Binding) (engine.Kernel, error) {
	logits, probs, z, out := b.In[0].F32, b.Saved[0].F32, b.Saved[1].F32, b.Out.F32
	return func(r *engine.Run) {
		kernel.SoftmaxRows(b.Pool, probs, logits, r.Rows, k.E)
		total := 0.0
		for i := range r.Rows {
			x := logSumExp(logits[i*k.E:(i+1)*k.E], probs[i*k.E:(i+1)*k.E])
			z[i] = float32(x)
			total += x * x
		}
		out[0] = float32(total / float64(max(1, r.Rows)))
		r.FLOPs += ZLossFLOPs(r.Rows, k.E)
	}, nil
}

func (k zLoss) Grad(in gorgonia.Nodes, out, grad *Node) gorgonia.Nodes {
	return gorgonia.Nodes{Apply(zLossGrad(k), in[0].Shape(), grad, out)}
}

// zLossGrad is dlogits [M,E] of (dloss, z_loss): 2 z/M · softmax(logits) with z the row's log-sum-exp.
type zLossGrad zLoss

func (zLossGrad) Name() string { return "z_loss.backward" }

func (zLossGrad) Layout([]tensor.Shape) engine.Layout { return engine.Layout{} }

func (k zLossGrad) Bind(b engine.Binding) (engine.Kernel, error) {
	dloss, probs, z, dlogits := b.In[0].F32, b.In[1].Saved[0].F32, b.In[1].Saved[1].F32, b.Out.F32
	return func(r *engine.Run) {
		c := 2 * dloss[0] / float32(max(1, r.Rows))
		for i := range r.Rows {
			scale := c * z[i]
			for e := i * k.E; e < (i+1)*k.E; e++ {
				dlogits[e] = scale * probs[e]
			}
		}
		r.FLOPs += 2 * ZLossFLOPs(r.Rows, k.E)
	}, nil
}

// logSumExp of a row of logits whose softmax is known: x - log(softmax(x)) of any x, best of the greatest.
func logSumExp(x, softmax []float32) float64 {
	top := greatest(x)
	return float64(x[top]) - math.Log(float64(softmax[top]))
}

// greatest is the index of the greatest value, the first of equal ones.
func greatest(x []float32) int {
	top := 0
	for e, v := range x {
		if v > x[top] {
			top = e
		}
	}
	return top
}

// BalanceLossFLOPs counts the forward pass of BalanceLoss; the backward pass costs twice that.
func BalanceLossFLOPs(m, e int) float64 { return 3 * float64(m) * float64(e) }

// ZLossFLOPs counts the forward pass of ZLoss; the backward pass costs twice that.
func ZLossFLOPs(m, e int) float64 { return 3 * float64(m) * float64(e) }
